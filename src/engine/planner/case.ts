// One service's case: where it is, which nodes could have it, and whether it may stay.

import type { ServiceConfig } from "#model/config.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import { type Facts, locate, type Whereabouts } from "./facts.ts";
import { type Fitness, judgeStaying, judgeTaking, maySendTo, type Stay } from "./judge.ts";
import type { NodeView } from "./view.ts";

export interface Case {
  readonly facts: Facts;
  readonly service: ServiceConfig;
  readonly name: ServiceName;
  readonly where: Whereabouts;
  /** Where an operator moved it; null: nowhere. */
  readonly pin: NodeId | null;
  readonly candidates: readonly Candidate[];
}

/** One for each node of `place`, the preferred one first; a pinned node precedes all. */
export interface Candidate {
  readonly node: NodeView;
  readonly fitness: Fitness;
}

export function caseOf(facts: Facts, service: ServiceConfig): Case {
  const wish = facts.switchovers.get(service.name);
  const pin = wish !== undefined && service.place.includes(wish) ? wish : null;
  const order = pin === null ? service.place : [pin, ...service.place.filter((id) => id !== pin)];
  const candidates: Candidate[] = [];
  for (const id of order) {
    const node = facts.nodes.get(id);
    if (node !== undefined) candidates.push({ node, fitness: judgeTaking(facts, service, node) });
  }
  const where = locate(facts, service, order);
  return { facts, service, name: service.name, where, pin, candidates };
}

/** What has a node that a rule may want to keep. */
export function isSticky(where: Whereabouts): where is Whereabouts & { kind: "active" | "starting" } {
  return where.kind === "active" || where.kind === "starting";
}

/**
 * May it stay where it is active or starting? Null: it is neither. A service that only starts has nothing to
 * lose: there, whatever speaks against taking it counts.
 */
export function stayOf({ facts, service, where, candidates }: Case): Stay | null {
  if (!isSticky(where)) return null;
  if (where.kind === "active") return judgeStaying(facts, service, where.node);
  const own = candidates.find(({ node }) => node.id === where.node.id);
  return own?.fitness.kind === "unfit" && !maySendTo(own.fitness)
    ? { kind: "ends", reason: own.fitness.reason }
    : { kind: "stays" };
}
