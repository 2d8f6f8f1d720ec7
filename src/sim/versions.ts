// Mixed versions: in a share of runs each life of a daemon is of this version or of the one before, which states less.
// What it leaves out the others take for its default, as the drivers of pulses and messages do.

import type { NodeId } from "#model/ids.ts";
import type { Message } from "#model/order.ts";
import type { Pulse } from "#model/pulse.ts";
import type { World } from "./world.ts";

/** Of all runs. */
const MIXED = 0.25;
/** Of the lives in such a run. */
const OLDER = 0.5;

/** How what a life states is heard by the others. */
export interface Voice {
  pulse(pulse: Pulse): Pulse;
  /** What it tells itself needs no protocol. */
  message(message: Message, to: NodeId): Message;
}

/** Which version a host runs is open at every start of its daemon; the same seed gives the same. */
export function voiceOf(world: World, host: NodeId, boot: number, isUpgraded = false): Voice {
  const isMixed = !isUpgraded && world.chance("mixed versions").chance(MIXED);
  const isOlder = isMixed && world.chance(`version ${host} ${boot}`).chance(OLDER);
  if (!isOlder) return { pulse: (pulse) => pulse, message: (message) => message };
  return {
    pulse: (pulse) => ({ ...pulse, watchdog: null }),
    message: (message, to) => (to === host ? message : olderMessage(message)),
  };
}

function olderMessage(message: Message): Message {
  switch (message.kind) {
    case "order":
      return { ...message, picture: { ...message.picture, proofs: [], proving: [] } };
    case "report": {
      const services = message.report.services.map((service) => ({
        ...service,
        stuck: false,
        heldDown: false,
        flaps: 0,
      }));
      return { ...message, report: { ...message.report, services, proofs: [] } };
    }
    default:
      return message;
  }
}
