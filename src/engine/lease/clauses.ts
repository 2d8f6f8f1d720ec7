// The clauses of the timed rule, each a small function with a name.
//
// Each is there because without it two nodes end up active; the simulator replaces one at a time by its wrong
// variant (sim/wrong.ts) and must catch it. Production never uses anything but CLAUSES.
// After Gray and Cheriton, "Leases" (SOSP 1989), and Trencseni et al., "PaxosLease" (arXiv:1209.4187, 2012).

import { coversBoot, type DeathProof, UNHEARD } from "#model/fencing.ts";
import type { OrderId } from "#model/order.ts";
import type { Heard } from "#model/pulse.ts";
import type { Session } from "#model/session.ts";
import { sameSession } from "#model/session.ts";
import type { Instant, Ms, Ratio, Term } from "#model/units.ts";
import { FOREVER, NEVER, plus, shorten } from "#model/units.ts";
import type { Acting, PairRecord } from "./state.ts";

export interface Clauses {
  /** A statement counts from when the pulse it acknowledges was *sent*, never from when it came in. */
  countsFrom(sentAt: Instant, receivedAt: Instant): Instant;
  /** ... and until this instant: a lease later, shortened by the drift bound. */
  countsUntil(from: Instant, lease: Ms, drift: Ratio): Instant;
  /** A statement is believed exactly as long as it counts; `before`: until when an earlier pulse's was. */
  believedUntil(until: Instant, before: Instant, lease: Ms): Instant;
  /** The kernel's entry ends when the right to act ends. */
  armUntil(mayActUntil: Instant, now: Instant, lease: Ms): Instant;
  /** Of two pulses from one sender the older is ignored. */
  isNewer(next: PulseId, newest: PulseId): boolean;
  /** A vote counts only with the acknowledgement that came in the same pulse. */
  readonly rememberVotes: boolean;
  /** How long a voter acknowledges, votes and promises nothing after its start. */
  muteAfterStart(longestLease: Ms): Ms;
  /** Does a leader that lost its quorum end its term for good? */
  readonly endsItsTerm: boolean;
  /** Is a node known to have lapsed when these many voters promised, or do so many that just do not hear it suffice? */
  hasLapsed(promised: number, deaf: number, quorum: number): boolean;
  /** Must an excluded node confirm a reset before the voters acknowledge it again? */
  readonly readmitsAfterReset: boolean;
  /** Is a term on disk before it is spoken, and read back after a start? */
  readonly storesTerms: boolean;
  /** Between two voters: may a stored tenure be gone on with in this kernel boot? */
  resumes(storedIn: string, now: string): boolean;
  /** Between two voters: does the proof cover the newest life of the peer that is known of? */
  believesProof(proof: DeathProof | null, peer: KnownLives): boolean;
  /** Does a pulse that acknowledges this of ours, if anything, show which life of its sender is the present one? */
  showsLife(echo: Heard | undefined): boolean;
  /** By how many voters may the next list differ? */
  changesOneVoter(distance: number): boolean;
  /** Is this proof one about a node that was not heard in this life? An older one is about a life before others. */
  provesUnheard(proof: DeathProof): boolean;
  /** Between two voters: does who begins to lead for eager services alone give up what it had by the other's word? */
  readonly lapsesWhenEager: boolean;
  /** Between two voters: may the holder of a tenure say goodbye, with this record on its disk? */
  mayLeave(stored: PairRecord | null): boolean;
  /** Until when the watchdog may be fed: never by who lapsed and may still hold something exclusive. */
  feedsUntil(acting: Acting, holdsExclusive: boolean | null, isDoomed: boolean): Instant;
  /** Arming is feeding: a daemon that was killed and is back must not put off the reset that its last life is due. */
  armsUntil(feedsUntil: Instant): Instant;
  /** Is this order to be obeyed? */
  obeys(order: OrderId, session: Session, seen: SeenOrders): boolean;
}

/** The newest lives of the other one of two voters, by their boot numbers; null: none. */
export interface KnownLives {
  /** Heard by this life of the daemon, if only by what was left over on the network. */
  readonly heard: number | null;
  /** Answered this life of the daemon. */
  readonly answered: number | null;
  /** Answered in this kernel boot. */
  readonly known: number | null;
}

export interface PulseId {
  readonly boot: number;
  readonly number: number;
}

/** What a node remembers to judge an order by. */
export interface SeenOrders {
  readonly session: Session;
  readonly term: Term;
  /** The newest order of that term; null: none. */
  readonly newest: OrderId | null;
}

export const CLAUSES: Clauses = {
  countsFrom: (sentAt) => sentAt,
  countsUntil: (from, lease, drift) => plus(from, shorten(lease, drift)),
  believedUntil: (until) => until,
  armUntil: (mayActUntil) => mayActUntil,
  isNewer: (next, newest) =>
    next.boot > newest.boot || (next.boot === newest.boot && next.number > newest.number),
  rememberVotes: false,
  muteAfterStart: (longestLease) => longestLease,
  endsItsTerm: true,
  hasLapsed: (promised, _deaf, quorum) => promised >= quorum,
  readmitsAfterReset: true,
  storesTerms: true,
  resumes: (storedIn, now) => storedIn === now,
  believesProof: (proof, { heard, answered, known }) =>
    proof?.boot === UNHEARD
      ? answered === null
      : known !== null && coversBoot(proof ?? undefined, Math.max(known, heard ?? 0)),
  showsLife: (echo) => echo !== undefined,
  changesOneVoter: (distance) => distance <= 1,
  provesUnheard: ({ boot }) => boot === UNHEARD,
  lapsesWhenEager: true,
  mayLeave: (stored) => stored?.held === null,
  feedsUntil: ({ mayAct, until }, holdsExclusive, isDoomed) =>
    isDoomed ? NEVER : holdsExclusive === false ? FOREVER : mayAct ? until : NEVER,
  armsUntil: (feedsUntil) => feedsUntil,
  obeys: (order, session, seen) =>
    sameSession(session, seen.session) &&
    order.term >= seen.term &&
    (seen.newest === null ||
      order.term > seen.newest.term ||
      (order.term === seen.newest.term && order.number >= seen.newest.number)),
};
