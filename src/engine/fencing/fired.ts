// Watchdogs that must have fired: a node feeds its own only while it may act or holds nothing exclusive. So one that
// announced an armed watchdog and has lapsed is reset, or has stopped everything, at most a timeout later.

import type { DeathProof } from "#model/fencing.ts";
import type { MemberNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { Session } from "#model/session.ts";
import type { Instant, Ms } from "#model/units.ts";
import { earlier, FOREVER, ms, plus } from "#model/units.ts";
import type { LeaderState } from "../leader/state.ts";
import type { WorkerState } from "../worker.ts";
import { isProvedDead } from "./proofs.ts";

/** Watchdogs count whole seconds, and a reset takes a moment. ms */
const MARGIN = 1_500;

/** Keeps since when this leader knows that a member has lapsed; forgotten when it is back. */
export function noteExcluded(leader: LeaderState, members: readonly MemberNews[], now: Instant): LeaderState {
  const since = new Map<NodeId, Instant>();
  for (const { node, standing } of members) {
    if (standing === "excluded") since.set(node, leader.excludedSince.get(node) ?? now);
  }
  const isSame =
    since.size === leader.excludedSince.size &&
    [...since].every(([node, at]) => leader.excludedSince.get(node) === at);
  return isSame ? leader : { ...leader, excludedSince: since };
}

/** When the node's watchdog has fired for certain, by this clock; null: it has none that could be counted on. */
export function firesBy(state: WorkerState, node: NodeId): Instant | null {
  const member = state.news?.members.find((each) => each.node === node);
  const since = state.leader?.excludedSince.get(node);
  if (member === undefined || member.watchdog === null || since === undefined) return null;
  // A slow clock counts its timeout longer than ours would.
  return plus(since, ms(member.watchdog / (1 - state.identity.drift) + MARGIN));
}

export function firedWatchdogs(state: WorkerState, now: Instant): readonly DeathProof[] {
  return pending(state)
    .filter(({ at }) => now >= at)
    .map(({ node, session, timeout }) => ({
      node,
      boot: session.boot,
      lapses: session.lapses,
      kind: "watchdog",
      sentence: `${node} has lapsed, and its watchdog, unfed, has reset it within ${timeout / 1000} s`,
    }));
}

export function nextFiringAt(state: WorkerState, now: Instant): Instant {
  return pending(state)
    .map(({ at }) => (at > now ? at : FOREVER))
    .reduce(earlier, FOREVER);
}

const NONE: readonly Pending[] = [];

interface Pending {
  readonly node: NodeId;
  readonly at: Instant;
  readonly session: Session;
  readonly timeout: Ms;
}

function pending(state: WorkerState): readonly Pending[] {
  const { news } = state;
  if (news === null || !news.leads || state.leader === null || state.leader.excludedSince.size === 0)
    return NONE;
  return news.members.flatMap(({ node, session, watchdog }) => {
    const at = firesBy(state, node);
    if (at === null || watchdog === null || session === null || isProvedDead(state, node)) return [];
    return [{ node, at, session, timeout: watchdog }];
  });
}
