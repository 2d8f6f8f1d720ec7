// Programs in process groups of their own: run to an end by a deadline, launched to stay, ended as a whole.

import { ms } from "#model/units.ts";
import type { Group, ProgramPort } from "#ports/programs.ts";
import { startChild } from "./child.ts";
import { keepHead, keepTail } from "./kept-output.ts";
import { hasToken, readLiving, readStat, TOKEN_VARIABLE } from "./proc.ts";

/** Between SIGTERM and SIGKILL for a program that missed its deadline. */
export const KILL_GRACE = ms(2000);
/** How long a killed group is watched; what is left then hangs in the kernel and cannot be removed. */
export const KILL_WATCH = ms(5000);
/** How often a dying group is looked at: soon at first, then less often. */
const POLL_FIRST = 5;
const POLL_MAX = 200;

export function createPrograms(): ProgramPort {
  // Groups that this life of the daemon launched and has not seen empty: their number is not reused yet.
  const own = new Set<number>();

  const port: ProgramPort = {
    run(program, options, answer, settled = () => {}) {
      const begun = performance.now();
      const kept = options.keep === "head" ? keepHead() : keepTail();
      let group: Group | null = null;
      let isOver = false;
      let hasEnded = false;

      const giveUp = () => {
        isOver = true;
        clearTimeout(timer);
        if (group === null) return settled();
        port.end(group, { killAfter: KILL_GRACE, deadline: ms(KILL_GRACE + KILL_WATCH) }, () => settled());
      };
      const timer = setTimeout(() => {
        giveUp();
        if (group === null)
          answer({
            kind: "not-started",
            problem: `${program.argv[0]}: the deadline came before it could be started`,
          });
        else answer({ kind: "deadline", waited: ms(performance.now() - begun), output: kept.text() });
      }, options.deadline);

      startChild(program, kept, {
        mayStart: () => !isOver,
        started(pid, startTicks) {
          group = { pid, startTicks, token: null };
          own.add(pid);
        },
        ended(end) {
          hasEnded = true;
          if (isOver) return;
          isOver = true;
          clearTimeout(timer);
          // What it leaves in the background is its own affair from here on.
          if (group !== null) own.delete(group.pid);
          answer(end);
          settled();
        },
      });
      return () => {
        if (!isOver && !hasEnded) giveUp();
      };
    },

    launch(program, token, listener) {
      const env = { ...program.env, [TOKEN_VARIABLE]: token };
      startChild({ ...program, env }, keepTail(), {
        mayStart: () => true,
        started(pid, startTicks) {
          own.add(pid);
          listener.started({ pid, startTicks, token });
        },
        ended: (end) => listener.ended(end),
      });
    },

    members: (group) => membersOf(group, own.has(group.pid)),

    end(group, options, answer) {
      const begun = performance.now();
      let poll = POLL_FIRST;
      let isKilling = false;
      const killed = new Set<number>();
      const look = () => {
        const waited = performance.now() - begun;
        const left = membersOf(group, own.has(group.pid));
        if (left.length === 0) {
          own.delete(group.pid);
          return answer([], [...killed]);
        }
        if (waited >= options.deadline) return answer(left, [...killed]);
        if (waited >= options.killAfter) isKilling = true;
        // Again at each look: a fork may have slipped through.
        if (isKilling) {
          signalAll(group, left, "SIGKILL");
          for (const pid of left) killed.add(pid);
        }
        const next = isKilling ? options.deadline - waited : options.killAfter - waited;
        setTimeout(look, Math.max(1, Math.min(poll, next)));
        poll = Math.min(2 * poll, POLL_MAX);
      };
      const all = membersOf(group, own.has(group.pid));
      signalAll(group, all, "SIGTERM");
      // A stopped process takes the signal only once it runs again.
      signalAll(group, all, "SIGCONT");
      setTimeout(look, 0);
    },
  };
  return port;
}

/** See `ProgramPort.members`. `isOwn`: launched by this life and not seen empty since. */
function membersOf(group: Group, isOwn: boolean): number[] {
  const { pid, token } = group;
  const leader = readStat(pid);
  const isSame = leader !== null && leader.startTicks === group.startTicks;
  const isStranger = leader !== null && !isSame;
  // With the leader gone the number may be a stranger's by now, unless we were there all the time.
  const isProven = isSame || (isOwn && !isStranger);
  return readLiving()
    .filter((one) => one.pid !== process.pid)
    .filter((one) => {
      if (isProven && (one.group === pid || one.session === pid)) return true;
      return token !== null && hasToken(one.pid, token);
    })
    .map((one) => one.pid);
}

function signalAll(group: Group, members: readonly number[], signal: NodeJS.Signals): void {
  // The group first, in one call: a process that forks meanwhile cannot slip out of it.
  const isLed = members.some((pid) => readStat(pid)?.group === group.pid);
  if (isLed && group.pid > 1) trySignal(-group.pid, signal);
  for (const pid of members) if (!isLed || readStat(pid)?.group !== group.pid) trySignal(pid, signal);
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it has just ended. EPERM: it will be seen as still alive.
  }
}
