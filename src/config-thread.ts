// Reads and checks a configuration in a thread of its own, which then ends: the parser and the schema take
// memory that a daemon need not keep for months.

import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { parseConfig } from "#config/parse.ts";
import { formatProblems } from "#config/problem.ts";
import { assert } from "#lib/assert.ts";
import type { Config } from "#model/config.ts";

export type ConfigAnswer =
  | { readonly kind: "ok"; readonly config: Config }
  /** `text` for the operator: all problems, or why the file cannot be read. */
  | { readonly kind: "invalid"; readonly text: string };

assert(parentPort !== null, "this file runs as a thread of understudy");
parentPort.postMessage(read(workerData as string));

function read(file: string): ConfigAnswer {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "invalid", text: `understudy: cannot read the configuration: ${why}` };
  }
  const parsed = parseConfig(text);
  return parsed.kind === "ok"
    ? { kind: "ok", config: parsed.config }
    : { kind: "invalid", text: formatProblems(parsed.problems, text, file) };
}
