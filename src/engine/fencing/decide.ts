// Who has to be proved dead now, and why: by this node as the leader, or as one of two voters.

import { type NodeFencing, provesAlone } from "#model/fencing.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { Instant } from "#model/units.ts";
import { earlier, FOREVER, later, plus } from "#model/units.ts";
import type { WorkerState } from "../worker.ts";
import { isProvedDead } from "./proofs.ts";

export interface Target {
  readonly node: NodeId;
  /** A part of a sentence: fenced, because ... */
  readonly why: string;
  /** Not before this. */
  readonly at: Instant;
}

const NOBODY: readonly Target[] = [];

/** Everybody that should be fenced, now or from an instant on; who is proved dead already is left out. */
export function fenceTargets(state: WorkerState): readonly Target[] {
  const { news } = state;
  if (news === null || state.stopping !== null || state.config.fencing.nodes.length === 0) return NOBODY;
  const targets = [...pairTargets(state, news), ...leaderTargets(state, news)];
  return targets.filter(({ node }) => !isProvedDead(state, node));
}

/**
 * Between two voters. The holder of the tenure fences a silent peer at once, for that peer may be about to fence it;
 * the other one waits, so that of two that only lost their link the holder survives. Who has not heard its peer
 * since the kernel booted fences nobody: it may be the one that was fenced.
 */
function pairTargets(state: WorkerState, news: LeaseNews): readonly Target[] {
  const { pair } = news;
  if (pair === null || pair.silentSince === null || !pair.knowsPeer) return [];
  if (news.members.find((member) => member.node === pair.peer)?.standing === "left") return [];
  const holds = news.leads && !pair.leadsEagerly;
  const why = holds
    ? `it is silent, and of two nodes that do not hear each other one must go`
    : `it is silent, and this node cannot take over while it may still act`;
  const since = plus(pair.silentSince, state.identity.lease);
  return [{ node: pair.peer, why, at: holds ? since : plus(since, state.config.fencing.delay) }];
}

/** The leader: nodes that stand in the way of a service, and nobody but a fence device can speak for them. */
function leaderTargets(state: WorkerState, news: LeaseNews): readonly Target[] {
  const unproved = state.leader?.plan?.directions.unproved;
  if (!news.leads || unproved === undefined || state.leader?.phase !== "leading") return [];
  return [...unproved].map(([node, services]) => {
    const why = `${services.join(", ")} may not start elsewhere before it is certain that it stopped there`;
    return { node, why, at: state.leader?.since ?? FOREVER };
  });
}

/** How a node is fenced, if a level of it can prove anything. */
export function fencingOf(state: WorkerState, node: NodeId): NodeFencing | null {
  const fencing = state.config.fencing.nodes.find((each) => each.node === node);
  return fencing?.levels.some(provesAlone) ? fencing : null;
}

export const HOUR = 3_600_000;

/** Past the limit an operator is waited for: a mistake must not take one node after the other down. */
export function isLimitReached(state: WorkerState, now: Instant): boolean {
  return recentFences(state, now).length >= state.config.fencing.perHour;
}

export function recentFences(state: WorkerState, now: Instant): readonly Instant[] {
  return state.fencing.history.filter((at) => now - at < HOUR);
}

/** When the next target becomes due; FOREVER: none will by itself. */
export function nextTargetAt(state: WorkerState, now: Instant): Instant {
  return fenceTargets(state)
    .map(({ node, at }) => {
      const again = state.fencing.failed.get(node)?.againAt ?? at;
      const due = later(again, at);
      return due > now ? due : FOREVER;
    })
    .reduce(earlier, FOREVER);
}
