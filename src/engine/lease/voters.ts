// The list of voters, changed one voter at a time while the cluster runs.
//
// Lists that differ by one voter have no two quorums apart, so two such lists may be in use at once, and no more than
// two. A leader first issues the present list anew, under an id of its own term; then the next one. After each of the
// two a quorum of the list has it on disk, then has on disk that nothing older counts (the *floor*), and then a lease
// passes, in which what was acknowledged before runs out. Only then comes the next list.
//
// The first list is the one that the configuration names when a member first starts. It is stored, so that a restart
// with another file changes nothing by itself: two files that differ by more than one voter would have quorums apart.
//
// After Ongaro, "Consensus: Bridging Theory and Practice" (2014), section 4.1, with the mending of its flaw: a leader
// changes nothing before something of its own term counts.

import type { NodeId } from "#model/ids.ts";
import type { PulseList } from "#model/pulse.ts";
import type { Instant, Ms, Term } from "#model/units.ts";
import { between, FOREVER, ms, NEVER, plus } from "#model/units.ts";
import {
  CONFIGURED,
  isNewerList,
  LEAST_CHANGED,
  type ListId,
  listDistance,
  sameList,
} from "#model/voters.ts";
import { type Identity, withVoters } from "../identity.ts";
import { statementOf, votesUntil } from "../membership/peers.ts";
import { quorumInstantAmong } from "./acting.ts";
import type { KeeperState, ListRecord, Lists } from "./state.ts";

export function startLists(identity: Identity, stored: ListRecord | null): Lists {
  const target = stored ?? { list: identity.list, floor: identity.floor };
  return {
    target,
    stored,
    storing: null,
    storeAgainAt: NEVER,
    wanted: null,
    before: null,
    flooredSince: null,
    uncarriedSince: null,
  };
}

/** What this node states of it; null: it knows only the list with which it began. */
export function statedList({ list, floor }: Identity, isSpelled: boolean): PulseList | null {
  if (sameList(list.id, CONFIGURED)) return null;
  return { id: list.id, floor, voters: isSpelled ? list.voters : [] };
}

/**
 * A leader spells the voters out, and so does whoever hears somebody with an older list: without a leader that one
 * might be just the voter who is missing for the next. (Simulator, seed 3302 of 2026-11-20.)
 */
export function spellsVoters({ leading, peers, identity }: KeeperState): boolean {
  if (leading.kind === "leads") return true;
  const isBehind = (id: ListId) => isNewerList(identity.list.id, id);
  return peers.some(({ pulse }) => pulse !== null && isBehind(pulse.list?.id ?? CONFIGURED));
}

/** A later list is taken over from whomever it is heard: ids grow, so what is old never comes back. */
export function hearLists(state: KeeperState, heard: PulseList | null): KeeperState {
  if (heard === null || heard.voters.length === 0) return state;
  const { target } = state.lists;
  const isNewer = isNewerList(heard.id, target.list.id);
  const list = isNewer ? { id: heard.id, voters: heard.voters } : target.list;
  const floor = isNewerList(heard.floor, target.floor) ? heard.floor : target.floor;
  // A floor is about a list that its speaker has; ours may still be on its way.
  if (isNewerList(floor, list.id) || (!isNewer && sameList(floor, target.floor))) return state;
  return { ...state, lists: { ...state.lists, target: { list, floor } } };
}

/** The worker of the leader asks for these voters; null: for nothing. Sorted. */
export function foldWantedVoters(state: KeeperState, wanted: readonly NodeId[] | null): KeeperState {
  return { ...state, lists: { ...state.lists, wanted } };
}

/** The leader's side: one step further towards what is wanted. */
export function leadLists(before: KeeperState, now: Instant): KeeperState {
  const { leading, identity, lists } = before;
  if (leading.kind !== "leads" || !isOnDisk(lists)) return forgetTimes(before);
  const { list, floor } = identity;
  if (list.id.term < leading.term && isAheadOf(before, list.id, now))
    return aim(before, { list: { id: { term: leading.term, number: 0 }, voters: list.voters }, floor });
  if (sameList(list.id, CONFIGURED) && lists.wanted === null) return before;
  if (isNewerList(list.id, floor)) {
    if (!reached(before, (their) => their.id, list.id, now)) return forgetTimes(before);
    if (isCarried(before, leading.term, now)) return aim(before, { list, floor: list.id });
    if (!isElectionOpen(before, leading.term, now)) return forgetTimes(before);
    return withLists(before, { uncarriedSince: lists.uncarriedSince ?? now });
  }
  if (!sameList(list.id, CONFIGURED) && !reached(before, (their) => their.floor, list.id, now))
    return forgetTimes(before);
  const isOwn = list.id.term === leading.term;
  // Whoever is to come in has to be there for as long: a voter says nothing for a while after its start.
  if (isOwn && lists.wanted !== null && !isQuorumPresent(before, lists.wanted, now))
    return forgetTimes(before);
  const state = lists.flooredSince === null ? withLists(before, { flooredSince: now }) : before;
  const since = state.lists.flooredSince ?? now;
  if (between(since, now) <= identity.longestLease || lists.wanted === null) return state;
  if (!identity.clauses.changesOneVoter(listDistance(list.voters, lists.wanted))) return state;
  if (Math.min(list.voters.length, lists.wanted.length) < LEAST_CHANGED) return state;
  if (listDistance(list.voters, lists.wanted) === 0) return state;
  // Something of this term has to count first: then no earlier leader's half-made change can come to count.
  const id: ListId = { term: leading.term, number: isOwn ? list.id.number + 1 : 0 };
  return aim(state, { list: { id, voters: isOwn ? lists.wanted : list.voters }, floor });
}

/**
 * Has somebody a list that came later than this leader's? A change that an earlier leader began and nobody finished:
 * the present list, issued anew, takes its place. (Simulator, seed 40 of 2026-11-20.)
 */
function isAheadOf({ peers }: KeeperState, id: ListId, now: Instant): boolean {
  return peers.some((peer) => isNewerList(statementOf(peer, now)?.list?.id ?? CONFIGURED, id));
}

/** Would this leader go on by the voters of the present list alone? */
function isCarried(state: KeeperState, term: Term, now: Instant): boolean {
  const { voters, self } = state.identity;
  const votes = quorumInstantAmong(state, voters, (peer) => votesUntil(peer, self, term));
  const acknowledged = quorumInstantAmong(state, voters, ({ acknowledgesUntil }) => acknowledgesUntil);
  return Math.min(votes, acknowledged) > now;
}

/** Would a quorum of the present voters be free to elect somebody once this leader gave up? */
function isElectionOpen({ peers, identity }: KeeperState, term: Term, now: Instant): boolean {
  const open = peers.filter((peer) => {
    const pulse = peer.isVoter ? statementOf(peer, now) : null;
    if (pulse === null) return false;
    return pulse.voteIsFree || (pulse.vote?.for === identity.self && pulse.vote.term === term);
  });
  return open.length + (identity.isVoter ? 1 : 0) >= identity.quorum;
}

/** Under a list of whose voters too few are there, this leader would lapse at once, and nobody could lead. */
function isQuorumPresent({ peers, identity }: KeeperState, voters: readonly NodeId[], now: Instant): boolean {
  const isThere = (id: NodeId) =>
    id === identity.self || peers.some((peer) => peer.id === id && statementOf(peer, now) !== null);
  return voters.filter(isThere).length > voters.length / 2;
}

/**
 * Has a leader that is no voter any more done what was left to do? Then a voter shall lead. Or can the list that it
 * issued never come to count, since too few of its voters can still vote in this term? Then it goes on in another.
 * (Simulator, seed 19733 of 2026-11-20.)
 */
export function isLeadOver(state: KeeperState, now: Instant): boolean {
  const { identity, leading, lists } = state;
  if (leading.kind !== "leads") return false;
  if (lists.uncarriedSince !== null && between(lists.uncarriedSince, now) > uncarriedFor(state)) return true;
  if (identity.isVoter || !isListSettled(state)) return false;
  return reached(state, (their) => their.floor, identity.list.id, now);
}

/** Do so many voters of the list in effect state at least this, this node included, that they are a quorum? */
function reached(
  state: KeeperState,
  of: (stated: PulseList) => ListId,
  least: ListId,
  now: Instant,
): boolean {
  const { identity } = state;
  const hasIt = (stated: PulseList | null) => stated !== null && !isNewerList(least, of(stated));
  const others = state.peers.filter((p) => p.isVoter && hasIt(statementOf(p, now)?.list ?? null)).length;
  return others + (identity.isVoter && hasIt(statedList(identity, false)) ? 1 : 0) >= identity.quorum;
}

const isOnDisk = ({ target, stored, storing }: Lists): boolean =>
  storing === null && stored !== null && sameRecord(target, stored);

const withLists = (state: KeeperState, lists: Partial<Lists>): KeeperState => ({
  ...state,
  lists: { ...state.lists, ...lists },
});

const aim = (state: KeeperState, target: ListRecord): KeeperState =>
  withLists(state, { target, flooredSince: null, uncarriedSince: null });

/** Longer than a voter says nothing after its start, and than a vote takes on a slow disk. */
const uncarriedFor = ({ identity }: KeeperState): Ms => ms(4 * identity.longestLease);

const forgetTimes = (state: KeeperState): KeeperState =>
  state.lists.flooredSince === null && state.lists.uncarriedSince === null
    ? state
    : withLists(state, { flooredSince: null, uncarriedSince: null });

const sameRecord = (a: ListRecord, b: ListRecord): boolean =>
  sameList(a.list.id, b.list.id) && sameList(a.floor, b.floor);

/** What has to be written now; null: nothing, or a write is under way. */
export function listToStore({ lists }: KeeperState, now: Instant): ListRecord | null {
  if (lists.storing !== null || now < lists.storeAgainAt || isOnDisk(lists)) return null;
  return lists.target;
}

/** On disk it comes into effect. */
export function foldListStored(
  state: KeeperState,
  record: ListRecord,
  ok: boolean,
  now: Instant,
): KeeperState {
  const storeAgainAt = ok ? NEVER : plus(now, state.identity.longestLease);
  if (!ok) return withLists(state, { storing: null, storeAgainAt });
  const isSame = sameList(record.list.id, state.identity.list.id);
  const identity = isSame
    ? { ...state.identity, floor: record.floor }
    : withVoters(state.identity, record.list, record.floor);
  const peers = state.peers.map((peer) => ({ ...peer, isVoter: identity.voters.includes(peer.id) }));
  const before = isSame ? null : wentOnFrom(state, record.list.id);
  return { ...withLists(state, { storing: null, storeAgainAt, stored: record, before }), identity, peers };
}

/** Only what this leader issued itself before: of that alone it knows that nobody went on from it otherwise. */
function wentOnFrom({ identity, leading }: KeeperState, { term, number }: ListId): readonly NodeId[] | null {
  const isOwn = leading.kind === "leads" && leading.term === term;
  return isOwn && sameList(identity.list.id, { term, number: number - 1 }) ? identity.voters : null;
}

/** Is nothing under way: every list that was ever issued counts, or none was? */
export function isListSettled({ identity, lists }: KeeperState): boolean {
  return isOnDisk(lists) && !isNewerList(identity.list.id, identity.floor);
}

/** When the leader goes on by itself; FOREVER: it does not wait for a time. */
export function nextListAt(state: KeeperState): Instant {
  const { lists, identity, leading } = state;
  const { flooredSince, uncarriedSince, wanted } = lists;
  if (leading.kind !== "leads") return FOREVER;
  if (uncarriedSince !== null) return plus(uncarriedSince, ms(uncarriedFor(state) + 0.01));
  if (flooredSince === null || wanted === null) return FOREVER;
  return plus(flooredSince, identity.longestLease);
}
