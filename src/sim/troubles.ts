// When which fault begins, and that all of them end.

import type { Prng } from "#lib/prng.ts";
import type { End, FaultKind, FaultWorld } from "./faults.ts";
import { FAULTS } from "./faults.ts";
import type { Profile } from "./profiles.ts";
import type { World } from "./world.ts";

/** How long faults last, ms: a blink, around a lease, or long enough for everything to settle in it. */
const LENGTHS: readonly (readonly [number, number])[] = [
  [20, 350],
  [350, 1_600],
  [1_500, 6_000],
];

/** Longer than the rest: to be worth a fault at all. A program is stuck when it could not be stopped twice, 5 s apart. */
const OWN_LENGTHS: Readonly<Partial<Record<FaultKind, readonly [number, number]>>> = {
  "crash-loop": [3_000, 15_000],
  ailing: [6_000, 20_000],
  sleep: [300, 20_000],
  "programs-stuck": [8_000, 25_000],
};

export class Troubles {
  readonly counts = new Map<FaultKind, number>();
  readonly #world: World;
  readonly #chance: Prng;
  readonly #faultWorld: FaultWorld;
  readonly #kinds: readonly (readonly [FaultKind, number])[];
  readonly #every: number;
  readonly #lengths: NonNullable<Profile["lengths"]>;
  /** Ends of what is going on. */
  readonly #open = new Set<() => void>();
  #isOver = false;

  constructor(world: World, profile: Profile, faultWorld: Omit<FaultWorld, "say">) {
    this.#world = world;
    this.#chance = world.chance("faults");
    this.#faultWorld = { ...faultWorld, say: (text) => world.trace.say("net", `*** ${text}`) };
    const all = Object.entries(profile.weights) as [FaultKind, number][];
    const kept = all.filter(() => !this.#chance.chance(profile.leavesOut));
    this.#kinds = kept.length > 0 ? kept : all;
    this.#every = this.#chance.pick(profile.every);
    this.#lengths = profile.lengths ?? LENGTHS;
  }

  /** Faults one after the other, overlapping, from `from` to `until`. */
  begin(from: number, until: number): void {
    if (this.#kinds.length === 0) return;
    const next = (at: number) =>
      this.#world.at(at, () => {
        if (this.#isOver || this.#world.now >= until) return;
        this.#one();
        next(this.#world.now - Math.log(1 - this.#chance.float()) * this.#every);
      });
    next(from);
  }

  /** Peace: everything works again, and every daemon that is down is started. */
  endAll(): void {
    this.#isOver = true;
    this.#world.trace.say("sim", "*** the faults are over");
    for (const end of [...this.#open]) end();
    for (const host of this.#faultWorld.hosts) {
      // A daemon that could not read a document when it started goes on without it. (Seed 4149 of 2026-11-20.)
      if (host.disk.isDamaged) host.killDaemon("its documents are restored");
      host.disk.repair();
      host.powerOn();
      host.start();
    }
  }

  #one(): void {
    const kind = this.#pickKind();
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const end = FAULTS[kind](this.#faultWorld, this.#chance);
    const [from, to] = OWN_LENGTHS[kind] ?? this.#chance.pick(this.#lengths);
    const length = this.#chance.between(from, to);
    if (end !== null) this.#endLater(end, length);
  }

  #endLater(end: NonNullable<End>, length: number): void {
    const once = () => {
      if (this.#open.delete(once)) end();
    };
    this.#open.add(once);
    this.#world.after(length, once);
  }

  #pickKind(): FaultKind {
    const sum = this.#kinds.reduce((total, [, weight]) => total + weight, 0);
    let left = this.#chance.float() * sum;
    for (const [kind, weight] of this.#kinds) {
      left -= weight;
      if (left < 0) return kind;
    }
    return (this.#kinds.at(-1) as readonly [FaultKind, number])[0];
  }
}
