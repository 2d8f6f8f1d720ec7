// The right to act: as long as a quorum of voters acknowledges what this node sent within the last lease.

import type { NodeId } from "#model/ids.ts";
import type { Pulse, ResetId } from "#model/pulse.ts";
import type { Session } from "#model/session.ts";
import type { Instant } from "#model/units.ts";
import { between, FOREVER, later, NEVER } from "#model/units.ts";
import { quorumOf } from "../identity.ts";
import { type Peer, statementOf } from "../membership/peers.ts";
import { actsAlone } from "./pair.ts";
import type { KeeperState, LapseCause } from "./state.ts";

/**
 * Opens a new session when the right to act ended, even if that went unnoticed (in a freeze, say). Called
 * before any new acknowledgement is used: a lapse is never papered over.
 */
export function lapseIfDue(state: KeeperState, now: Instant): KeeperState {
  const { acting } = state;
  return acting.mayAct && now >= acting.until ? lapse(state, "not-acknowledged") : state;
}

/** Ends the session at once: all orders are void, everything held is to be let go. */
export function lapse(state: KeeperState, lapsed: LapseCause): KeeperState {
  const { acting } = state;
  const session = nextSession(acting.session);
  return {
    ...state,
    acting: { session, mayAct: false, until: NEVER, resetDone: acting.resetDone, lapsed },
    grants: { held: [], armedUntil: NEVER, refreshedAt: NEVER, wasInDoubt: false },
  };
}

/** Extends the right to act by what the voters acknowledge now. */
export function extend(state: KeeperState, now: Instant): KeeperState {
  if (state.left || isWorkerSilent(state, now)) return state;
  const until = actsAlone(state, now) ?? quorumInstant(state, (peer) => peer.acknowledgesUntil);
  const { acting } = state;
  if (until <= now || (acting.mayAct && until <= acting.until)) return state;
  const session = acting.mayAct ? acting.session : nextSession(acting.session);
  return { ...state, acting: { ...acting, session, mayAct: true, until } };
}

/**
 * The right to act begins with a session of its own. What is ordered to a node that may not act yet is so void
 * when it may: it might have been excluded meanwhile, by voters that restarted since and forgot their promise.
 */
function nextSession(session: Session): Session {
  return { boot: session.boot, lapses: session.lapses + 1 };
}

/** A stuck worker must not keep its lease: the keeper then falls silent until the worker is back. */
export function isWorkerSilent(state: KeeperState, now: Instant): boolean {
  return between(state.workerHeardAt, now) > state.identity.workerSilence;
}

/**
 * The latest instant until which a quorum of voters says so; this node counts as one when it is a voter that
 * may speak. With nobody: NEVER.
 */
export function quorumInstant(state: KeeperState, of: (peer: Peer) => Instant): Instant {
  const { identity, lists, leading } = state;
  const until = quorumInstantAmong(state, identity.voters, of);
  // A newcomer can vote only once it has the list that names it. The floor is raised by this leader alone, so until
  // then it is as if it had not gone on yet.
  const isIssuer = leading.kind === "leads" && leading.term === identity.list.id.term;
  return lists.before === null || !isIssuer
    ? until
    : later(until, quorumInstantAmong(state, lists.before, of));
}

/** The same by these voters and nobody else. */
export function quorumInstantAmong(
  { peers, identity, mute }: KeeperState,
  voters: readonly NodeId[],
  of: (peer: Peer) => Instant,
): Instant {
  const instants: Instant[] = [];
  // Our own word to ourselves is never older than now, so it cannot be what ends the right first.
  if (voters.includes(identity.self) && !mute) instants.push(FOREVER);
  for (const peer of peers) if (voters.includes(peer.id)) insertLater(instants, of(peer));
  return instants[quorumOf(voters.length) - 1] ?? NEVER;
}

/** Keeps them in order, the latest first. There are a few at most, and this is asked several times in each turn. */
function insertLater(instants: Instant[], at: Instant): void {
  let i = instants.length;
  for (; i > 0; i -= 1) {
    const before = instants[i - 1] as Instant;
    if (before >= at) break;
    instants[i] = before;
  }
  instants[i] = at;
}

/** Obeys the newest reset that a leader tells this node; drops everything. */
export function obeyResets(state: KeeperState, now: Instant): KeeperState {
  let next = state;
  for (const peer of state.peers) {
    const pulse = statementOf(peer, now);
    const id = pulse === null ? null : resetFor(pulse, state);
    if (id !== null && isNewerReset(id, next.acting.resetDone)) {
      const lapsed = lapse(next, "reset");
      next = { ...lapsed, acting: { ...lapsed.acting, resetDone: id } };
    }
  }
  return next;
}

function resetFor(pulse: Pulse, state: KeeperState): ResetId | null {
  if (pulse.leads === null || pulse.leads < state.term) return null;
  return pulse.reset.find((r) => r.node === state.identity.self)?.id ?? null;
}

function isNewerReset(a: ResetId, b: ResetId | null): boolean {
  return b === null || a.term > b.term || (a.term === b.term && a.number > b.number);
}
