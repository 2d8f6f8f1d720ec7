// Messages between workers.

import type { NodeId } from "#model/ids.ts";
import type { Message } from "#model/order.ts";

export interface PeerPort {
  /**
   * Sends a message, at most a megabyte. Never waits, never fails: it arrives once, twice, late or never,
   * in any order. The receiver learns with certainty who sent it. To oneself: delivered like the others.
   */
  send(to: NodeId, message: Message): void;
}
