// The hardware watchdog: a timer outside the process that resets the node when it is not fed.

import type { Ms } from "#model/units.ts";

export type WatchdogArmed =
  /** It runs. `timeout`: what the device says that it uses, which may differ from what was asked for. */
  | { readonly kind: "armed"; readonly timeout: Ms; readonly identity: string }
  | { readonly kind: "failed"; readonly code: string; readonly detail: string };

/**
 * All calls are synchronous and short; none throws.
 *
 * Linux: Documentation/watchdog/watchdog-api.rst. Opening the device starts the timer; WDIOC_SETTIMEOUT and
 * WDIOC_GETTIMEOUT set and read it (whole seconds); a write feeds it; closing it stops the timer only if the byte
 * `V` was written right before ("magic close") and the driver was not loaded with nowayout.
 */
export interface WatchdogPort {
  /**
   * Opens the device with this timeout and feeds it once. Idempotent. Codes: `ENOENT`, `EBUSY` (another program has
   * it), `EACCES`, `timeout-refused` (the device cannot have a timeout near the wanted one), errno names.
   */
  arm(): WatchdogArmed;
  /** Feeds it. False: not armed, or the device said no. */
  feed(): boolean;
  /** Magic close: the timer stops. False: it does not (nowayout), so the node will be reset. Idempotent. */
  disarm(): boolean;
}
