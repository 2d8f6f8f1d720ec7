// Tries every schedule of a few faults in the small world, breadth first, each distinct world once.

import type { Clauses } from "#engine/lease/clauses.ts";
import type { NodeId } from "#model/ids.ts";
import { keyOf, sketch } from "./key.ts";
import type { Fault, Judge, World } from "./world.ts";
import { advance, Complaint, newWorld, VOTERS, withClauses } from "./world.ts";

export interface WalkOptions {
  /** Wrong ones, from the first step after the warm-up. */
  readonly clauses?: Partial<Clauses>;
  readonly judge?: Judge;
  /** Faults that strike one after the other before the walk begins. */
  readonly given?: readonly Fault[];
  /** Of the clocks; all 1 by default. */
  readonly rates?: Readonly<Record<string, number>>;
  /** Steps without a fault before the first one may strike. */
  readonly warmUp: number;
  /** Steps after that, at most. */
  readonly depth: number;
  /** How many faults strike, at most one a step. */
  readonly faults: number;
  /** Which faults may strike a world. */
  readonly may: (fault: Fault) => boolean;
}

export interface Walked {
  /** Distinct worlds seen. */
  readonly worlds: number;
  readonly steps: number;
  /** What was wrong, and by which schedule; null: nothing. */
  readonly complaint: string | null;
  readonly schedule: readonly string[];
}

interface Path {
  readonly world: World;
  readonly faultsLeft: number;
  readonly fault: Fault | null;
  readonly before: Path | null;
}

export function walk(options: WalkOptions): Walked {
  let world = newWorld(options.rates);
  for (let i = 0; i < options.warmUp; i++) world = advance(world, null);
  world = withClauses(world, options.clauses ?? {}, options.judge ?? "rule");
  for (const fault of options.given ?? []) world = advance(world, fault);
  let paths: readonly Path[] = [{ world, faultsLeft: options.faults, fault: null, before: null }];
  /** To the most faults that were left in such a world. */
  const seen = new Map<string, number>();
  let steps = 0;
  for (let depth = 0; depth < options.depth && paths.length > 0; depth++) {
    const next: Path[] = [];
    for (const path of paths) {
      const faults = path.faultsLeft > 0 ? faultsFor(path.world).filter(options.may) : [];
      for (const fault of [null, ...faults]) {
        const step = tryStep(path, fault);
        steps += 1;
        if (step instanceof Complaint) {
          const schedule = scheduleOf({ ...path, fault, before: path });
          return { worlds: seen.size, steps, complaint: step.message, schedule };
        }
        const key = keyOf(step.world);
        if ((seen.get(key) ?? -1) >= step.faultsLeft) continue;
        seen.set(key, step.faultsLeft);
        next.push(step);
      }
    }
    paths = next;
  }
  return { worlds: seen.size, steps, complaint: null, schedule: [] };
}

function tryStep(path: Path, fault: Fault | null): Path | Complaint {
  try {
    const world = advance(path.world, fault);
    return { world, faultsLeft: path.faultsLeft - (fault === null ? 0 : 1), fault, before: path };
  } catch (error) {
    if (error instanceof Complaint) return error;
    throw error;
  }
}

/** All that can go wrong now, or be mended. */
function faultsFor(world: World): readonly Fault[] {
  const faults: Fault[] = [];
  for (const from of VOTERS) {
    for (const to of VOTERS) {
      if (from === to) continue;
      const link = world.links.get(`${from}>${to}`) ?? "up";
      if (link !== "cut") faults.push({ kind: "cut", from, to });
      if (link === "up") faults.push({ kind: "slow", from, to }, { kind: "hold", from, to });
      else faults.push({ kind: "mend", from, to });
    }
    faults.push(
      { kind: "cut-out", node: from },
      { kind: "cut-in", node: from },
      ...faultsOfDaemon(world, from),
    );
  }
  if (world.links.size > 0 || world.held.length > 0) faults.push({ kind: "heal" });
  return faults;
}

function faultsOfDaemon(world: World, id: NodeId): readonly Fault[] {
  const node = world.nodes.get(id);
  if (node === undefined || node.state === null) return [{ kind: "start", node: id }];
  const lives: Fault[] = [
    { kind: "kill", node: id },
    { kind: "restart", node: id },
  ];
  return [...lives, { kind: node.isFrozen ? "thaw" : "freeze", node: id }];
}

function scheduleOf(last: Path): readonly string[] {
  const lines: string[] = [];
  for (let at: Path | null = last; at?.before != null; at = at.before) {
    const fault = at.fault === null ? "" : Object.values(at.fault).join(" ");
    lines.push(`step ${at.before.world.step + 1}: ${fault.padEnd(14)} after ${sketch(at.before.world)}`);
  }
  return lines.reverse();
}
