// Pulses over sealed datagrams; runs in the keeper's thread, where nothing may wait.

import { assert } from "#lib/assert.ts";
import type { NodeId } from "#model/ids.ts";
import { foreignProtocol } from "#model/protocol.ts";
import type { Pulse } from "#model/pulse.ts";
import type { DatagramPort, OpenDatagrams } from "#ports/datagrams.ts";
import type { PulsePort, ReceivedPulse } from "#ports/pulse.ts";
import { decodePulse, encodePulse } from "./codec.ts";

export interface PulseOptions {
  readonly me: NodeId;
  /** As given to the datagrams: it stands in their envelope. */
  readonly boot: number;
  /** For the purpose "pulse", on the configured port. */
  readonly open: OpenDatagrams;
  /** Called for each pulse that opened, once for each link on which it came. */
  readonly received: (pulse: ReceivedPulse) => void;
  /**
   * Called when a member turns out to speak a protocol that this program and it do not share, once for each that it
   * is heard to speak; nothing it states is used. Null: it is understood again.
   */
  readonly foreign: (from: NodeId, protocol: number | null) => void;
}

export interface Pulses extends PulsePort {
  /** Counters, a change of members, the end: of the datagrams below. */
  readonly datagrams: DatagramPort;
  /** Pulses of members that speak another protocol; the datagrams count them as received. */
  readonly refusedForeign: number;
}

export function createPulses({ me, boot, open, received, foreign }: PulseOptions): Pulses {
  const strangers = new Map<NodeId, number>();
  let refusedForeign = 0;
  const refuse = (from: NodeId, protocol: number) => {
    refusedForeign++;
    if (strangers.get(from) === protocol) return;
    strangers.set(from, protocol);
    foreign(from, protocol);
  };
  const datagrams = open(({ from, boot: sendersBoot, link, body }) => {
    const pulse = decodePulse(body, from, sendersBoot);
    if (pulse === null) {
      const protocol = foreignProtocol(body);
      if (protocol !== null) refuse(from, protocol);
      return protocol !== null;
    }
    if (strangers.size > 0 && strangers.delete(from)) foreign(from, null);
    received({ pulse, link });
    return true;
  });
  return {
    datagrams,
    get refusedForeign() {
      return refusedForeign;
    },
    send(pulse: Pulse, to: readonly NodeId[]): void {
      assert(pulse.from === me && pulse.session.boot === boot, "a daemon speaks for itself, in its own boot");
      datagrams.send(encodePulse(pulse), to, "all");
    },
  };
}
