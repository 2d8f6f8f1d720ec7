// The keeper's front door: what must not be late. One turn: end what is over, take in what is new, decide.
//
// Start reading at `handleKeeper`. The machines behind it: membership/ (who is heard), lease/acting.ts (the
// right to act), lease/voting.ts and lease/leading.ts (votes to leader and term), lease/exclusion.ts
// (certainty about the silent), lease/pair.ts (two voters), lease/voters.ts (changes of the list of voters),
// lease/grants.ts (addresses and ports under the lease), lease/watchdog.ts (when the hardware is fed).

import { unreachable } from "#lib/unreachable.ts";
import type { FloatingAddress } from "#model/address.ts";
import type { MemberConfig } from "#model/config.ts";
import { type Grant, isAddress } from "#model/grant.ts";
import type { ToKeeper, ToWorker } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { Pulse, Vote } from "#model/pulse.ts";
import type { Instant, Ms } from "#model/units.ts";
import { maxTerm, NEVER } from "#model/units.ts";
import type { Identity } from "./identity.ts";
import { extend, isWorkerSilent, lapse, lapseIfDue, obeyResets } from "./lease/acting.ts";
import { keepPromises, leadMembers } from "./lease/exclusion.ts";
import { dropHeld, foldRelease, foldTake, keepGrants, NO_GRANTS, retake } from "./lease/grants.ts";
import { countVotes, giveUpIfDue, runIfWanted, stepDown } from "./lease/leading.ts";
import {
  foldEager,
  foldPairStored,
  foldProof,
  recordToStore,
  startPair,
  tidyPair,
  yieldOf,
} from "./lease/pair.ts";
import { nextWake, pulseIfDue } from "./lease/pulses.ts";
import type { HeldGrant, KeeperState, ListRecord, PairRecord } from "./lease/state.ts";
import {
  foldListStored,
  foldWantedVoters,
  hearLists,
  leadLists,
  listToStore,
  startLists,
} from "./lease/voters.ts";
import { chooseVote, foldStored, isVoteFree } from "./lease/voting.ts";
import { foldArmed, foldHoldings, keepWatchdog, startWatchdog } from "./lease/watchdog.ts";
import { foldPulse, isSilent, newPeer, statementOf } from "./membership/peers.ts";
import { NOTHING_SENT } from "./membership/sent.ts";
import { tellChanges } from "./news.ts";

/** A pulse, and the link of ours over which it came. */
export interface Received {
  readonly pulse: Pulse;
  readonly link: number;
}

export type KeeperEvent =
  | ({ readonly kind: "pulse" } & Received)
  /**
   * What came in at one moment, in the order in which it came: of each sender one pulse, with its copies from other
   * links. What they say is decided upon once.
   */
  | { readonly kind: "pulses"; readonly received: readonly Received[] }
  /** Time passed. */
  | { readonly kind: "wake" }
  | {
      readonly kind: "vote-stored";
      readonly vote: Vote;
      readonly ok: boolean;
      readonly problem: string | null;
    }
  /** Between two voters: what `store-pair` came to. */
  | { readonly kind: "pair-stored"; readonly record: PairRecord; readonly ok: boolean }
  | { readonly kind: "list-stored"; readonly record: ListRecord; readonly ok: boolean }
  | { readonly kind: "worker"; readonly message: ToKeeper }
  /** How a `take` went; `id` null: a repair. */
  | {
      readonly kind: "took";
      readonly id: number | null;
      readonly grants: readonly Grant[];
      readonly problem: string | null;
    }
  /** Somebody removed addresses, or the device came back: they must be put there again. */
  | { readonly kind: "addresses-disturbed"; readonly ips: readonly string[]; readonly why: string }
  /** The guard was changed by somebody else and stands again, closed. */
  | { readonly kind: "guard-repaired"; readonly why: string }
  /** The answer to `watchdog` with `arm`. */
  | { readonly kind: "watchdog-armed"; readonly timeout: Ms | null; readonly problem: string | null }
  /** It was too late to arm it: to be tried again. */
  | { readonly kind: "watchdog-late" }
  /** The host slept: its clocks say by how much. What happened meanwhile is not known. */
  | { readonly kind: "resumed"; readonly gap: Ms }
  /** Another machine claims the address. */
  | { readonly kind: "claimed"; readonly ip: string; readonly mac: string };

/** Carried out in the order given. */
export type KeeperEffect =
  | { readonly kind: "send"; readonly pulse: Pulse; readonly to: readonly NodeId[] }
  /** Put it on disk, then answer with `vote-stored`. */
  | { readonly kind: "store-vote"; readonly vote: Vote }
  /** Likewise, answered with `pair-stored`. */
  | { readonly kind: "store-pair"; readonly record: PairRecord }
  /** Likewise, answered with `list-stored`. */
  | { readonly kind: "store-list"; readonly record: ListRecord }
  | {
      readonly kind: "take";
      readonly id: number | null;
      readonly grants: readonly Grant[];
      readonly until: Instant;
      readonly lifetimeSeconds: number;
    }
  | { readonly kind: "renew"; readonly grants: readonly Grant[]; readonly until: Instant }
  | {
      readonly kind: "refresh";
      readonly addresses: readonly FloatingAddress[];
      readonly lifetimeSeconds: number;
    }
  /** Close and remove. `id` null: nobody waits for the answer. */
  | { readonly kind: "release"; readonly id: number | null; readonly grants: readonly Grant[] }
  | { readonly kind: "announce"; readonly addresses: readonly FloatingAddress[]; readonly until: Instant }
  /** Of `arm` the answer is `watchdog-armed`. */
  | {
      readonly kind: "watchdog";
      readonly act: "arm" | "feed" | "disarm";
      /** Neither arm nor feed at or after this instant. */
      readonly until: Instant;
    }
  | { readonly kind: "tell"; readonly message: ToWorker }
  | { readonly kind: "wake"; readonly at: Instant };

export interface KeeperTurn {
  readonly state: KeeperState;
  readonly effects: readonly KeeperEffect[];
}

/** What an earlier life stored; null: nothing. */
export interface StoredLease {
  readonly vote: Vote | null;
  readonly pair: PairRecord | null;
  readonly list: ListRecord | null;
}

/** A daemon's life begins: in a new session, mute, with what an earlier life stored. */
export function startKeeper(
  identity: Identity,
  members: readonly MemberConfig[],
  stored: StoredLease,
  now: Instant,
): KeeperState {
  const known = identity.clauses.storesTerms ? stored.vote : null;
  const over = (known?.term ?? 0) as KeeperState["term"];
  return {
    identity,
    startedAt: now,
    sent: NOTHING_SENT,
    peers: members.filter((m) => m.id !== identity.self).map((m) => newPeer(m, identity)),
    term: over,
    acting: {
      session: { boot: identity.boot, lapses: 0 },
      mayAct: false,
      until: NEVER,
      resetDone: null,
      lapsed: null,
    },
    voter: { vote: null, stored: known, storing: null, storeAgainAt: NEVER, promises: new Map() },
    leading: { kind: "no", gaveUp: over, runNotBefore: NEVER },
    pair: startPair(identity, stored.pair),
    lists: startLists(identity, stored.list),
    watchdog: startWatchdog(identity),
    ledMembers: new Map(),
    resets: 0,
    freeQuorumSince: null,
    grants: NO_GRANTS,
    workerHeardAt: now,
    mute: identity.isVoter,
    left: false,
    claims: new Map(),
    spoken: null,
    told: null,
  };
}

/**
 * One turn of the keeper's engine: same state, event and now, same answer.
 *
 * `now` is read when the event is handled, not when it happened: after a freeze everything that queued up is
 * judged by the clock of the awakening.
 */
export function handleKeeper(before: KeeperState, event: KeeperEvent, now: Instant): KeeperTurn {
  const effects: KeeperEffect[] = [];
  const over = giveUpIfDue(lapseIfDue(unmuteIfDue(before, now), now), now);
  effects.push(...releasesOf(before, over));
  const folded = fold(over, event, now, effects);
  effects.push(...releasesOf(over, folded));
  const decided = startStoringList(startStoringPair(decide(folded, now), now, effects), now, effects);
  effects.push(...releasesOf(folded, decided));
  const kept = keepGrants(decided, now);
  effects.push(...kept.effects);
  const fed = keepWatchdog(kept.state, now);
  effects.push(...fed.effects);
  if (decided.voter.storing !== null && decided.voter.storing !== before.voter.storing) {
    effects.push({ kind: "store-vote", vote: decided.voter.storing });
  }
  const told = tellChanges(before, fed.state, now);
  effects.push(...told.effects);
  const sent = pulseIfDue(before, told.state, receivedIn(event), now);
  effects.push(...sent.effects);
  effects.push({ kind: "wake", at: nextWake(sent.state, sent.isNewsLeft, now) });
  return { state: sent.state, effects };
}

/** What the event makes known. */
function fold(state: KeeperState, event: KeeperEvent, now: Instant, effects: KeeperEffect[]): KeeperState {
  switch (event.kind) {
    case "pulse":
      return foldPeers(state, event, now);
    case "pulses":
      return event.received.reduce((next, one) => foldPeers(next, one, now), state);
    case "wake":
      return state;
    case "vote-stored":
      return foldStored(state, event.vote, event.ok, now);
    case "pair-stored":
      return foldPairStored(state, event.record, event.ok, now);
    case "list-stored":
      return foldListStored(state, event.record, event.ok, now);
    case "worker":
      return foldWorker({ ...state, workerHeardAt: now }, event.message, now, effects);
    case "took":
      return foldTook(state, event, effects);
    case "addresses-disturbed": {
      const step = retake(state, event.ips, now);
      effects.push(...step.effects);
      return step.state;
    }
    case "guard-repaired":
      return { ...state, grants: { ...state.grants, armedUntil: NEVER, wasInDoubt: true } };
    case "watchdog-armed":
      return foldArmed(state, event.timeout, event.problem, now);
    case "watchdog-late":
      return { ...state, watchdog: { ...state.watchdog, stage: "waiting" } };
    case "resumed":
      return foldResumed(state);
    case "claimed":
      return foldClaim(state, event.ip, event.mac, now);
    default:
      return unreachable(event);
  }
}

/**
 * The clock by which everything counts stood still, so nothing that was stated or acknowledged before the sleep says
 * anything about now; nor does an answer to what was sent before it. (Simulator, seed 21 of 2026-11-20.)
 */
function foldResumed(state: KeeperState): KeeperState {
  const peers = state.peers.map((peer) => ({ ...peer, usableUntil: NEVER, acknowledgesUntil: NEVER }));
  const forgot = { ...state, peers, sent: { ...state.sent, recent: [] } };
  return state.acting.mayAct ? lapse(forgot, "resumed") : forgot;
}

/** What an event received; most receive nothing. */
function receivedIn(event: KeeperEvent): readonly Received[] {
  if (event.kind === "pulses") return event.received;
  return event.kind === "pulse" ? [event] : [];
}

function foldPeers(state: KeeperState, received: Received, now: Instant): KeeperState {
  const { pulse } = received;
  const peers = state.peers.map((peer) =>
    peer.id === pulse.from ? foldPulse(peer, received, state.sent, state.identity, now) : peer,
  );
  return hearLists({ ...state, peers, term: maxTerm(state.term, pulse.term) }, pulse.list);
}

function foldWorker(
  state: KeeperState,
  message: ToKeeper,
  now: Instant,
  effects: KeeperEffect[],
): KeeperState {
  switch (message.kind) {
    case "alive":
      return state;
    case "reconfigure":
      return withMembers(
        { ...state, identity: { ...state.identity, configHash: message.configHash } },
        message.members,
      );
    case "leave":
      return askToLeave(state, now);
    case "voters":
      return foldWantedVoters(state, message.wanted);
    case "holdings":
      return foldHoldings(state, message.holds, message.isDoomed);
    case "proof":
      return foldProof(state, message.proof);
    case "eager":
      return foldEager(state, message.isEager);
    case "take": {
      const step = foldTake(state, message, now);
      effects.push(...step.effects);
      return step.state;
    }
    case "release": {
      const step = foldRelease(state, message);
      effects.push(...step.effects);
      return step.state;
    }
    default:
      return unreachable(message);
  }
}

/** Who is known already stays as heard. */
function withMembers(state: KeeperState, members: readonly MemberConfig[]): KeeperState {
  const peers = members
    .filter(({ id }) => id !== state.identity.self)
    .map((member) => {
      const known = state.peers.find(({ id }) => id === member.id);
      const isSame = known !== undefined && known.addresses.join() === member.links.join();
      return isSame ? known : newPeer(member, state.identity);
    });
  const isMember = (id: NodeId) => id === state.identity.self || peers.some((peer) => peer.id === id);
  const ledMembers = new Map([...state.ledMembers].filter(([id]) => isMember(id)));
  return { ...state, peers, ledMembers };
}

/** Who holds a tenure releases it on disk first: its next life must not go on with what the peer took over. */
function askToLeave(state: KeeperState, now: Instant): KeeperState {
  const { pair } = state;
  const peer = state.peers.find((p) => p.id === pair?.peer);
  // With nobody to hear the goodbye the tenure stays: this host may go on with it after the restart.
  if (pair === null || peer === undefined || pair.record.held === null || isSilent(peer, state.identity, now))
    return leave(state);
  return { ...state, pair: { ...pair, isLeaving: true } };
}

function leaveWhenReleased(state: KeeperState): KeeperState {
  const { pair, identity } = state;
  return pair?.isLeaving === true && identity.clauses.mayLeave(pair.stored) ? leave(state) : state;
}

function startStoringPair(state: KeeperState, now: Instant, effects: KeeperEffect[]): KeeperState {
  const record = recordToStore(state, now);
  if (record === null || state.pair === null) return state;
  effects.push({ kind: "store-pair", record });
  return { ...state, pair: { ...state.pair, storing: record } };
}

function startStoringList(state: KeeperState, now: Instant, effects: KeeperEffect[]): KeeperState {
  const record = listToStore(state, now);
  if (record === null) return state;
  effects.push({ kind: "store-list", record });
  return { ...state, lists: { ...state.lists, storing: record } };
}

function leave(state: KeeperState): KeeperState {
  if (state.left) return state;
  const gone = lapse(stepDown(state, NEVER), "left");
  return { ...gone, left: true, voter: { ...gone.voter, vote: null } };
}

function foldTook(
  state: KeeperState,
  event: Extract<KeeperEvent, { kind: "took" }>,
  effects: KeeperEffect[],
): KeeperState {
  const { id, grants, problem } = event;
  if (problem === null) {
    if (id !== null) effects.push({ kind: "tell", message: { kind: "taken", id, problem } });
    return state;
  }
  effects.push({ kind: "release", id: null, grants });
  if (id !== null) effects.push({ kind: "tell", message: { kind: "taken", id, problem } });
  else
    for (const grant of grants)
      effects.push({ kind: "tell", message: { kind: "grant-lost", grant, problem } });
  return dropHeld(state, grants);
}

/**
 * Somebody else answers for an address that is held here: said, and announced against while we may act. While it
 * is held elsewhere in the cluster, that is what its holder is supposed to do.
 */
function foldClaim(state: KeeperState, ip: string, mac: string, now: Instant): KeeperState {
  const isIt = ({ grant }: HeldGrant) => isAddress(grant) && grant.ip === ip;
  if (!state.grants.held.some(isIt)) return state;
  const claims = new Map(state.claims).set(ip, { mac, at: now });
  const held = state.grants.held.map((h) => (isIt(h) ? { ...h, announceAt: now } : h));
  return { ...state, claims, grants: { ...state.grants, held } };
}

/** What follows from what is known. Each line is a machine of its own; none has a branch on the event. */
function decide(state: KeeperState, now: Instant): KeeperState {
  let next = seeTerms(state);
  next = lapseIfStuck(next, now);
  next = obeyResets(next, now);
  next = extend(next, now);
  next = giveUpIfDue(next, now);
  next = keepPromises(next, now);
  next = chooseVote(next, now);
  next = watchFreeQuorum(next, now);
  next = runIfWanted(next, now);
  next = countVotes(next, now);
  next = giveUpIfDue(next, now);
  next = leaveWhenReleased(tidyPair(next));
  return leadLists(leadMembers(next, now), now);
}

function seeTerms(state: KeeperState): KeeperState {
  const { leading } = state;
  return leading.kind === "no" || leading.term <= state.term ? state : { ...state, term: leading.term };
}

/** A worker that is stuck keeps nothing: the session ends as if the node had died. */
function lapseIfStuck(state: KeeperState, now: Instant): KeeperState {
  if (!state.acting.mayAct || !isWorkerSilent(state, now)) return state;
  return lapse(state, "worker-silent");
}

function unmuteIfDue(state: KeeperState, now: Instant): KeeperState {
  if (!state.mute) return state;
  const { clauses, longestLease } = state.identity;
  const over = now - state.startedAt > clauses.muteAfterStart(longestLease);
  return over ? { ...state, mute: false } : state;
}

/** Since when a quorum of voters would be free to vote, this one included. */
function watchFreeQuorum(state: KeeperState, now: Instant): KeeperState {
  const own = isVoteFree(state, now) ? 1 : 0;
  const free = own + state.peers.filter((p) => p.isVoter && statementOf(p, now)?.voteIsFree === true).length;
  const isEnough = free >= state.identity.quorum || yieldOf(state, now) !== null;
  const since = own === 1 && isEnough ? (state.freeQuorumSince ?? now) : null;
  return since === state.freeQuorumSince ? state : { ...state, freeQuorumSince: since };
}

const NO_EFFECTS: readonly KeeperEffect[] = [];

/** A lapse in between lets go of everything that was held before it. */
function releasesOf(before: KeeperState, after: KeeperState): readonly KeeperEffect[] {
  const hasLapsed = before.acting.session.lapses !== after.acting.session.lapses;
  if (!hasLapsed || before.grants.held.length === 0) return NO_EFFECTS;
  return [{ kind: "release", id: null, grants: before.grants.held.map((h) => h.grant) }];
}
