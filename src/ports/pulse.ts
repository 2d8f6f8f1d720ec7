// Pulses on the network.

import type { NodeId } from "#model/ids.ts";
import type { Pulse } from "#model/pulse.ts";

/** A pulse that opened: authentic, and from a member. `link` counts the receiver's links from 0. */
export interface ReceivedPulse {
  readonly pulse: Pulse;
  readonly link: number;
}

export interface PulsePort {
  /**
   * Sends one pulse to each of `to`, over every link that both have. Never waits and never fails: what the
   * network refuses is lost like what it drops. The receiver may get it twice, late or never.
   */
  send(pulse: Pulse, to: readonly NodeId[]): void;
}
