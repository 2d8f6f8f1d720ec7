// Fence devices of the simulated hosts: they really cut the power, unless they lie, hang or fail.

import type { NodeId } from "#model/ids.ts";
import { ms } from "#model/units.ts";
import type { FenceAnswer, FencePort, FenceVerb } from "#ports/fence.ts";
import type { Host } from "./host.ts";
import type { Thread } from "./thread.ts";
import { Violation } from "./world.ts";

/**
 * How the devices of one host behave. lying: they say that they did it, and did not; what they say of the power is
 * true even so, or nothing could ever be proved by them.
 */
export type DevicesState = "well" | "slow" | "lying" | "hanging" | "failing";

/** How long a device takes, ms. */
const TAKES = { from: 50, to: 500 };
const SLOW = { from: 500, to: 1_900 };
/** A call that hangs may have its effect long after everybody gave it up, ms. */
const LATE = { from: 2_500, to: 9_000 };

/** The devices as the daemon on `host` reaches them; over a network of their own. */
export function fencePort(host: Host, thread: Thread): FencePort {
  const { world, trustsUnknown } = host.around;
  const watch = new FenceWatch(host);
  return {
    call({ node, verb, device }, answerIt) {
      const answer = watch.asked(node, verb, answerIt);
      const target = host.around.hosts.find(({ id }) => id === node);
      const say = (delay: number, said: () => FenceAnswer) =>
        world.after(delay, () => {
          const what = said();
          thread.deliver(() => answer(trustsUnknown ? trusted(what, verb) : what));
        });
      if (target === undefined) return say(1, () => ({ kind: "failed", detail: "there is no such host" }));
      const { from, to } = target.devices === "slow" ? SLOW : TAKES;
      // A second device works when the first does not: half of the time.
      const isSpared = device.id.endsWith("2") && host.chance.chance(0.5);
      const state = isSpared ? "well" : target.devices;
      if (state === "hanging") {
        if (verb !== "status" && host.chance.chance(0.5))
          world.after(host.chance.between(LATE.from, LATE.to), () => carryOut(target, verb));
        return say(device.timeout, () => ({
          kind: "unknown",
          waited: ms(device.timeout),
          detail: "it hangs",
        }));
      }
      say(host.chance.between(from, to), () => {
        if (state === "failing") return { kind: "failed", detail: "no" };
        if (state === "lying" && verb !== "status") return { kind: "done", detail: "done" };
        return carryOut(target, verb);
      });
    },
  };
}

/** Only for the wrong variant: what is not known is taken for what was wanted. */
function trusted(said: FenceAnswer, verb: FenceVerb): FenceAnswer {
  if (said.kind !== "unknown" && said.kind !== "failed") return said;
  return verb === "status" ? { kind: "is-off", detail: "off" } : { kind: "done", detail: "done" };
}

function carryOut(target: Host, verb: FenceVerb): FenceAnswer {
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

/** One life's calls: only one node at a time is switched off or on by it. */
class FenceWatch {
  readonly #host: Host;
  readonly #open = new Map<NodeId, number>();

  constructor(host: Host) {
    this.#host = host;
  }

  asked(node: NodeId, verb: FenceVerb, answer: (said: FenceAnswer) => void): (said: FenceAnswer) => void {
    if (verb === "status") return answer;
    const count = (by: number) => this.#open.set(node, (this.#open.get(node) ?? 0) + by);
    count(1);
    for (const [other, calls] of this.#open) {
      if (other === node || calls === 0) continue;
      throw new Violation("fences-two", `${this.#host.id} switches ${node} ${verb} while it fences ${other}`);
    }
    return (said) => {
      count(-1);
      answer(said);
    };
  }
}
