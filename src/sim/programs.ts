// The programs of one host: what starts, stops, fails and hangs, and survives the daemon that started it.

import type { Prng } from "#lib/prng.ts";
import type { OpVerb } from "#model/role.ts";
import type { Ms } from "#model/units.ts";
import type { Op, OpResult, ProcessExit, ResourcePort } from "#ports/resources.ts";
import type { Thread } from "./thread.ts";
import type { World } from "./world.ts";

/** How the programs of a host behave now. stuck: what runs cannot be stopped, whatever is tried. */
export type ProgramsState = "well" | "slow" | "failing" | "hanging" | "stuck";

type Running = "stopped" | "started" | "promoted";

interface Program {
  running: Running;
  /** Ops one after the other. */
  readonly queue: (() => void)[];
  isBusy: boolean;
}

const QUICK = { from: 5, to: 60 };
const SLOW = { from: 300, to: 3_000 };
/** Beyond its deadline a hanging op is killed after this at most: then nothing of it is left. */
const KILLED_WITHIN = 2_000;

export class Programs {
  state: ProgramsState = "well";
  /** By how many faults the whole host stands still: nothing here goes on. */
  freezes = 0;
  readonly #world: World;
  readonly #chance: Prng;
  readonly #started: (key: string) => void;
  readonly #programs = new Map<string, Program>();
  #listener: { readonly thread: Thread; readonly call: (exit: ProcessExit) => void } | null = null;

  /** `started`: told whenever a program may have begun to run. */
  constructor(world: World, chance: Prng, started: (key: string) => void) {
    this.#world = world;
    this.#chance = chance;
    this.#started = started;
  }

  isRunning(key: string): boolean {
    const program = this.#programs.get(key);
    return program !== undefined && program.running !== "stopped";
  }

  /** The host lost power: nothing runs. */
  crash(): void {
    this.#programs.clear();
    if (this.state === "stuck") this.state = "well";
    this.#listener = null;
  }

  /** The daemon died; what it started goes on. */
  forgetListener(): void {
    this.#listener = null;
  }

  /** One running process ends by itself. Answers whether there was one. */
  killOne(): boolean {
    const running = [...this.#programs].filter(([, p]) => p.running !== "stopped" && !p.isBusy);
    if (running.length === 0) return false;
    const [key, program] = this.#chance.pick(running);
    program.running = "stopped";
    const [service = "", resource = ""] = key.split("/");
    const listener = this.#listener;
    const exit = { service, resource, next: "failed", why: "it ended by itself", output: "" } as ProcessExit;
    listener?.thread.deliver(() => listener.call(exit));
    return true;
  }

  port(thread: Thread): ResourcePort {
    return {
      run: (op, deadline, answer) => this.#run(op, deadline, thread, answer),
      onExit: (listener) => {
        this.#listener = { thread, call: listener };
      },
      sweep: (_deadline, answer) => {
        this.#world.after(this.#chance.between(QUICK.from, QUICK.to), () => {
          if (!thread.isDead) this.#stopAll();
          thread.deliver(() => answer([]));
        });
      },
      stopAll: (_deadline, answer) => {
        this.#world.after(this.#chance.between(QUICK.from, QUICK.to), () => {
          if (!thread.isDead) this.#stopAll();
          thread.deliver(() => answer([]));
        });
      },
    };
  }

  #stopAll(): void {
    for (const program of this.#programs.values()) program.running = "stopped";
  }

  #run(op: Op, deadline: Ms, thread: Thread, answer: (result: OpResult) => void): () => void {
    const program = this.#programOf(op);
    let isOver = false;
    const say = (result: OpResult) => {
      if (isOver) return;
      isOver = true;
      thread.deliver(() => answer(result));
    };
    const begin = () => this.#carryOut(program, op, deadline, say, () => isOver || thread.isDead);
    program.queue.push(begin);
    if (!program.isBusy) this.#next(program);
    this.#world.after(deadline, () => say({ kind: "unknown", waited: deadline, output: "" }));
    return () => {
      isOver = true;
    };
  }

  #next(program: Program): void {
    const begin = program.queue.shift();
    program.isBusy = begin !== undefined;
    begin?.();
  }

  #carryOut(program: Program, op: Op, deadline: Ms, say: (r: OpResult) => void, isVoid: () => boolean): void {
    if (isVoid()) return this.#next(program);
    const hangs = this.state === "hanging" && this.#chance.chance(0.7);
    const { from, to } = this.state === "slow" ? SLOW : QUICK;
    const takes = hangs ? deadline + this.#chance.between(0, KILLED_WITHIN) : this.#chance.between(from, to);
    // A start that takes long may already run while nobody has heard that it does.
    const happensAt = this.#chance.float() * takes;
    const fails = (this.state === "failing" && this.#chance.chance(0.6)) || this.#isStuck(program, op);
    const happens = !fails && (!hangs || this.#chance.chance(0.5));
    this.#later(happensAt, () => {
      if (happens) this.#apply(program, op);
      this.#later(takes - happensAt, () => {
        say(fails ? { kind: "failed", code: 1, output: "no" } : this.#resultOf(program, op));
        this.#next(program);
      });
    });
  }

  #isStuck({ running }: Program, { verb }: Op): boolean {
    return this.state === "stuck" && running !== "stopped" && (verb === "stop" || verb === "demote");
  }

  /** Frozen programs take longer by as long as they are frozen. */
  #later(delay: number, run: () => void): void {
    const tryIt = () => {
      if (this.freezes > 0) this.#world.after(50, tryIt);
      else run();
    };
    this.#world.after(delay, tryIt);
  }

  #apply(program: Program, op: Op): void {
    const next = AFTER[op.verb];
    // A program that a crash swept away with its host does not come back.
    if (next === null || this.#programs.get(keyOf(op)) !== program) return;
    program.running = next;
    if (next !== "stopped") this.#started(keyOf(op));
  }

  #resultOf(program: Program, op: Op): OpResult {
    if (op.verb === "probe" && program.running === "stopped") return { kind: "stopped", output: "" };
    return { kind: "done", output: "" };
  }

  #programOf(op: Op): Program {
    const key = keyOf(op);
    const found = this.#programs.get(key);
    if (found !== undefined) return found;
    const made: Program = { running: "stopped", queue: [], isBusy: false };
    this.#programs.set(key, made);
    return made;
  }
}

const AFTER: Record<OpVerb, Running | null> = {
  start: "started",
  stop: "stopped",
  promote: "promoted",
  demote: "started",
  probe: null,
};

const keyOf = (op: Op): string => `${op.context.service}/${op.resource.id}`;
