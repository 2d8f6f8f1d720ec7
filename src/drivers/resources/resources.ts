// Carries out ops: each in its turn, by its deadline, by the driver for its kind of resource.

import { unreachable } from "#lib/unreachable.ts";
import { type Ms, ms } from "#model/units.ts";
import type { ProgramPort } from "#ports/programs.ts";
import type { CancelOp, Op, OpResult, ResourcePort } from "#ports/resources.ts";
import { createCommands } from "./commands.ts";
import { openRecords } from "./records.ts";
import { createSupervisor, type ProcessOp } from "./supervisor.ts";
import { createTurns } from "./turns.ts";

/** Ops of one resource that may wait; the engine asks for one at a time. */
const WAITING_MAX = 8;

/** `runDirectory` keeps notes on running processes for the next life of the daemon. */
export function createResources(programs: ProgramPort, runDirectory: string): ResourcePort {
  const turns = createTurns();
  const commands = createCommands(programs);
  const records = openRecords(runDirectory);
  const supervisor = createSupervisor(programs, records, turns);

  /** Carries out an op whose turn it is. `settled` comes once, when the next one may begin. */
  function begin(op: Op, deadline: Ms, answer: (result: OpResult) => void, settled: () => void): CancelOp {
    const { resource, verb, context } = op;
    const key = keyOf(op);
    switch (resource.kind) {
      case "command":
        return commands.run({ key, resource, verb, env: envOf(op) }, deadline, answer, settled);
      case "process": {
        const answerAndSettle = (result: OpResult) => {
          answer(result);
          settled();
        };
        beginProcess(
          { key, service: context.service, resource, env: envOf(op) },
          op,
          deadline,
          answerAndSettle,
        );
        // What begins is finished; a process that is no longer wanted is stopped by the next op.
        return () => {};
      }
      default:
        return unreachable(resource);
    }
  }

  function beginProcess(process: ProcessOp, op: Op, deadline: Ms, answer: (result: OpResult) => void): void {
    switch (op.verb) {
      case "start":
        supervisor.start(process, answer);
        break;
      case "stop":
        supervisor.stop(process, deadline, answer);
        break;
      case "probe":
        supervisor.probe(process, answer);
        break;
      case "promote":
      case "demote":
        queueMicrotask(() => answer({ kind: "done", output: "" }));
        break;
      default:
        unreachable(op.verb);
    }
  }

  function run(op: Op, deadline: Ms, answer: (result: OpResult) => void): CancelOp {
    const begun = performance.now();
    const key = keyOf(op);
    let isOver = false;
    let cancelBegun: CancelOp = () => {};
    const answerOnce = (result: OpResult) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      answer(result);
    };
    const timer = setTimeout(() => {
      const output = giveUpTurn() ? "an earlier op of this resource is not over yet" : "";
      answerOnce({ kind: "unknown", waited: ms(performance.now() - begun), output });
    }, deadline);
    if (turns.waiting(key) >= WAITING_MAX) {
      const output = `${WAITING_MAX} ops of this resource wait already`;
      queueMicrotask(() => answerOnce({ kind: "failed", code: null, output }));
      return () => {};
    }
    const giveUpTurn = turns.take(key, (settled) => {
      // A command keeps its own deadline, and has its output then.
      if (op.resource.kind === "command") clearTimeout(timer);
      const left = ms(Math.max(1, deadline - (performance.now() - begun)));
      cancelBegun = begin(op, left, answerOnce, settled);
    });
    return () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      if (!giveUpTurn()) cancelBegun();
    };
  }

  return {
    run,
    onExit: (listener) => supervisor.onExit(listener),

    sweep(deadline, answer) {
      const end = (key: string, one: Answer) => supervisor.endEarlier(key, deadline, one);
      gather(records.keys(), deadline, end, answer);
    },

    stopAll(deadline, answer) {
      const running = new Map(supervisor.running().map((process) => [process.key, process]));
      const stop = (key: string, one: Answer) => {
        const process = running.get(key);
        turns.take(key, (settled) => {
          if (process === undefined) return settled();
          supervisor.stop(process, deadline, (result) => {
            one(result.kind === "done" ? null : result.output);
            settled();
          });
        });
      };
      gather([...running.keys()], deadline, stop, answer);
    },
  };
}

/** With the problem, or null. */
type Answer = (problem: string | null) => void;

/** Does something for every key at once and answers when all have answered, or at the deadline. */
function gather(
  keys: readonly string[],
  deadline: Ms,
  act: (key: string, answer: Answer) => void,
  answer: (problems: readonly string[]) => void,
): void {
  const waiting = new Set(keys);
  const problems: string[] = [];
  const finish = () => {
    clearTimeout(timer);
    const late = [...waiting].map((key) => `${key}: no answer after ${deadline} ms`);
    waiting.clear();
    answer([...problems, ...late]);
  };
  const timer = setTimeout(finish, deadline);
  if (keys.length === 0) queueMicrotask(finish);
  for (const key of keys) {
    act(key, (problem) => {
      if (!waiting.delete(key)) return;
      if (problem !== null) problems.push(`${key}: ${problem}`);
      if (waiting.size === 0) finish();
    });
  }
}

function keyOf(op: Op): string {
  return `${op.context.service}/${op.resource.id}`;
}

function envOf({ resource, verb, context }: Op): Record<string, string> {
  return {
    UNDERSTUDY_SERVICE: context.service,
    UNDERSTUDY_RESOURCE: resource.id,
    UNDERSTUDY_VERB: verb,
    UNDERSTUDY_NODE: context.node,
    UNDERSTUDY_TERM: String(context.term),
    UNDERSTUDY_ADDRESSES: context.addresses.join(" "),
  };
}
