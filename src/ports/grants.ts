// The kernel's guard over floating addresses: closed unless a timed entry lets an address work.

import type { FloatingAddress } from "#model/address.ts";
import type { Instant } from "#model/units.ts";
import type { Outcome } from "./outcome.ts";

/** All calls are synchronous, take well under a millisecond and answer with values; none throws. */
export interface GrantPort {
  /**
   * Puts the guard over exactly these addresses, all of them closed, in one atomic step.
   *
   * Idempotent: replaces whatever guard an earlier life left, with the entries in it. Call it before an
   * address is added to a device. Codes: `EPERM`, `unsupported` (a kernel without nf_tables), errno names.
   * When it fails, the guard that stood before still stands.
   */
  install(addresses: readonly FloatingAddress[]): Outcome;

  /**
   * Opens the addresses until `until` and not a moment longer, however late this process is run.
   *
   * An instant more than a day away counts as a day away. First arm and renewal alike; one atomic step for all of them. Other addresses keep the instant they were
   * armed to. Codes: `late` (too little time is left: nothing was opened, and these are now closed),
   * `frozen` (this process was held up between two calls, twice: nothing was changed, call again),
   * `not-guarded` (not among the installed), `gone` (the guard is missing: call `check`), errno names.
   */
  arm(addresses: readonly FloatingAddress[], until: Instant): Outcome;

  /** Closes the addresses at once. Idempotent; an entry that expired by itself is `done`, so is a missing guard. */
  close(addresses: readonly FloatingAddress[]): Outcome;

  /** Notices that somebody else changed or flushed the guard, and puts it back, closed. Cheap: call it often. */
  check(): GuardState;

  /** Takes the guard away. Idempotent. Only after the addresses themselves are gone. */
  remove(): Outcome;
}

export type GuardState =
  | { readonly kind: "intact" }
  /** Somebody else had changed it; it stands again and everything is closed. Arm what may still be open. */
  | { readonly kind: "repaired"; readonly detail: string }
  /** It was changed and could not be put back: nothing guards the addresses. Tried again by the next call. */
  | { readonly kind: "failed"; readonly code: string; readonly detail: string };
