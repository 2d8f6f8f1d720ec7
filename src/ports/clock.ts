// Time, for both halves.

import type { Instant, Ms } from "#model/units.ts";

export interface ClockPort {
  /** CLOCK_MONOTONIC in milliseconds: the same for both halves of one host, meaningless elsewhere. */
  now(): Instant;
  /**
   * How long this host has slept (suspend) since its boot, in milliseconds: what CLOCK_BOOTTIME counts and
   * CLOCK_MONOTONIC does not (clock_gettime(2)). It grows only while nothing runs.
   */
  slept(): Ms;
  /**
   * Calls the half at `at` or soon after, once; a later call replaces an earlier one. What the network
   * delivered until then is handed in first: a deadline is judged by someone who has read the mail.
   */
  wakeAt(at: Instant): void;
}
