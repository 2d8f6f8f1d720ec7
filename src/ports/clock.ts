// Time, for both halves.

import type { Instant } from "#model/units.ts";

export interface ClockPort {
  /** CLOCK_MONOTONIC in milliseconds: the same for both halves of one host, meaningless elsewhere. */
  now(): Instant;
  /**
   * Calls the half at `at` or soon after, once; a later call replaces an earlier one. What the network
   * delivered until then is handed in first: a deadline is judged by someone who has read the mail.
   */
  wakeAt(at: Instant): void;
}
