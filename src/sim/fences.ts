// Fence devices of the simulated hosts: they really cut the power.

import type { FenceAnswer, FencePort } from "#ports/fence.ts";
import type { Host } from "./host.ts";
import type { Thread } from "./thread.ts";

/** How long a device takes, ms. */
const TAKES = { from: 50, to: 900 };

/** The devices as the daemon on `host` reaches them. */
export function fencePort(host: Host, thread: Thread): FencePort {
  const { world } = host.around;
  return {
    call({ node, verb }, answer) {
      const target = host.around.hosts.find(({ id }) => id === node);
      world.after(host.chance.between(TAKES.from, TAKES.to), () => {
        const said = target === undefined ? NOBODY : carryOut(target, verb);
        thread.deliver(() => answer(said));
      });
    },
  };
}

const NOBODY: FenceAnswer = { kind: "failed", detail: "there is no such host" };

function carryOut(target: Host, verb: "off" | "on" | "status"): FenceAnswer {
  switch (verb) {
    case "off":
      target.crash();
      return { kind: "done", detail: "off" };
    case "on":
      target.powerOn();
      return { kind: "done", detail: "on" };
    case "status":
      return target.hasPower ? { kind: "is-on", detail: "on" } : { kind: "is-off", detail: "off" };
  }
}
