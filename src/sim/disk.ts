// A host's disk: small documents that survive, and writes that fail, wait or are torn by a crash.

import type { Prng } from "#lib/prng.ts";
import { ms } from "#model/units.ts";
import type { StorePort, StoreRead, StoreWritten } from "#ports/store.ts";
import type { Thread } from "./thread.ts";
import type { World } from "./world.ts";

export type DiskState = "well" | "failing" | "full" | "slow";

/** As the real driver: a write that takes longer is answered with `unknown`, and may still come. */
const PATIENCE = 10_000;
const SLOW = { from: 300, to: 4_000 };
const QUICK = { from: 0.2, to: 15 };
/** A torn document is found rarely: the driver renames, so it takes a file system that lies. */
const DAMAGE = 0.02;

interface Pending {
  readonly name: string;
  readonly text: string;
  readonly begin: () => void;
  isDone: boolean;
}

export class Disk {
  state: DiskState = "well";
  /** Told of each text that reached the disk. */
  onWritten: (name: string, text: string) => void = () => {};
  readonly #world: World;
  readonly #chance: Prng;
  readonly #mayDamage: boolean;
  readonly #documents = new Map<string, string>();
  readonly #damaged = new Set<string>();
  /** Per name, oldest first: one after the other. */
  readonly #pending = new Map<string, Pending[]>();

  constructor(world: World, chance: Prng, mayDamage: boolean) {
    this.#world = world;
    this.#chance = chance;
    this.#mayDamage = mayDamage;
  }

  /** What a daemon's thread sees; answers reach it when it is not held up. */
  port(thread: Thread): StorePort {
    return {
      read: (name) => this.#read(name),
      write: (name, text, answer) => this.#write(name, text, (w) => thread.answer(() => answer(w))),
      writeSync: (name, text) => this.#writeNow(name, text),
    };
  }

  /** The documents themselves, for the checkers. */
  peek(name: string): string | undefined {
    return this.#documents.get(name);
  }

  /** The writer is gone, or the whole host: what was being written is there, or not, or (rarely) torn. */
  crash(): number {
    let torn = 0;
    for (const queue of this.#pending.values()) {
      for (const write of queue) {
        if (write.isDone) continue;
        write.isDone = true;
        torn += 1;
        const arrives = this.#chance.chance(0.5);
        const damages = this.#chance.chance(DAMAGE);
        if (arrives) this.#commit(write.name, write.text);
        if (damages && this.#mayDamage) this.#damaged.add(write.name);
      }
    }
    this.#pending.clear();
    return torn;
  }

  /** An operator restores what was torn, from its copy. */
  repair(): void {
    this.#damaged.clear();
  }

  get isDamaged(): boolean {
    return this.#damaged.size > 0;
  }

  #read(name: string): StoreRead {
    if (this.state === "failing") return { kind: "failed", problem: `${name}: input/output error` };
    if (this.#damaged.has(name)) return { kind: "damaged", problem: `${name}: cut short` };
    const text = this.#documents.get(name);
    return text === undefined ? { kind: "absent" } : { kind: "found", text };
  }

  #writeNow(name: string, text: string): StoreWritten {
    const problem = this.#problem(name);
    if (problem !== null) return problem;
    this.#commit(name, text);
    return { kind: "done" };
  }

  #write(name: string, text: string, answer: (written: StoreWritten) => void): void {
    let isAnswered = false;
    const say = (written: StoreWritten) => {
      if (isAnswered) return;
      isAnswered = true;
      answer(written);
    };
    const queue = this.#pending.get(name) ?? [];
    this.#pending.set(name, queue);
    const write: Pending = { name, text, isDone: false, begin: () => this.#carryOut(queue, write, say) };
    queue.push(write);
    if (queue.length === 1) write.begin();
    this.#world.after(PATIENCE, () => {
      if (!isAnswered && !write.isDone) say({ kind: "unknown", waited: ms(PATIENCE) });
    });
  }

  #carryOut(queue: Pending[], write: Pending, say: (written: StoreWritten) => void): void {
    const { from, to } = this.state === "slow" ? SLOW : QUICK;
    this.#world.after(this.#chance.between(from, to), () => {
      if (write.isDone) return;
      write.isDone = true;
      queue.shift();
      const problem = this.#problem(write.name);
      // A failed write leaves the old or the new text.
      if (problem === null || (this.state === "failing" && this.#chance.chance(0.3))) {
        this.#commit(write.name, write.text);
      }
      say(problem ?? { kind: "done" });
      queue[0]?.begin();
    });
  }

  #problem(name: string): StoreWritten | null {
    switch (this.state) {
      case "failing":
        return { kind: "failed", problem: `${name}: input/output error` };
      case "full":
        return { kind: "failed", problem: `${name}: no space left on device` };
      default:
        return null;
    }
  }

  #commit(name: string, text: string): void {
    // Whole documents are written, over whatever was there.
    this.#damaged.delete(name);
    this.#documents.set(name, text);
    this.onWritten(name, text);
  }
}
