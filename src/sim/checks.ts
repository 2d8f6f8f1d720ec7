// Checks of a virtual host: they see whether the programs of the service run, and sometimes nonsense.

import type { Prng } from "#lib/prng.ts";
import { isGrant, type ServiceConfig } from "#model/config.ts";
import { ms } from "#model/units.ts";
import type { CheckOutcome, CheckPort, ReachResult } from "#ports/checks.ts";
import type { Programs } from "./programs.ts";
import type { Thread } from "./thread.ts";
import type { World } from "./world.ts";

export interface ChecksState {
  /** Services whose checks fail here although nothing else is wrong. */
  readonly failing: Set<string>;
  /** No `reach` target answers this host. */
  isCutOff: boolean;
}

const TAKES = { from: 0.5, to: 20 };

export function checkPort(
  world: World,
  chance: Prng,
  options: {
    readonly state: ChecksState;
    readonly programs: Programs;
    readonly services: readonly ServiceConfig[];
    readonly thread: Thread;
  },
): CheckPort {
  const { state, programs, services, thread } = options;
  const outcomeOf = (name: string): CheckOutcome => {
    const service = services.find((each) => each.name === name);
    if (service === undefined || state.failing.has(name)) return "critical";
    const behind = service.resources.filter((each) => !isGrant(each));
    return behind.every((each) => programs.isRunning(`${name}/${each.id}`)) ? "ok" : "critical";
  };
  return {
    run: (_check, context, _deadline, answer) => {
      const took = chance.between(TAKES.from, TAKES.to);
      let isCancelled = false;
      world.after(took, () => {
        const outcome = outcomeOf(context.service);
        thread.deliver(() => {
          if (!isCancelled) answer({ outcome, text: outcome, perfdata: [], took: ms(took) });
        });
      });
      return () => {
        isCancelled = true;
      };
    },
    reach: (_address, _deadline, answer) => {
      const result: ReachResult = state.isCutOff ? { kind: "silent", why: "no reply" } : { kind: "reached" };
      let isCancelled = false;
      world.after(chance.between(TAKES.from, TAKES.to), () =>
        thread.deliver(() => {
          if (!isCancelled) answer(result);
        }),
      );
      return () => {
        isCancelled = true;
      };
    },
  };
}
