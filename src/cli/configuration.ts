// Reads and judges a configuration file, for `check` and for the daemon's start alike.

import { parseConfig } from "#config/parse.ts";
import { formatProblems, type Problem } from "#config/problem.ts";
import type { Config } from "#model/config.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { readText } from "./files.ts";

export type ReadConfiguration =
  /** `warnings` is text for people, empty when there are none. */
  | {
      readonly kind: "ok";
      readonly config: Config;
      readonly warnings: string;
      readonly found: readonly Problem[];
    }
  | {
      readonly kind: "failed";
      readonly code: ExitCode;
      readonly text: string;
      readonly found: readonly Problem[];
    };

/** A configuration of a megabyte is a mistake. */
const SIZE_LIMIT = 1024 * 1024;

/** Never throws: what the file is not is in the answer, with the exit code that follows. */
export function readConfiguration(file: string): ReadConfiguration {
  const read = readText(file);
  if (read.kind === "failed") {
    const why = read.why === "missing" ? "there is no such file" : read.text;
    const code = read.why === "not-allowed" ? EXIT.notAllowed : EXIT.invalid;
    return { kind: "failed", code, text: `cannot read ${file}: ${why}`, found: [] };
  }
  const text = read.value;
  if (text.length > SIZE_LIMIT) {
    return { kind: "failed", code: EXIT.invalid, text: `${file} is larger than a megabyte`, found: [] };
  }
  const parsed = parseConfig(text);
  if (parsed.kind === "invalid") {
    const problems = formatProblems(parsed.problems, text, file);
    return { kind: "failed", code: EXIT.invalid, text: problems, found: parsed.problems };
  }
  const { config, warnings } = parsed;
  return { kind: "ok", config, warnings: formatProblems(warnings, text, file), found: warnings };
}
