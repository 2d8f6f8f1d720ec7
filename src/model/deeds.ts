// What an operator asks of one daemon, whoever leads: no quorum is needed for it, and none could be had at times.

import type { NodeId } from "./ids.ts";

export type Deed =
  /** The operator has made certain that the node is dead: it is off, or will not come back as it was. */
  | { readonly kind: "confirm-dead"; readonly node: NodeId; readonly who: string }
  | { readonly kind: "fence"; readonly node: NodeId; readonly who: string }
  /** Asks devices for their status, changes nothing. `node` null: all. */
  | { readonly kind: "fence-test"; readonly node: NodeId | null };

export type DeedAnswer =
  | { readonly kind: "done"; readonly text: string }
  /** Nothing was done. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };
