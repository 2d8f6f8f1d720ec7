// The kernel's clocks that decide about leases, read without leaving the thread.

import { type Instant, instant, type Ms, ms } from "#model/units.ts";
import { readClock } from "./libc.ts";

const CLOCK_MONOTONIC_COARSE = 6;
const CLOCK_BOOTTIME = 7;

/** CLOCK_MONOTONIC: the same in all threads and processes of a host; stands still while it sleeps. */
export function monotonicNow(): Instant {
  const [seconds, nanoseconds] = process.hrtime();
  return instant(seconds * 1e3 + nanoseconds / 1e6);
}

/** CLOCK_BOOTTIME: as CLOCK_MONOTONIC, but goes on while the host sleeps; the difference shows the sleep. */
export function boottimeNow(): Ms {
  return ms(readClock(CLOCK_BOOTTIME));
}

/** The kernel's tick (a jiffy): its timeouts are whole multiples of this. 1 to 10 ms. */
export function kernelTick(): Ms {
  return ms(readClock(CLOCK_MONOTONIC_COARSE, "resolution"));
}
