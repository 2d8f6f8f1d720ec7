// Pulses over sealed datagrams; runs in the keeper's thread, where nothing may wait.

import { assert } from "#lib/assert.ts";
import type { NodeId } from "#model/ids.ts";
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
}

export interface Pulses extends PulsePort {
  /** Counters, a change of members, the end: of the datagrams below. */
  readonly datagrams: DatagramPort;
}

export function createPulses({ me, boot, open, received }: PulseOptions): Pulses {
  const datagrams = open(({ from, boot: sendersBoot, link, body }) => {
    const pulse = decodePulse(body, from, sendersBoot);
    if (pulse === null) return false;
    received({ pulse, link });
    return true;
  });
  return {
    datagrams,
    send(pulse: Pulse, to: readonly NodeId[]): void {
      assert(pulse.from === me && pulse.session.boot === boot, "a daemon speaks for itself, in its own boot");
      datagrams.send(encodePulse(pulse), to, "all");
    },
  };
}
