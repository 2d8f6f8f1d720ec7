// Resources that are commands of the operator's: which one to run for a verb, and what its end means.

import { unreachable } from "#lib/unreachable.ts";
import type { Argv, CommandResource } from "#model/config.ts";
import type { OpVerb } from "#model/role.ts";
import { type Ms, ms } from "#model/units.ts";
import type { CancelRun, ProgramPort, RunEnd } from "#ports/programs.ts";
import type { OpResult } from "#ports/resources.ts";

/** LSB init scripts say 3 for "not running", OCF agents 7. */
const PROBE_STOPPED = [3, 7];

export interface CommandOp {
  readonly key: string;
  readonly resource: CommandResource;
  readonly verb: OpVerb;
  readonly env: Readonly<Record<string, string>>;
}

export interface Commands {
  /** `settled` comes after the answer, or after a cancel, when nothing more is done for this op. */
  run(op: CommandOp, deadline: Ms, answer: (result: OpResult) => void, settled: () => void): CancelRun;
}

export function createCommands(programs: ProgramPort): Commands {
  // For those without a probe: what the last op left behind, as far as it is certain.
  const known = new Map<string, "running" | "stopped">();

  return {
    run(op, deadline, answer, settled) {
      const argv = argvOf(op.resource, op.verb);
      if (argv === null) {
        queueMicrotask(() => {
          answer(op.verb === "probe" ? remembered(known.get(op.key)) : { kind: "done", output: "" });
          settled();
        });
        return () => {};
      }
      if (op.verb === "start" || op.verb === "stop") known.delete(op.key);
      const program = { argv, user: null, directory: null, env: op.env };
      const options = { deadline, keep: "tail" } as const;
      const done = (end: RunEnd) => {
        const result = judgeEnd(op.verb, end);
        if (result.kind === "done" && op.verb === "start") known.set(op.key, "running");
        if (result.kind === "done" && op.verb === "stop") known.set(op.key, "stopped");
        answer(result);
      };
      return programs.run(program, options, done, settled);
    },
  };
}

function argvOf(resource: CommandResource, verb: OpVerb): Argv | null {
  return resource[verb];
}

function remembered(state: "running" | "stopped" | undefined): OpResult {
  if (state === "running") return { kind: "done", output: "started by us; it has no probe" };
  if (state === "stopped") return { kind: "stopped", output: "stopped by us; it has no probe" };
  const output = "it has no probe, and no start or stop has succeeded since the daemon started";
  return { kind: "unknown", waited: ms(0), output };
}

export function judgeEnd(verb: OpVerb, end: RunEnd): OpResult {
  switch (end.kind) {
    case "exited":
      if (end.code === 0) return { kind: "done", output: end.output };
      if (verb === "probe" && PROBE_STOPPED.includes(end.code))
        return { kind: "stopped", output: end.output };
      return { kind: "failed", code: end.code, output: end.output };
    case "signalled":
      return { kind: "failed", code: null, output: `${end.output}(ended by ${end.signal})` };
    case "not-started":
      return { kind: "failed", code: null, output: end.problem };
    case "deadline":
      return { kind: "unknown", waited: end.waited, output: end.output };
    default:
      return unreachable(end);
  }
}
