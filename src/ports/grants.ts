// The kernel's guard over floating addresses and guarded ports: closed unless a timed entry lets one work.
//
// A closed address neither answers nor sends. A closed port is closed on every address of this host, for packets from
// and to other hosts; what goes through the loopback device passes.

import type { Grant } from "#model/grant.ts";
import type { Instant } from "#model/units.ts";
import type { Outcome } from "./outcome.ts";

/** All calls are synchronous, take well under a millisecond and answer with values; none throws. */
export interface GrantPort {
  /**
   * Puts the guard over exactly these grants, all of them closed, in one atomic step.
   *
   * Idempotent: replaces whatever guard an earlier life left, with the entries in it. Call it before an
   * address is added to a device. Codes: `EPERM`, `unsupported` (a kernel without nf_tables), errno names.
   * When it fails, the guard that stood before still stands.
   */
  install(grants: readonly Grant[]): Outcome;

  /**
   * Opens these until `until` and not a moment longer, however late this process is run.
   *
   * An instant more than a day away counts as a day away. First arm and renewal alike; one atomic step for all
   * of them. Others keep the instant they were armed to. Codes: `late` (too little time is left: nothing was opened, and these are now closed),
   * `frozen` (this process was held up between two calls, twice: nothing was changed, call again),
   * `not-guarded` (not among the installed), `gone` (the guard is missing: call `check`), errno names.
   */
  arm(grants: readonly Grant[], until: Instant): Outcome;

  /** Closes these at once. Idempotent; an entry that expired by itself is `done`, so is a missing guard. */
  close(grants: readonly Grant[]): Outcome;

  /** Notices that somebody else changed or flushed the guard, and puts it back, closed. Cheap: call it often. */
  check(): GuardState;

  /** Takes the guard away. Idempotent. Only after the addresses are gone and nothing of the services listens. */
  remove(): Outcome;
}

export type GuardState =
  | { readonly kind: "intact" }
  /** Somebody else had changed it; it stands again and everything is closed. Arm what may still be open. */
  | { readonly kind: "repaired"; readonly detail: string }
  /** It was changed and could not be put back: nothing is guarded. Tried again by the next call. */
  | { readonly kind: "failed"; readonly code: string; readonly detail: string };
