// Prints what the doctor found, for people or as JSON.

import type { ExitCode } from "#cli/exit.ts";
import type { Io } from "#cli/io.ts";
import { type Finding, formatFindings, judgeAll } from "#doctor/finding.ts";
import { plain } from "#lib/plain.ts";

export interface ReportOptions {
  /** Which member this host is; null: not known. */
  readonly node: string | null;
  /** The daemon runs on this host. */
  readonly daemon: boolean;
  readonly json: boolean;
}

export function report(
  findings: readonly Finding[],
  { node, daemon, json }: ReportOptions,
  io: Io,
): ExitCode {
  const verdict = judgeAll(findings);
  const { exit, sentence, counts } = verdict;
  if (json) io.out(JSON.stringify({ format: 1, node, daemon, exit, sentence, counts, findings }, null, 2));
  else io.out(formatFindings(findings.map(safe), verdict));
  return exit;
}

/** What comes from elsewhere (agents, devices) is printed to a terminal. */
const safe = (finding: Finding): Finding => ({
  ...finding,
  text: plain(finding.text),
  advice: finding.advice === null ? null : plain(finding.advice),
});
