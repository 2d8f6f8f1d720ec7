// Fence devices: what makes certain, from outside, that a node can no longer act.

import type { FenceDevice } from "#model/fencing.ts";
import type { NodeId } from "#model/ids.ts";
import type { Ms } from "#model/units.ts";

/** off: power off (or what the device has for it). on: power on. status: ask, change nothing. */
export type FenceVerb = "off" | "on" | "status";

export interface FenceCall {
  readonly device: FenceDevice;
  /** The node concerned, as the device may want to know it. */
  readonly node: NodeId;
  readonly verb: FenceVerb;
}

/**
 * What the device said. Never taken for more than it is: a `done` of `off` is believed only when a `status`
 * afterwards says `off`.
 */
export type FenceAnswer =
  /** Of `off` and `on`: the device says that it did so. */
  | { readonly kind: "done"; readonly detail: string }
  /** Of `status`. */
  | { readonly kind: "is-on"; readonly detail: string }
  | { readonly kind: "is-off"; readonly detail: string }
  /** It said no, could not be asked, or gave an answer that is none. */
  | { readonly kind: "failed"; readonly detail: string }
  /** No answer by the deadline: it may have happened, or still happen. */
  | { readonly kind: "unknown"; readonly waited: Ms; readonly detail: string };

export interface FencePort {
  /**
   * Makes one call. `answer` comes exactly once, after the device's `timeout` at the latest, never before `call`
   * returns. All verbs are idempotent. Calls to different devices do not wait for each other; those to one device
   * (same `id` and node) are carried out one after the other, waiting counts towards the deadline. An `off` waits
   * for nothing that only asks: a `status` under way is given up (failed), those that wait come after it.
   * `detail` is a sentence for people and never holds a secret.
   */
  call(call: FenceCall, answer: (answer: FenceAnswer) => void): void;
}
