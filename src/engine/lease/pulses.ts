// What this node states, when it says so, and when the keeper must be woken next.

import type { NodeId } from "#model/ids.ts";
import type { Heard, Pulse } from "#model/pulse.ts";
import type { Instant, Ms } from "#model/units.ts";
import { between, earlier, FOREVER, instant, ms, NEVER, plus, shorten } from "#model/units.ts";
import type { KeeperEffect, Received } from "../keeper.ts";
import type { Peer } from "../membership/peers.ts";
import { hasFittingLease, isForeignList, isSilent, leaseOf } from "../membership/peers.ts";
import { noteSent } from "../membership/sent.ts";
import { isWorkerSilent } from "./acting.ts";
import { statementsAbout } from "./exclusion.ts";
import { nextGrantAt } from "./grants.ts";
import { whenToRun } from "./leading.ts";
import type { KeeperState, Statements, Voter } from "./state.ts";
import { nextListAt, spellsVoters, statedList } from "./voters.ts";
import { isVoteFree } from "./voting.ts";
import { announcedTimeout, nextFeedAt } from "./watchdog.ts";

/** While acknowledgements are getting old, pulses come this many times as often, but never closer than that. */
const HURRY_FACTOR = 8;
const HURRY_AT_LEAST = ms(4);
/** An acknowledgement older than this many pulses is getting old; two are normal. */
const OLD_AFTER_PULSES = 2.5;
/**
 * A pulse that comes in when our own is nearly due is answered at once, from this share of the interval on. So
 * members fall into step: each acknowledges what was sent a moment ago, and wakes less often.
 */
const ANSWER_FROM = 0.6;
/**
 * Who holds addresses sends a little more often, so it is the one whom the others answer: what they acknowledge
 * was sent a moment ago rather than a pulse ago, and its grants last longer before they must be renewed.
 */
const HOLDER_FACTOR = 0.97;
/** Two pulses are never closer than this: a change may wait that long for the next one. */
const CLOSEST_PULSES = ms(1);

interface Step {
  readonly state: KeeperState;
  readonly effects: readonly KeeperEffect[];
  /** What is stated changed, and was not said yet: the last pulse was too short a time ago. */
  readonly isNewsLeft: boolean;
}

/** Sends a pulse when one is due, when what it states changed, or when somebody is in a hurry to hear it. */
export function pulseIfDue(
  before: KeeperState,
  state: KeeperState,
  received: readonly Received[],
  now: Instant,
): Step {
  if (isWorkerSilent(state, now)) return { state, effects: [], isNewsLeft: false };
  const statements = statementsOf(state, now);
  const since = between(state.sent.lastAt, now);
  const changed = state.spoken === null || !sameStatements(state.spoken, statements);
  const due =
    since >= interval(state, now) * (received.length > 0 ? ANSWER_FROM : 1) ||
    (since >= CLOSEST_PULSES && changed) ||
    (since >= hurried(state) && isHurried(before, received));
  if (!due) return { state, effects: [], isNewsLeft: state.spoken !== null && changed };
  const sent = noteSent(state.sent, now, state.identity.longestLease);
  const pulse: Pulse = {
    ...statements,
    from: state.identity.self,
    number: sent.number,
    voters: state.identity.votersHash,
    list: statedList(state.identity, spellsVoters(state)),
    config: state.identity.configHash,
    lease: state.identity.lease,
    heard: heardBy(state, now),
    hurry: isHurrying(state, now),
  };
  const to = receivers(state);
  const effects: readonly KeeperEffect[] = [{ kind: "send", pulse, to }];
  return { state: { ...state, sent, spoken: statements }, effects, isNewsLeft: false };
}

/** Every member to every voter, and a voter (or a leader that is none any more) to every member. */
function receivers(state: KeeperState): readonly NodeId[] {
  const toAll = state.identity.isVoter || state.leading.kind === "leads";
  return state.peers.filter((p) => p.isVoter || toAll).map((p) => p.id);
}

function statementsOf(state: KeeperState, now: Instant): Statements {
  const { acting, voter, leading } = state;
  const { exclude, reset, readmit } = statementsAbout(state.ledMembers);
  return {
    session: acting.session,
    term: state.term,
    vote: state.mute ? null : voter.vote,
    voteIsFree: isVoteFree(state, now),
    // A candidate's own vote is on disk before it asks: the term is used up even if it crashes now.
    candidate: leading.kind === "candidate" && voter.vote?.term === leading.term ? leading.term : null,
    leads: leading.kind === "leads" ? leading.term : null,
    gaveUp: leading.gaveUp,
    promises: voter.promises.size === 0 ? NO_PROMISES : promisesOf(voter),
    exclude,
    reset,
    readmit,
    resetDone: acting.resetDone,
    watchdog: announcedTimeout(state),
    // Who keeps a tenure for its next life has not let go: the peer must not take it for a release.
    left: state.left && state.pair?.record.held == null,
  };
}

const NO_PROMISES: Statements["promises"] = [];

const promisesOf = ({ promises }: Voter): Statements["promises"] =>
  [...promises].map(([node, term]) => ({ node, term }));

/** Whom this node hears; what it heard longer ago would help nobody. */
function heardBy(state: KeeperState, now: Instant): readonly Heard[] {
  const heard: Heard[] = [];
  for (const peer of state.peers) {
    if (peer.pulse === null || isSilent(peer, state.identity, now)) continue;
    const { session, number } = peer.pulse;
    heard.push({ node: peer.id, boot: session.boot, number, counts: acknowledges(state, peer) });
  }
  return heard;
}

function acknowledges(state: KeeperState, peer: Peer): boolean {
  return (
    state.identity.isVoter &&
    !state.mute &&
    !state.left &&
    !state.voter.promises.has(peer.id) &&
    // Heard a moment ago, and since by another list than ours. (Simulator, seed 9 of 2026-11-20.)
    !(peer.pulse !== null && isForeignList(peer.pulse, state.identity)) &&
    hasFittingLease(peer, state.identity)
  );
}

function sameStatements(a: Statements, b: Statements): boolean {
  return (
    a.session.lapses === b.session.lapses &&
    a.vote === b.vote &&
    a.voteIsFree === b.voteIsFree &&
    a.candidate === b.candidate &&
    a.leads === b.leads &&
    a.gaveUp === b.gaveUp &&
    a.resetDone === b.resetDone &&
    a.left === b.left &&
    a.watchdog === b.watchdog &&
    sameList(a.promises, b.promises, (p, q) => p.node === q.node && p.term === q.term) &&
    sameList(a.exclude, b.exclude, (n, o) => n === o) &&
    sameList(a.readmit, b.readmit, (n, o) => n === o) &&
    sameList(a.reset, b.reset, (r, s) => r.node === s.node && r.id.number === s.id.number)
  );
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (one: T, other: T) => boolean): boolean {
  if (a === b || (a.length === 0 && b.length === 0)) return true;
  return a.length === b.length && a.every((item, i) => same(item, b[i] as T));
}

/**
 * Who heard others and hears nobody any more may still be heard: then nobody would exclude it, though it can neither
 * act nor report. So it falls silent, but for a pulse now and then that shows it when the network is whole again.
 */
function hearsNobody({ peers, identity, pair }: KeeperState, now: Instant): boolean {
  // Between two voters silence proves nothing, and eager ones should find each other soon.
  if (pair !== null) return false;
  return (
    peers.some(({ heardAt }) => heardAt !== NEVER) && peers.every((peer) => isSilent(peer, identity, now))
  );
}

/** In leases: the others take it for silent in between. */
const DEAF_LEASES = 3;

function interval(state: KeeperState, now: Instant): Ms {
  if (hearsNobody(state, now)) return ms(state.identity.lease * DEAF_LEASES);
  if (isHurrying(state, now)) return hurried(state);
  const { pulse } = state.identity;
  return state.grants.held.length > 0 ? ms(pulse * HOLDER_FACTOR) : pulse;
}

function hurried(state: KeeperState): Ms {
  return ms(Math.max(state.identity.pulse / HURRY_FACTOR, HURRY_AT_LEAST));
}

/** Is a right that this node has now running low? What it lost already is no reason to shout. */
function isHurrying(state: KeeperState, now: Instant): boolean {
  const { identity, acting, leading } = state;
  const usable = shorten(identity.lease, identity.drift);
  const isOld = (until: Instant) => usable - between(now, until) > OLD_AFTER_PULSES * identity.pulse;
  return (
    (acting.mayAct && isOld(acting.until)) ||
    (leading.kind === "leads" && isOld(leading.until)) ||
    leading.kind === "candidate"
  );
}

function isHurried(before: KeeperState, received: readonly Received[]): boolean {
  return received.some(({ pulse }) => {
    if (!pulse.hurry) return false;
    return pulse.number !== before.peers.find((p) => p.id === pulse.from)?.pulse?.number;
  });
}

/** When something is due next; `isNewsLeft` as the pulse said. Silences end at the instant after their lease. */
export function nextWake(state: KeeperState, isNewsLeft: boolean, now: Instant): Instant {
  const { acting, leading, voter, identity } = state;
  // A stuck worker keeps us from sending, so nothing is due; only the worker can change that.
  let at = plus(isWorkerSilent(state, now) ? now : state.sent.lastAt, interval(state, now));
  const consider = (due: Instant | null) => {
    if (due !== null && due > now) at = earlier(at, due);
  };
  if (isNewsLeft) consider(plus(state.sent.lastAt, CLOSEST_PULSES));
  consider(acting.mayAct ? acting.until : FOREVER);
  consider(leading.kind === "no" ? FOREVER : leading.until);
  consider(whenToRun(state, now));
  consider(voter.storeAgainAt);
  consider(nextGrantAt(state));
  consider(nextFeedAt(state));
  consider(nextListAt(state));
  consider(state.lists.storeAgainAt);
  if (state.mute)
    consider(afterwards(state.startedAt, identity.clauses.muteAfterStart(identity.longestLease)));
  for (const peer of state.peers) consider(afterwards(peer.heardAt, leaseOf(peer, identity)));
  // A deadline that has just passed was judged in this turn; never spin on it.
  return instant(Math.max(at, now + 0.2));
}

/** The first instant at which strictly more than `duration` has passed. */
function afterwards(from: Instant, duration: Ms): Instant {
  return instant(from + duration + 0.01);
}
