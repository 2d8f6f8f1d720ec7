// Shutting a silent node out with certainty, and taking it back.
//
//   in ──silent──► asking ──quorum promised──► excluded ──heard──► resetting ──confirmed──► readmitting ──► in
//
// The leader asks; voters that do not hear the node either promise to acknowledge nothing from it. While a
// quorum states the promise the node has lapsed: whatever a promising voter acknowledged before was sent
// longer ago than the lease. The certainty stays when the promises end, since readmission needs a reset first.

import type { NodeId } from "#model/ids.ts";
import type { Promised, Pulse, Reset } from "#model/pulse.ts";
import type { Instant, Term } from "#model/units.ts";
import type { Peer } from "../membership/peers.ts";
import { isSilent, statementOf } from "../membership/peers.ts";
import { lapse } from "./acting.ts";
import { promiseQuorum } from "./pair.ts";
import type { KeeperState, LedMember } from "./state.ts";

/** The voter's side: promises what the newest leader asks, takes promises back when it readmits. */
export function keepPromises(state: KeeperState, now: Instant): KeeperState {
  const { identity } = state;
  if (!identity.isVoter || state.mute) return state;
  const asks = state.peers.flatMap((peer) => {
    const pulse = statementOf(peer, now);
    return pulse !== null && asksSomething(pulse, state.term) ? [pulse] : [];
  });
  if (asks.length === 0) return state;
  const promises = new Map(state.voter.promises);
  for (const pulse of asks) {
    for (const node of pulse.readmit) {
      const promised = promises.get(node);
      if (promised !== undefined && promised <= pulse.leads) promises.delete(node);
    }
    for (const node of pulse.exclude) {
      if (canPromise(state, node, now)) promises.set(node, pulse.leads);
    }
  }
  return samePromises(promises, state.voter.promises)
    ? state
    : { ...state, voter: { ...state.voter, promises } };
}

type Asking = Pulse & { readonly leads: Term };

/** Does a leader of this term or a later one want a promise made or taken back? Mostly none does. */
function asksSomething(pulse: Pulse, least: Term): pulse is Asking {
  const { leads, exclude, readmit } = pulse;
  return leads !== null && leads >= least && (exclude.length > 0 || readmit.length > 0);
}

function canPromise(state: KeeperState, node: NodeId, now: Instant): boolean {
  const peer = state.peers.find((p) => p.id === node);
  return peer !== undefined && isSilent(peer, state.identity, now);
}

function samePromises(a: ReadonlyMap<NodeId, Term>, b: ReadonlyMap<NodeId, Term>): boolean {
  return a.size === b.size && [...a].every(([node, term]) => b.get(node) === term);
}

/** The leader's side: moves each other member one step further. */
export function leadMembers(before: KeeperState, now: Instant): KeeperState {
  const { leading } = before;
  if (leading.kind !== "leads") return before;
  const state = resetSelf(before, now);
  const ledMembers = new Map<NodeId, LedMember>(ownEntry(state, now));
  let resets = state.resets;
  let voter = state.voter;
  for (const peer of state.peers) {
    const step = nextStep(state, peer, leading.term, resets, now);
    resets = step.resets;
    ledMembers.set(peer.id, step.member);
    voter = ownPromise(state, voter, peer, step.member, leading.term, now);
  }
  // The same object while nothing changed: most turns of an idle leader change nothing here.
  if (resets === state.resets && voter === state.voter && sameMembers(ledMembers, state.ledMembers))
    return state;
  return { ...state, ledMembers, resets, voter };
}

function sameMembers(a: ReadonlyMap<NodeId, LedMember>, b: ReadonlyMap<NodeId, LedMember>): boolean {
  if (a.size !== b.size) return false;
  for (const [node, member] of a) if (b.get(node) !== member) return false;
  return true;
}

/** One object each: what did not change is recognised by being the same. */
const IN: LedMember = { kind: "in" };
const EXCLUDED: LedMember = { kind: "excluded" };
const READMITTING: LedMember = { kind: "readmitting" };

/**
 * A leader may itself be excluded still: voters promised so to an earlier one. Nobody else would readmit it, so
 * it does what it would tell any other node: drops everything, opens a new session, and then readmits itself.
 *
 * Not while it acts. Whoever relied on such a promise led before it does, at a moment when it could not act; what
 * it has now began later, in a session of its own. A voter that was away and brings an old promise back must
 * not cost an outage.
 */
function resetSelf(state: KeeperState, now: Instant): KeeperState {
  const { self, clauses } = state.identity;
  const isReset = state.ledMembers.has(self) || state.acting.mayAct || !clauses.readmitsAfterReset;
  return isReset || !isPromisedByAnyone(state, self, now) ? state : lapse(state, "reset");
}

function ownEntry(state: KeeperState, now: Instant): [NodeId, LedMember][] {
  const { self } = state.identity;
  return isPromisedByAnyone(state, self, now) ? [[self, READMITTING]] : [];
}

interface Step {
  readonly member: LedMember;
  readonly resets: number;
}

function nextStep(state: KeeperState, peer: Peer, term: Term, resets: number, now: Instant): Step {
  const before: LedMember = state.ledMembers.get(peer.id) ?? IN;
  const silent = isSilent(peer, state.identity, now);
  const stay = (member: LedMember): Step => ({ member, resets });
  if (silent) return stay(whileSilent(state, peer, before, now));

  const pulse = statementOf(peer, now);
  // Heard, but not in answer to us: nothing it states may be used, so nothing changes.
  if (pulse === null) return stay(before);
  if (pulse.left) return stay({ kind: "left", boot: pulse.session.boot });
  switch (before.kind) {
    case "in":
    case "asking":
    case "left":
      if (!isPromisedByAnyone(state, peer.id, now)) return stay(IN);
      // Our own request of this term that never came to a quorum: nobody concluded anything from it.
      if (!isPromisedSince(state, peer.id, term, now)) return stay(READMITTING);
      return startReset(state, resets, term, false);
    case "excluded":
      return startReset(state, resets, term, true);
    case "resetting": {
      const done = pulse.resetDone;
      const confirmed = done !== null && done.term === before.id.term && done.number === before.id.number;
      return stay(confirmed ? READMITTING : before);
    }
    case "readmitting":
      return stay(isPromisedByAnyone(state, peer.id, now) ? before : IN);
  }
}

function startReset(state: KeeperState, resets: number, term: Term, certain: boolean): Step {
  if (!state.identity.clauses.readmitsAfterReset) return { member: READMITTING, resets };
  const number = resets + 1;
  return { member: { kind: "resetting", id: { term, number }, certain }, resets: number };
}

function whileSilent(state: KeeperState, peer: Peer, before: LedMember, now: Instant): LedMember {
  if (before.kind === "left") return before;
  const wasCertain = before.kind === "excluded" || (before.kind === "resetting" && before.certain);
  if (wasCertain) return EXCLUDED;
  const asking = before.kind === "asking" ? before : ({ kind: "asking", after: state.sent.number } as const);
  const { promised, deaf } = countPromises(state, peer.id, asking.after, now);
  return state.identity.clauses.hasLapsed(promised, deaf, promiseQuorum(state)) ? EXCLUDED : asking;
}

/**
 * How many voters promised, and how many just do not hear it; this node included. Only what answers the present
 * request counts: a promise stated before may have been taken back since by a readmission of ours, unheard.
 */
function countPromises(
  state: KeeperState,
  node: NodeId,
  after: number,
  now: Instant,
): { promised: number; deaf: number } {
  let promised = state.voter.promises.has(node) ? 1 : 0;
  let deaf = 1;
  for (const peer of state.peers) {
    const pulse = peer.isVoter ? statementOf(peer, now) : null;
    if (pulse === null) continue;
    const answers = pulse.heard.some((h) => h.node === state.identity.self && h.number > after);
    if (answers && pulse.promises.some((p) => p.node === node)) promised += 1;
    if (!pulse.heard.some((h) => h.node === node)) deaf += 1;
  }
  return { promised, deaf };
}

/**
 * The leader promises last, when that makes the quorum: a node that the others still hear is then not cut
 * off by the leader's own bad link.
 */
function ownPromise(
  state: KeeperState,
  voter: KeeperState["voter"],
  peer: Peer,
  member: LedMember,
  term: Term,
  now: Instant,
): KeeperState["voter"] {
  const has = voter.promises.has(peer.id);
  if (member.kind === "asking" && !has && state.identity.isVoter && !state.mute) {
    const others = countPromises(state, peer.id, member.after, now).promised;
    if (others + 1 < promiseQuorum(state) || !isSilent(peer, state.identity, now)) return voter;
    return { ...voter, promises: new Map(voter.promises).set(peer.id, term) };
  }
  if (member.kind !== "readmitting" || !has) return voter;
  const promises = new Map(voter.promises);
  promises.delete(peer.id);
  return { ...voter, promises };
}

function isPromisedByAnyone(state: KeeperState, node: NodeId, now: Instant): boolean {
  return promisesAbout(state, node, now).length > 0;
}

/** Is there a promise that was not made to this leader in this term? Then somebody may have relied on it. */
function isPromisedSince(state: KeeperState, node: NodeId, term: Term, now: Instant): boolean {
  return promisesAbout(state, node, now).some((p) => p.term !== term);
}

function promisesAbout(state: KeeperState, node: NodeId, now: Instant): readonly Promised[] {
  const own = state.voter.promises.get(node);
  const all: Promised[] = own === undefined ? [] : [{ node, term: own }];
  for (const peer of state.peers) {
    const pulse = peer.isVoter ? statementOf(peer, now) : null;
    if (pulse !== null) for (const promise of pulse.promises) if (promise.node === node) all.push(promise);
  }
  return all;
}

/** Mostly that is so; one object for all. */
const NOTHING = { exclude: [], reset: [], readmit: [] } as const;

/** What the leader's pulse says about the other members. */
export function statementsAbout(members: ReadonlyMap<NodeId, LedMember>): {
  readonly exclude: readonly NodeId[];
  readonly reset: readonly Reset[];
  readonly readmit: readonly NodeId[];
} {
  let isAny = false;
  for (const { kind } of members.values()) if (kind !== "in" && kind !== "left") isAny = true;
  if (!isAny) return NOTHING;
  const exclude: NodeId[] = [];
  const reset: Reset[] = [];
  const readmit: NodeId[] = [];
  for (const [node, member] of members) {
    if (member.kind === "asking" || member.kind === "excluded") exclude.push(node);
    if (member.kind === "resetting") reset.push({ node, id: member.id });
    if (member.kind === "readmitting") readmit.push(node);
  }
  return { exclude, reset, readmit };
}
