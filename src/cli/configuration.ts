// Reads and judges a configuration file, for `check` and for the daemon's start alike.

import { parseConfig } from "#config/parse.ts";
import { formatProblems, type Problem } from "#config/problem.ts";
import { nearest } from "#lib/nearest.ts";
import type { Config } from "#model/config.ts";
import { type NodeId, nodeId } from "#model/ids.ts";
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

export type FoundMember =
  | { readonly kind: "ok"; readonly node: NodeId }
  | { readonly kind: "failed"; readonly code: ExitCode; readonly text: string };

/** Which configured member the daemon is; a witness need not be named when there is only one. */
export function findMember(
  config: Config,
  { role, node }: { readonly role: "node" | "witness"; readonly node: string | null },
): FoundMember {
  const names = config.members.filter((member) => member.kind === role).map((member) => member.id as string);
  const fail = (text: string): FoundMember => ({ kind: "failed", code: EXIT.usage, text });
  if (node === null) {
    const [only] = names;
    if (names.length === 1 && only !== undefined) return { kind: "ok", node: nodeId(only) };
    if (only === undefined) return fail(`the configuration has no ${role}`);
    return fail(`the configuration has several: say --node ${names.join(" or --node ")}`);
  }
  if (names.includes(node)) return { kind: "ok", node: nodeId(node) };
  const other = config.members.find((member) => member.id === node);
  if (other !== undefined) {
    const fitting = other.kind === "witness" ? "understudy witness" : "understudy up";
    return fail(`${node} is a ${other.kind}: use "${fitting} --node ${node}"`);
  }
  const near = nearest(node, names);
  const hint = near === null ? `known: ${names.join(", ") || "none"}` : `did you mean ${near}?`;
  return fail(`the configuration has no ${role} "${node}"; ${hint}`);
}
