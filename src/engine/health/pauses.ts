// How long what failed is left alone: not at all after the first failure, then longer each time.

import { type Ms, ms } from "#model/units.ts";

/** Between the second failure and the next try, ms; then 30 s, 70 s, 150 s ... */
const FIRST_PAUSE = 10_000;
/** Doublings. By then the failure age is what counts. */
const DOUBLINGS_MAX = 6;

/**
 * After so many failures that count: 0, 10 s, 30 s, 70 s ... The first try comes at once, since what failed (a link,
 * say) may be well again.
 */
export function pauseAfter(failures: number): Ms {
  const pauses = 2 ** Math.min(Math.max(failures, 1) - 1, DOUBLINGS_MAX) - 1;
  return ms(pauses * FIRST_PAUSE);
}
