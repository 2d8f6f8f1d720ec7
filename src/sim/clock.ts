// A host's monotonic clock: starts anywhere, runs too fast or too slow, and may be slewed.

import type { Instant } from "#model/units.ts";
import { instant, ms } from "#model/units.ts";

/** Straight pieces: between two changes of rate it runs evenly. It never steps, and stands still only while its host sleeps. */
export class HostClock {
  #since: number;
  #base: number;
  #rate: number;
  /** True time; null: awake. */
  #asleepSince: number | null = null;

  /** `rate`: seconds of this clock in one true second. */
  constructor(trueNow: number, base: number, rate: number) {
    this.#since = trueNow;
    this.#base = base;
    this.#rate = rate;
  }

  /** How long it has slept in all, ms: what shows afterwards that it stood still. */
  slept = ms(0);

  get rate(): number {
    return this.#rate;
  }

  read(trueNow: number): Instant {
    return instant(this.#base + ((this.#asleepSince ?? trueNow) - this.#since) * this.#rate);
  }

  /** The true time at which this clock, at its present rate, shows `at`. */
  whenShows(at: Instant): number {
    return this.#since + (at - this.#base) / this.#rate;
  }

  get isAsleep(): boolean {
    return this.#asleepSince !== null;
  }

  /** It stands still until `wake`, and shows then how long that was. */
  sleep(trueNow: number): void {
    this.#asleepSince ??= trueNow;
  }

  wake(trueNow: number): void {
    if (this.#asleepSince === null) return;
    const duration = trueNow - this.#asleepSince;
    this.#asleepSince = null;
    this.#since += duration;
    this.slept = ms(this.slept + duration);
  }

  slew(trueNow: number, rate: number): void {
    this.#base = this.read(trueNow);
    this.#since = this.#asleepSince ?? trueNow;
    this.#rate = rate;
  }
}
