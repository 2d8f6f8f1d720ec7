// Exactly two voters. A quorum of two would let the loss of either stop both, so here the leader holds a *tenure*:
// it does not lapse when the other falls silent.
//
// The other one can have it only when the holder can certainly not act any more: it said goodbye, it was proved
// dead (fenced, or by an operator's word), or, for services that prefer two actives to none, at
// once (`eager`). After a reboot nobody leads without having heard the other; after a mere restart of the daemon
// the holder goes on. In all of this the word of the silent peer is done without: it *yields*.

import { coversBoot, type DeathProof, UNHEARD } from "#model/fencing.ts";
import type { Instant, Term } from "#model/units.ts";
import { NEVER, plus, shorten, term } from "#model/units.ts";
import type { Identity } from "../identity.ts";
import type { Peer } from "../membership/peers.ts";
import { isSilent, statementOf } from "../membership/peers.ts";
import type { KnownLives } from "./clauses.ts";
import { announceAnew } from "./grants.ts";
import type { KeeperState, Pair, PairRecord } from "./state.ts";

/** At the start: what an earlier life stored counts only in the same kernel boot. */
export function startPair(identity: Identity, stored: PairRecord | null): Pair | null {
  const peer = identity.voters.find((voter) => voter !== identity.self);
  if (!identity.isPair || !identity.isVoter || peer === undefined) return null;
  const { resumes } = identity.clauses;
  const known = stored !== null && resumes(stored.kernelBoot, identity.kernelBoot) ? stored : null;
  return {
    peer,
    record: known ?? { kernelBoot: identity.kernelBoot, held: null, heard: null },
    stored,
    storing: null,
    storeAgainAt: NEVER,
    resumable: known?.held ?? null,
    proof: null,
    askedUnheard: null,
    isEager: false,
    leadsEagerly: false,
    isLeaving: false,
  };
}

/** Why the peer's word is not needed. */
export type Yield = "released" | "dead" | "resumed" | "eager";

/** Null: its word is needed, as always with more than two voters. */
export function yieldOf(state: KeeperState, now: Instant): Yield | null {
  const { pair, identity } = state;
  if (pair === null) return null;
  const peer = state.peers.find((p) => p.id === pair.peer);
  if (peer === undefined) return null;
  if (isGoodbye(peer, identity)) return "released";
  if (pair.resumable !== null) return "resumed";
  if (!isSilent(peer, identity, now)) return null;
  if (identity.clauses.believesProof(pair.proof, livesOf(pair, peer))) return "dead";
  return pair.isEager ? "eager" : null;
}

/** Said in answer to this life: an old goodbye, kept somewhere on the network, is about a life that others followed. */
function isGoodbye({ pulse }: Peer, { self, boot }: Identity): boolean {
  return pulse?.left === true && pulse.heard.some((heard) => heard.node === self && heard.boot === boot);
}

/**
 * Of a peer that did not answer this life, only what was proved meanwhile counts, also when an earlier life in this
 * kernel boot heard it. (Simulator, two voters, seed 54 of 2026-11-20.)
 *
 * Nor does it matter then whether something was heard of it. After both were rebooted a pulse of its life before that
 * came late; a proof about that life was taken for one about the present one, and both held the tenure.
 * (Simulator, seed 4187 of 2026-11-20.)
 */
function livesOf(pair: Pair, peer: Peer): KnownLives {
  const heard = peer.pulse?.session.boot ?? null;
  return { heard, answered: peer.answeredIn, known: answeredBoot(pair, peer) };
}

/** Does this node hold the tenure? Leading for eager services alone is none. */
export function holdsTenure(state: KeeperState): boolean {
  return state.pair !== null && state.leading.kind === "leads" && !state.pair.leadsEagerly;
}

/** How many promises make certain that a node has lapsed: nobody but the holder acknowledges the other of two. */
export function promiseQuorum(state: KeeperState): number {
  return holdsTenure(state) ? 1 : state.identity.quorum;
}

/** The right to act of who leads a pair comes from itself; it still has to be renewed, for the kernel's grants. */
export function actsAlone(state: KeeperState, now: Instant): Instant | null {
  if (state.pair === null || state.leading.kind !== "leads") return null;
  return plus(now, shorten(state.identity.lease, state.identity.drift));
}

/** Where the date is of no use: the peer may have gone on to later terms with each restart, fewer times than this. */
const UNHEARD_TERMS = 1_000;

/**
 * The next term to ask for. Of two that lead alone the higher term stays, so two voters never use the same one.
 *
 * Who takes over from a peer that it does not hear cannot know to which terms the peer went on. When the two took over
 * from each other by turns, only their clocks are in common: so the term is the date, in ms, at which the daemon
 * started, which is its boot number. What the peer led in before ended before that. Were the term lower than the
 * peer's, its return would cost an outage. (Simulator, two voters, seeds 4 and 96 of 2026-11-20.)
 */
export function termFor(state: KeeperState, highest: Term, now: Instant): Term {
  const { pair } = state;
  if (pair === null) return term(highest + 1);
  const { boot } = state.identity;
  // What it asked for in vain, on a slow disk say, needs no room again: the date would be overtaken.
  // (Simulator, two voters, seed 21165 of 2026-11-20.)
  const isOwn = highest === pair.askedUnheard;
  const unheard = boot > highest ? boot : highest + (isOwn ? 1 : UNHEARD_TERMS);
  const next = isUnheard(state, now) ? unheard : highest + 1;
  const mine = state.identity.voters.indexOf(state.identity.self) % 2;
  return term(next % 2 === mine ? next : next + 1);
}

/** This node asks for votes in a term. */
export function noteAsked(state: KeeperState, asked: Term, now: Instant): KeeperState {
  const { pair } = state;
  return pair === null || !isUnheard(state, now)
    ? state
    : { ...state, pair: { ...pair, askedUnheard: asked } };
}

function isUnheard(state: KeeperState, now: Instant): boolean {
  const reason = yieldOf(state, now);
  return reason === "dead" || reason === "eager";
}

/** Brings what should be on disk up to date, and forgets rights that are over. */
export function tidyPair(state: KeeperState): KeeperState {
  const { pair, leading, voter } = state;
  if (pair === null) return state;
  const peer = state.peers.find((p) => p.id === pair.peer);
  const leadsElsewhere = peer?.pulse?.leads ?? null;
  const { held } = pair.record;
  const isGivenAway = voter.stored !== null && voter.stored.for !== state.identity.self;
  const isOver =
    held !== null &&
    ((leadsElsewhere !== null && leadsElsewhere > held) || (isGivenAway && (voter.stored?.term ?? 0) > held));
  const holds = holdsTenure(state) && leading.kind === "leads" ? leading.term : null;
  const kept = isOver || pair.isLeaving ? null : held;
  const record: PairRecord = {
    kernelBoot: state.identity.kernelBoot,
    held: pair.isLeaving ? null : (holds ?? kept),
    heard: answeredBoot(pair, peer),
  };
  const resumable = isOver || holds !== null || pair.isLeaving ? null : pair.resumable;
  const leadsEagerly = pair.leadsEagerly && leading.kind === "leads";
  const proof = isUnheardOver(pair, peer) ? null : pair.proof;
  const isSame =
    sameRecord(record, pair.record) &&
    resumable === pair.resumable &&
    leadsEagerly === pair.leadsEagerly &&
    proof === pair.proof;
  return isSame ? state : { ...state, pair: { ...pair, record, resumable, leadsEagerly, proof } };
}

/** It ends for good: other links in the configuration make the peer one that was never heard again. */
function isUnheardOver({ proof }: Pair, peer: Peer | undefined): boolean {
  return proof?.boot === UNHEARD && (peer?.answeredIn ?? null) !== null;
}

/** Only an authentic pulse in answer to us shows that the peer lives at the same time as we do. */
function answeredBoot({ record }: Pair, peer: Peer | undefined): number | null {
  const boot = peer?.answeredIn ?? null;
  return boot === null ? record.heard : Math.max(boot, record.heard ?? 0);
}

export function sameRecord(a: PairRecord, b: PairRecord): boolean {
  return a.kernelBoot === b.kernelBoot && a.held === b.held && a.heard === b.heard;
}

/** What has to be written now; null: nothing, or a write is under way. */
export function recordToStore(state: KeeperState, now: Instant): PairRecord | null {
  const { pair } = state;
  if (pair === null || pair.storing !== null || now < pair.storeAgainAt) return null;
  if (pair.stored !== null && sameRecord(pair.record, pair.stored)) return null;
  // Nothing that would help a later life: no need to write.
  if (pair.stored === null && pair.record.held === null && pair.record.heard === null) return null;
  return pair.record;
}

export function foldPairStored(
  state: KeeperState,
  record: PairRecord,
  ok: boolean,
  now: Instant,
): KeeperState {
  const { pair } = state;
  if (pair === null) return state;
  const storeAgainAt = ok ? NEVER : plus(now, state.identity.longestLease);
  return { ...state, pair: { ...pair, storing: null, storeAgainAt, stored: ok ? record : pair.stored } };
}

export function foldProof(state: KeeperState, proof: DeathProof): KeeperState {
  const { pair } = state;
  if (pair === null || proof.node !== pair.peer) return state;
  if (proof.boot !== UNHEARD && coversBoot(pair.proof ?? undefined, proof.boot)) return state;
  return { ...state, pair: { ...pair, proof } };
}

export function foldEager(state: KeeperState, isEager: boolean): KeeperState {
  const { pair } = state;
  return pair === null || pair.isEager === isEager ? state : { ...state, pair: { ...pair, isEager } };
}

/**
 * Leads eagerly no more: the peer votes for this leader, or was proved dead meanwhile. Whoever followed the peer's
 * announcements has to hear where the addresses are.
 */
export function settleEager(state: KeeperState, now: Instant): KeeperState {
  const { pair, leading } = state;
  if (pair === null || !pair.leadsEagerly || leading.kind !== "leads") return state;
  const peer = state.peers.find((p) => p.id === pair.peer);
  const pulse = peer === undefined ? null : statementOf(peer, now);
  const votes = pulse?.vote?.for === state.identity.self && pulse.vote.term === leading.term;
  const yields = yieldOf(state, now);
  const isProved = yields === "dead" || yields === "released";
  if (!votes && !isProved) return state;
  return announceAnew({ ...state, pair: { ...pair, leadsEagerly: false } }, now);
}
