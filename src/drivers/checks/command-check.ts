// Runs a plugin and takes its exit code and output by the Nagios conventions.

import { unreachable } from "#lib/unreachable.ts";
import type { CommandCheck } from "#model/config.ts";
import type { Ms } from "#model/units.ts";
import type { CheckContext, CheckOutcome } from "#ports/checks.ts";
import type { ProgramPort, RunEnd } from "#ports/programs.ts";
import { parsePluginOutput } from "./nagios.ts";
import { type Probe, type Verdict, verdict } from "./verdict.ts";

/** Exit codes of the Nagios plugin guidelines, "Plugin Return Codes". */
const OUTCOMES: Readonly<Record<number, CheckOutcome>> = {
  0: "ok",
  1: "warning",
  2: "critical",
  3: "unknown",
};

export function commandProbe(
  check: CommandCheck,
  options: { readonly context: CheckContext; readonly programs: ProgramPort; readonly deadline: Ms },
): Probe {
  const { context, programs, deadline } = options;
  const env = {
    UNDERSTUDY_SERVICE: context.service,
    UNDERSTUDY_NODE: context.node,
    UNDERSTUDY_CHECK: check.id,
    // Plugins print figures as the locale has them; a decimal comma is none.
    LC_ALL: "C.UTF-8",
  };
  const program = { argv: check.run, user: null, directory: null, env };
  return (answer, settled) =>
    programs.run(program, { deadline, keep: "head" }, (end) => answer(judgeEnd(end)), settled);
}

export function judgeEnd(end: RunEnd): Verdict {
  switch (end.kind) {
    case "exited":
      return judgeExit(end.code, end.output);
    case "signalled":
      return verdict("critical", `the check was ended by ${end.signal}`);
    case "not-started":
      return verdict("unknown", end.problem);
    case "deadline":
      return verdict("timeout", `no result after ${Math.round(end.waited)} ms`);
    default:
      return unreachable(end);
  }
}

function judgeExit(code: number, output: string): Verdict {
  const { text, perfdata } = parsePluginOutput(output);
  const outcome = OUTCOMES[code];
  if (outcome !== undefined) return { outcome, text: text || "(no output)", perfdata };
  // What a shell answers when there is no such program, or none that may be executed.
  const couldNotRun = code === 126 || code === 127;
  const said = text === "" ? `exit code ${code}` : `exit code ${code}: ${text}`;
  return { outcome: couldNotRun ? "unknown" : "critical", text: said, perfdata };
}
