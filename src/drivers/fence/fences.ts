// Carries out calls to fence devices: one at a time for each device, each by its deadline, one answer.

import { unreachable } from "#lib/unreachable.ts";
import type { FenceDevice } from "#model/fencing.ts";
import { type Ms, ms } from "#model/units.ts";
import type { FenceAnswer, FenceCall, FencePort } from "#ports/fence.ts";
import type { CancelRun, ProgramPort, RunEnd } from "#ports/programs.ts";
import { prepareAgent } from "./agent.ts";
import { prepareCommand } from "./command.ts";
import { askOperator } from "./operator.ts";
import type { Prepared } from "./prepared.ts";
import { createQueues } from "./queues.ts";
import { prepareSsh } from "./ssh.ts";

/** Calls to one device that may wait: one for the procedure, one for the background test, a few of operators'. */
const WAITING_MAX = 8;

export interface FencesOptions {
  /** Where fence agents are looked for; tests have folders of their own. */
  readonly agentFolders?: readonly string[];
}

export function createFences(programs: ProgramPort, options: FencesOptions = {}): FencePort {
  const queues = createQueues();
  // The status that is being asked of a device: it makes room when the device is needed.
  const statuses = new Map<string, () => void>();

  return {
    call(call, answer) {
      const { device, verb } = call;
      const key = `${call.node}\n${device.id}`;
      const begun = performance.now();
      const waited = (): Ms => ms(performance.now() - begun);
      // A background test of a slow device must not cost the time in which it could have been switched off.
      if (verb === "off") {
        statuses.get(key)?.();
        statuses.delete(key);
      }

      if (queues.waiting(key) >= WAITING_MAX) {
        const detail = `${WAITING_MAX} calls to this device wait already`;
        queueMicrotask(() => answer({ kind: "failed", detail }));
        return;
      }
      const timer = setTimeout(() => {
        leaveQueue();
        const detail = "an earlier call to this device is not over yet";
        answer({ kind: "unknown", waited: waited(), detail });
      }, device.timeout);
      const begin = (free: () => void) => {
        clearTimeout(timer);
        // Not before now: the password may have been changed while the call waited.
        const prepared = prepare(call, options);
        if (prepared.kind === "answer") {
          queueMicrotask(() => {
            answer(prepared.answer);
            free();
          });
          return;
        }
        const deadline = ms(Math.max(1, device.timeout - waited()));
        const finish = (given: FenceAnswer) => {
          statuses.delete(key);
          answer(given);
        };
        const done = (end: RunEnd) => finish(judge(end, prepared, waited()));
        const cancel = programs.run(prepared.program, { deadline, keep: "tail" }, done, free);
        if (verb === "status") statuses.set(key, () => giveUp(cancel, finish));
      };
      const leaveQueue = queues.take(key, begin, { isUrgent: verb === "off" });
    },
  };
}

function giveUp(cancel: CancelRun, finish: (answer: FenceAnswer) => void): void {
  cancel();
  queueMicrotask(() => finish({ kind: "failed", detail: "given up: the device was needed for off" }));
}

function prepare(call: FenceCall, options: FencesOptions): Prepared {
  const device: FenceDevice = call.device;
  switch (device.kind) {
    case "agent":
      return prepareAgent(device, call.verb, options.agentFolders);
    case "command":
      return prepareCommand(device, call);
    case "ssh":
      return prepareSsh(device, call.verb);
    case "operator":
      return askOperator(call.node);
    default:
      return unreachable(device);
  }
}

function judge(
  end: RunEnd,
  { judgeExit, hide }: Extract<Prepared, { kind: "run" }>,
  waited: Ms,
): FenceAnswer {
  switch (end.kind) {
    case "exited":
      return judgeExit(end.code, end.output);
    case "signalled":
      return { kind: "failed", detail: hide(`ended by ${end.signal}`) };
    case "not-started":
      return { kind: "failed", detail: hide(end.problem) };
    case "deadline":
      return { kind: "unknown", waited, detail: `no answer after ${Math.round(waited)} ms` };
    default:
      return unreachable(end);
  }
}
