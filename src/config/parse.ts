// Text in, validated Config out. Start here: text -> value (source.ts) -> each part by itself (schema.ts) ->
// the parts together (sense.ts) -> the one form the program works with (normalise.ts).

import type { Config } from "#model/config.ts";
import { findingsOf } from "./kit.ts";
import { normalise } from "./normalise.ts";
import { type Finding, formatPath, type Problem, sortProblems } from "./problem.ts";
import { CONFIG } from "./schema.ts";
import { judgeSense } from "./sense.ts";
import { readYaml } from "./source.ts";

export type Parsed =
  /** Warnings are for people; the configuration is good. Sorted by position. */
  | { readonly kind: "ok"; readonly config: Config; readonly warnings: readonly Problem[] }
  /** At least one problem; all there are, sorted by position. */
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/**
 * Reads a configuration file's text, decoded as UTF-8. Pure, never throws: the same text gives the same answer.
 * When the YAML itself is broken, only that is reported: what would follow from it helps nobody.
 */
export function parseConfig(text: string): Parsed {
  const reading = readYaml(text);
  if (reading.kind === "unreadable") return { kind: "invalid", problems: sortProblems(reading.problems) };
  const written = CONFIG.safeParse(reading.value);
  const sense = judgeSense(reading.value);
  const findings = [...(written.success ? [] : findingsOf(written.error)), ...sense.findings];
  const problems = sortProblems([...reading.problems, ...relevant(findings).map(reading.place)]);
  if (problems.length > 0 || !written.success) return { kind: "invalid", problems };
  const warnings = sortProblems(sense.warnings.map(reading.place));
  return { kind: "ok", config: normalise(written.data, reading.value), warnings };
}

/** What lacks because a part that would have brought it is not built yet, is no mistake of the writer's. */
function relevant(findings: readonly Finding[]): readonly Finding[] {
  const planned = findings.filter(({ kind }) => kind === "later").map(({ path }) => formatPath(path));
  const isExcused = ({ kind, path }: Finding) =>
    kind === "missing" &&
    planned.some((inner) => path.length === 0 || inner.startsWith(`${formatPath(path)}.`));
  return findings.filter((finding) => !isExcused(finding));
}
