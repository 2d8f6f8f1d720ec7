// True time and chance: what no host knows.

import { Prng } from "#lib/prng.ts";
import { EventHeap } from "./heap.ts";
import { Trace } from "./trace.ts";

/** What must never be; ends the run. */
export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, text: string) {
    super(text);
    this.invariant = invariant;
  }
}

/** A thaw after seconds hands in a few hundred events at once. */
const RUNAWAY = 20_000;

/** When every run begins, ms since 1970. */
const BEGINNING = Date.UTC(2026, 0, 1);

export class World {
  readonly seed: number;
  readonly trace: Trace;
  readonly #prng: Prng;
  readonly #heap = new EventHeap();
  #now = 0;
  #events = 0;
  #countedFrom = 0;
  #countedEvents = 0;

  constructor(seed: number, keepsLines: boolean) {
    this.seed = seed;
    this.#prng = Prng.from(seed);
    this.trace = new Trace(() => this.#now, keepsLines);
  }

  /** True time since the beginning, ms. */
  get now(): number {
    return this.#now;
  }

  /** The true date, in whole ms since 1970. */
  get date(): number {
    return BEGINNING + Math.floor(this.#now);
  }

  get events(): number {
    return this.#events;
  }

  /** A stream of chance of its own, named by `label`. */
  chance(label: string): Prng {
    return this.#prng.split(label);
  }

  at(time: number, run: () => void): void {
    this.#heap.push(Math.max(time, this.#now), run);
  }

  after(delay: number, run: () => void): void {
    this.#heap.push(this.#now + delay, run);
  }

  /** Who asks to be woken again and again without time passing is a bug. */
  #countAt(time: number): void {
    this.#events += 1;
    if (time - this.#countedFrom > 1) {
      this.#countedFrom = time;
      this.#countedEvents = 0;
    }
    this.#countedEvents += 1;
    this.#now = time;
    if (this.#countedEvents > RUNAWAY)
      throw new Violation("runaway", `${RUNAWAY} events within a millisecond`);
  }

  /** Runs everything up to `until`, in order. */
  runUntil(until: number): void {
    for (;;) {
      const next = this.#heap.pop();
      if (next === undefined) break;
      if (next.at > until) {
        this.#heap.push(next.at, next.run);
        break;
      }
      this.#countAt(next.at);
      next.run();
    }
    this.#now = until;
  }
}
