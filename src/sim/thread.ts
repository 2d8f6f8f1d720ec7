// One thread of a daemon: takes what comes in order, unless it is held up, and is woken when it asked to be.

import type { Instant, Ms } from "#model/units.ts";
import { FOREVER } from "#model/units.ts";
import type { ClockPort } from "#ports/clock.ts";
import type { HostClock } from "./clock.ts";
import { Violation, type World } from "./world.ts";

/** What a socket holds while nobody reads; more is dropped. */
const BACKLOG = 400;
/** So often nobody needs to be woken within a second: a wake-up that does nothing and is asked for again costs a core. */
const WAKES_MOST = 250;

export class Thread {
  readonly #world: World;
  readonly #clock: HostClock;
  /** How late it is woken, ms; drawn each time. */
  readonly #lateness: () => number;
  readonly #slept: () => Ms;
  #onWake: () => void = () => {};
  #isDead = false;
  #holds = 0;
  readonly #backlog: (() => void)[] = [];
  /** When it wants to be woken, by its host's clock. */
  #wakeAt: Instant = FOREVER;
  /** True time of the earliest event that looks whether it is to be woken. */
  #lookAt = Number.POSITIVE_INFINITY;

  #countedFrom = 0;
  #wakes = 0;

  constructor(world: World, clock: HostClock, lateness: () => number, slept: () => Ms = () => clock.slept) {
    this.#slept = slept;
    this.#world = world;
    this.#clock = clock;
    this.#lateness = lateness;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  onWake(listener: () => void): void {
    this.#onWake = listener;
  }

  port(): ClockPort {
    return {
      now: () => this.#clock.read(this.#world.now),
      slept: this.#slept,
      wakeAt: (at) => {
        this.#wakeAt = at;
        this.#plan();
      },
    };
  }

  /** Something came in. The dead take nothing; who is held up takes it later, if it is not too much. */
  deliver(task: () => void): void {
    if (this.#holds > 0 && this.#backlog.length >= BACKLOG) return;
    this.answer(task);
  }

  /** What this host's own disk answers is never dropped, however much waits. (Seed 17744 of 2026-11-20.) */
  answer(task: () => void): void {
    if (this.#isDead) return;
    if (this.#holds === 0) task();
    else this.#backlog.push(task);
  }

  /** Frozen, stuck or not scheduled. Holds add up. */
  hold(): void {
    this.#holds += 1;
  }

  /** First the mail, then the clock, as `ClockPort.wakeAt` promises. */
  release(): void {
    if (this.#isDead || this.#holds === 0) return;
    this.#holds -= 1;
    while (this.#holds === 0 && !this.#isDead) {
      const task = this.#backlog.shift();
      if (task === undefined) break;
      task();
    }
    this.#wakeIfDue();
  }

  kill(): void {
    this.#isDead = true;
    this.#backlog.length = 0;
  }

  #countWake(): void {
    const { now } = this.#world;
    if (now - this.#countedFrom >= 1_000) {
      this.#countedFrom = now;
      this.#wakes = 0;
    }
    this.#wakes += 1;
    if (this.#wakes > WAKES_MOST)
      throw new Violation("runaway", `a thread is woken ${this.#wakes} times within a second`);
  }

  /** At most one look is under way that matters: the earliest. */
  #plan(): void {
    if (this.#isDead || this.#wakeAt === FOREVER) return;
    const at = Math.max(this.#clock.whenShows(this.#wakeAt), this.#world.now) + this.#lateness();
    if (at >= this.#lookAt) return;
    this.#lookAt = at;
    this.#world.at(at, () => {
      if (this.#lookAt === at) this.#lookAt = Number.POSITIVE_INFINITY;
      this.#wakeIfDue();
    });
  }

  #wakeIfDue(): void {
    if (this.#isDead || this.#holds > 0) return;
    if (this.#clock.read(this.#world.now) >= this.#wakeAt) {
      this.#wakeAt = FOREVER;
      this.#countWake();
      this.#onWake();
    } else this.#plan();
  }
}
