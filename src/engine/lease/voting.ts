// A voter's word: one vote a term, changed only when who has it gave it up or was silent for a lease.

import type { Vote } from "#model/pulse.ts";
import type { Instant, Term } from "#model/units.ts";
import { maxTerm, NO_TERM } from "#model/units.ts";
import { isSilent, statementOf } from "../membership/peers.ts";
import type { KeeperState, Voter } from "./state.ts";

/** May this voter's vote be changed now? */
export function isVoteFree(state: KeeperState, now: Instant): boolean {
  const { voter, identity } = state;
  if (!identity.isVoter || state.mute || state.left) return false;
  const { vote } = voter;
  if (vote === null) return true;
  if (vote.for === identity.self) return gaveUp(state) >= vote.term;
  const holder = state.peers.find((p) => p.id === vote.for);
  if (holder === undefined || isSilent(holder, identity, now)) return true;
  // Having given up is a fact that stays: unlike other statements it needs no fresh acknowledgement.
  return holder.pulse !== null && holder.pulse.gaveUp >= vote.term;
}

export function gaveUp(state: KeeperState): Term {
  return state.leading.gaveUp;
}

/**
 * Chooses whom to vote for, if the vote is free and somebody asks (or leads already: a voter that was away
 * joins in). The vote goes to the disk first; `foldStored` states it.
 */
export function chooseVote(state: KeeperState, now: Instant): KeeperState {
  const { voter } = state;
  if (voter.storing !== null || now < voter.storeAgainAt || !isVoteFree(state, now)) return state;
  const wanted = bestAsker(state, now);
  if (wanted === null) return state;
  return startStoring(state, wanted);
}

/** Puts a vote on its way to the disk; with the right clauses it is stated only when it has arrived. */
export function startStoring(state: KeeperState, vote: Vote): KeeperState {
  const voter: Voter = { ...state.voter, storing: vote };
  return { ...state, voter, term: maxTerm(state.term, vote.term) };
}

function bestAsker(state: KeeperState, now: Instant): Vote | null {
  let best: Vote | null = null;
  for (const peer of state.peers) {
    const pulse = statementOf(peer, now);
    if (pulse === null || !peer.isVoter || isSilent(peer, state.identity, now)) continue;
    const term = pulse.leads ?? pulse.candidate;
    if (term === null || !mayVote(state, { term, for: peer.id })) continue;
    if (best === null || term > best.term) best = { term, for: peer.id };
  }
  return best;
}

/** One vote a term; the same vote may be stated again (after a restart, say). */
function mayVote(state: KeeperState, vote: Vote): boolean {
  const { stored, vote: stated } = state.voter;
  if (stated !== null && stated.term === vote.term && stated.for === vote.for) return false;
  if (vote.term < state.term) return false;
  if (stored === null || vote.term > stored.term) return true;
  return vote.term === stored.term && vote.for === stored.for;
}

/** The disk answered: states the vote if it may still be given, else it is merely a term used up. */
export function foldStored(state: KeeperState, vote: Vote, ok: boolean, now: Instant): KeeperState {
  const { voter } = state;
  if (voter.storing === null || voter.storing.term !== vote.term || voter.storing.for !== vote.for) {
    return ok ? { ...state, voter: { ...voter, stored: newer(voter.stored, vote) } } : state;
  }
  if (!ok) {
    const storeAgainAt = (now + state.identity.lease) as Instant;
    return withoutCandidacy({ ...state, voter: { ...voter, storing: null, storeAgainAt } }, vote, now);
  }
  const arrived = { ...state, voter: { ...voter, storing: null, stored: newer(voter.stored, vote) } };
  if (!isVoteFree(arrived, now) || !stillAsks(arrived, vote, now)) return arrived;
  return { ...arrived, voter: { ...arrived.voter, vote } };
}

function stillAsks(state: KeeperState, vote: Vote, now: Instant): boolean {
  const { leading, identity } = state;
  if (vote.for === identity.self) return leading.kind === "candidate" && leading.term === vote.term;
  const peer = state.peers.find((p) => p.id === vote.for);
  const pulse = peer === undefined ? null : statementOf(peer, now);
  return pulse !== null && (pulse.leads === vote.term || pulse.candidate === vote.term);
}

function withoutCandidacy(state: KeeperState, vote: Vote, now: Instant): KeeperState {
  if (state.leading.kind !== "candidate" || vote.for !== state.identity.self) return state;
  const runNotBefore = (now + state.identity.lease) as Instant;
  return { ...state, leading: { kind: "no", gaveUp: state.leading.term, runNotBefore } };
}

function newer(stored: Vote | null, vote: Vote): Vote {
  return stored === null || vote.term >= stored.term ? vote : stored;
}

/** The highest term that this node has stored or seen in any way. */
export function highestTerm(state: KeeperState): Term {
  return maxTerm(state.term, state.voter.stored?.term ?? NO_TERM);
}
