// Carries out checks and reach probes: a slot for each, a deadline over all of it, one answer.

import { isIP } from "node:net";
import { unreachable } from "#lib/unreachable.ts";
import type { CheckConfig } from "#model/config.ts";
import { type Ms, ms } from "#model/units.ts";
import type { CheckContext, CheckPort } from "#ports/checks.ts";
import type { ProgramPort } from "#ports/programs.ts";
import { commandProbe } from "./command-check.ts";
import { httpProbe } from "./http-check.ts";
import { judgePing } from "./reach.ts";
import { createSlots } from "./slots.ts";
import { tcpProbe } from "./tcp-check.ts";
import { type Probe, type Verdict, verdict } from "./verdict.ts";

/** Probes that run at once: enough for every service of a node, few enough for its process table. */
export const CHECKS_RUNNING = 32;
export const CHECKS_WAITING = 1024;

export function createChecks(programs: ProgramPort): CheckPort {
  const slots = createSlots({ running: CHECKS_RUNNING, waiting: CHECKS_WAITING });

  return {
    run(check, context, deadline, answer) {
      const begun = performance.now();
      let isOver = false;
      let giveUpProbe: (() => void) | null = null;
      const finish = (found: Verdict) => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        answer({ ...found, took: ms(performance.now() - begun) });
      };
      const giveUp = () => {
        leaveLine?.();
        giveUpProbe?.();
      };
      const timer = setTimeout(() => {
        const isLate = giveUpProbe !== null;
        giveUp();
        if (isLate) finish(verdict("timeout", `${subjectOf(check)}: no answer after ${deadline} ms`));
        else finish(verdict("unknown", `not carried out: ${CHECKS_RUNNING} other checks were running`));
      }, deadline);
      const leaveLine = slots.take((free) => {
        const left = ms(deadline - (performance.now() - begun));
        giveUpProbe = probeOf(check, context, left, programs)(finish, free);
      });
      if (leaveLine === null) {
        queueMicrotask(() =>
          finish(verdict("unknown", `not carried out: ${CHECKS_WAITING} other checks wait`)),
        );
      }
      return () => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        giveUp();
      };
    },

    reach(address, deadline, answer) {
      if (isIP(address) === 0) {
        queueMicrotask(() => answer({ kind: "unknown", why: `${address} is not an IP address` }));
        return () => {};
      }
      const argv = ["ping", "-n", "-q", "-c", "1", "-W", "1", address];
      const program = { argv, user: null, directory: null, env: { LC_ALL: "C" } };
      return programs.run(program, { deadline, keep: "tail" }, (end) => answer(judgePing(end)));
    },
  };
}

function probeOf(check: CheckConfig, context: CheckContext, deadline: Ms, programs: ProgramPort): Probe {
  switch (check.kind) {
    case "http":
      return httpProbe(check);
    case "tcp":
      return tcpProbe(check);
    case "command":
      return commandProbe(check, { context, programs, deadline });
    default:
      return unreachable(check);
  }
}

function subjectOf(check: CheckConfig): string {
  switch (check.kind) {
    case "http":
      return check.url;
    case "tcp":
      return `${check.host} port ${check.port}`;
    case "command":
      return check.id;
    default:
      return unreachable(check);
  }
}
