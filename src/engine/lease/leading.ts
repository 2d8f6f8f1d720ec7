// Asking for votes, leading while a quorum states its vote, and giving up for good in a term.

import type { NodeId } from "#model/ids.ts";
import type { Instant, Ms, Term } from "#model/units.ts";
import { FOREVER, instant, maxTerm, ms, plus } from "#model/units.ts";
import { statementOf, votesUntil } from "../membership/peers.ts";
import { lapse, quorumInstant } from "./acting.ts";
import { noteAsked, settleEager, termFor, yieldOf } from "./pair.ts";
import type { KeeperState, Leading } from "./state.ts";
import { isLeadOver } from "./voters.ts";
import { gaveUp, highestTerm, isVoteFree, startStoring } from "./voting.ts";

/** Ends a leadership or candidacy whose time is over, before anything new is used. */
export function giveUpIfDue(state: KeeperState, now: Instant): KeeperState {
  const { leading, identity } = state;
  if (leading.kind === "no") return giveUpForgotten(state);
  const overtaken = state.term > leading.term;
  const isUnwanted = state.pair?.leadsEagerly === true && !state.pair.isEager;
  const isDone = isLeadOver(state, now);
  if (now < leading.until && !overtaken && !state.left && !isUnwanted && !isDone) return state;
  // Overtaken: run again soon, in a higher term. Not elected: let another try first.
  const wait = leading.kind === "candidate" && !overtaken ? backOff(state) : ms(0);
  if (leading.kind === "leads" && !identity.clauses.endsItsTerm && !overtaken) {
    const until = instant(now + identity.lease);
    return { ...state, leading: { kind: "candidate", term: leading.term, until, gaveUp: leading.gaveUp } };
  }
  return stepDown(state, plus(now, wait));
}

/**
 * A voter may hold a vote for this node from a life that it remembers nothing of, since its disk was lost. Such a
 * vote stays where it is while this node is heard, so nobody could be elected any more; it says that it gave up.
 * That is true: it leads in no term that it has seen, since it asks for votes only in a higher one.
 */
function giveUpForgotten(state: KeeperState): KeeperState {
  const { leading, identity, peers } = state;
  if (leading.kind !== "no") return state;
  let forgotten = leading.gaveUp;
  for (const { pulse } of peers) {
    const vote = pulse?.vote ?? null;
    if (vote?.for === identity.self && vote.term <= highestTerm(state))
      forgotten = maxTerm(forgotten, vote.term);
  }
  return forgotten === leading.gaveUp ? state : { ...state, leading: { ...leading, gaveUp: forgotten } };
}

/** Stops leading or asking, and never will again in this term. */
export function stepDown(state: KeeperState, runNotBefore: Instant): KeeperState {
  const { leading, voter, identity } = state;
  const over: Term = leading.kind === "no" ? leading.gaveUp : leading.term;
  const mine = voter.vote?.for === identity.self && voter.vote.term <= over;
  // Between two voters whoever leads acts by its own word: with the lead that right ends, at once.
  const acted = state.pair !== null && leading.kind === "leads" && state.acting.mayAct;
  return {
    ...(acted ? lapse(state, "overtaken") : state),
    leading: { kind: "no", gaveUp: over, runNotBefore },
    ledMembers: new Map(),
    voter: mine ? { ...voter, vote: null } : voter,
  };
}

/** Distinct for each voter, so that two that tied once do not tie again. */
function backOff(state: KeeperState): Ms {
  const rank = state.identity.voters.indexOf(state.identity.self) + 1;
  return ms((state.identity.lease * rank) / 2);
}

/** Becomes a candidate when a quorum of voters is free to vote and nobody is better placed. */
export function runIfWanted(state: KeeperState, now: Instant): KeeperState {
  const runAt = whenToRun(state, now);
  if (runAt === null || now < runAt) return state;
  const next = termFor(state, highestTerm(state), now);
  const until = plus(now, state.identity.lease);
  const leading: Leading = { kind: "candidate", term: next, until, gaveUp: gaveUp(state) };
  return startStoring(noteAsked({ ...state, leading }, next, now), { term: next, for: state.identity.self });
}

/** From when on this voter would ask for votes, as things stand; null: it would not. */
export function whenToRun(state: KeeperState, now: Instant): Instant | null {
  const { leading, voter, identity } = state;
  if (leading.kind !== "no" || voter.storing !== null || !isVoteFree(state, now)) return null;
  if (now < voter.storeAgainAt) return voter.storeAgainAt;
  const others = state.peers.filter((p) => p.isVoter && statementOf(p, now)?.voteIsFree === true);
  if (others.length + 1 < identity.quorum && yieldOf(state, now) === null) return null;
  const since = state.freeQuorumSince;
  if (since === null) return null;
  const rank = others.filter((p) => isBetterPlaced(state, p.id, now)).length;
  const step = identity.pulse + 20;
  return instant(Math.max(since + rank * step, leading.runNotBefore));
}

/** Who hears more members leads better; then nodes before witnesses, then the order of the voters. */
function isBetterPlaced(state: KeeperState, other: NodeId, now: Instant): boolean {
  const { identity } = state;
  const peer = state.peers.find((p) => p.id === other);
  const pulse = peer === undefined ? null : statementOf(peer, now);
  if (peer === undefined || pulse === null) return false;
  const heardHere = state.peers.filter((p) => now - p.heardAt <= identity.lease).length;
  if (pulse.heard.length !== heardHere) return pulse.heard.length > heardHere;
  if ((peer.kind === "witness") !== identity.isWitness) return identity.isWitness;
  return identity.voters.indexOf(other) < identity.voters.indexOf(identity.self);
}

/** Leads from the moment, and as long as, a quorum states its vote for this node in its term. */
export function countVotes(state: KeeperState, now: Instant): KeeperState {
  const { leading, voter, identity } = state;
  if (leading.kind === "no") return state;
  const own = voter.vote;
  if (own === null || own.for !== identity.self || own.term !== leading.term) return state;
  const until = quorumInstant(state, (peer) => votesUntil(peer, identity.self, leading.term));
  if (state.pair !== null) return countPair(state, leading, until > now, now);
  if (leading.kind === "leads") {
    // A vote that was taken back ends the leadership at once: giveUpIfDue sees it.
    return until === leading.until ? state : { ...state, leading: { ...leading, until } };
  }
  if (until <= now) return state;
  return {
    ...state,
    leading: { kind: "leads", term: leading.term, until, since: now, gaveUp: leading.gaveUp },
    ledMembers: new Map(),
  };
}

/** Between two voters: leads by both votes, or because the peer yields; and then until something ends it. */
function countPair(
  state: KeeperState,
  leading: Exclude<Leading, { kind: "no" }>,
  bothVote: boolean,
  now: Instant,
): KeeperState {
  if (leading.kind === "leads") return settleEager(state, now);
  const reason = yieldOf(state, now);
  if (state.pair === null || (!bothVote && reason === null)) return state;
  const isEager = !bothVote && reason === "eager";
  // What it had by the holder's acknowledgements ends here: only eager services may go on by its own word.
  // (Simulator, two voters, seed 69 of 2026-11-20.)
  const ends = isEager && state.acting.mayAct && state.identity.clauses.lapsesWhenEager;
  const base = ends ? lapse(state, "not-acknowledged") : state;
  return {
    ...base,
    leading: { kind: "leads", term: leading.term, until: FOREVER, since: now, gaveUp: leading.gaveUp },
    ledMembers: new Map(),
    pair: { ...state.pair, leadsEagerly: isEager },
  };
}
