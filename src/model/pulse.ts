// What a member states to the others, many times a second: everything it states, in each pulse anew.

import type { NodeId } from "./ids.ts";
import type { Session } from "./session.ts";
import type { Ms, Term } from "./units.ts";
import type { ListId, VoterList } from "./voters.ts";

/**
 * A pulse. Nothing in it may be used alone or kept: a listener uses it only while it came in a pulse that
 * acknowledges a pulse the listener itself sent within the last lease, and of two pulses from one sender it
 * ignores the older.
 */
export interface Pulse {
  readonly from: NodeId;
  /** 1, 2, 3 ... within `session.boot`. One number for all receivers. */
  readonly number: number;
  /** The sender's present session; `session.boot` is its daemon's life. */
  readonly session: Session;
  /** Fingerprint of the sender's list of voters. */
  readonly voters: string;
  /** The list itself, once a leader has issued one; null: it is the one that the sender's configuration names. */
  readonly list: PulseList | null;
  /** Fingerprint of the sender's whole configuration; differs while a change is rolled out. */
  readonly config: string;
  /**
   * The sender's lease in ms: how long it may act on an acknowledgement, and how long it must be unheard before
   * it is silent. Longer than configured where real-time priority was refused, at most twice as long.
   */
  readonly lease: Ms;
  /** The highest term that the sender has seen. */
  readonly term: Term;
  readonly heard: readonly Heard[];
  /** Voters only. Null: votes for nobody (not yet, not any more, or not a voter). */
  readonly vote: Vote | null;
  /** Voters only: its vote may be changed now (nobody has it, or who has it was silent for a lease). */
  readonly voteIsFree: boolean;
  /** The sender asks for votes in this term; null: does not. */
  readonly candidate: Term | null;
  /** The sender leads in this term; null: does not. */
  readonly leads: Term | null;
  /** The newest term in which the sender stopped leading or asking: it never will again up to this one. */
  readonly gaveUp: Term;
  /** Voters only: acknowledges nothing from these nodes. */
  readonly promises: readonly Promised[];
  /** Leader only: asks the voters to promise. */
  readonly exclude: readonly NodeId[];
  /** Leader only: these excluded nodes shall drop everything and open a new session. */
  readonly reset: readonly Reset[];
  /** Leader only: the voters may acknowledge these nodes again. */
  readonly readmit: readonly NodeId[];
  /** The reset with which the present session began; null: it began otherwise. */
  readonly resetDone: ResetId | null;
  /** Its watchdog is armed: it is reset at most this long after it lapsed, unless it holds nothing exclusive. Null: none. */
  readonly watchdog: Ms | null;
  /** The sender let go of everything and will not act again in this life. */
  readonly left: boolean;
  /** The sender's acknowledgements are getting old: answer at once. */
  readonly hurry: boolean;
}

/** `voters` is empty where they are not spelled out. */
export interface PulseList extends VoterList {
  /** The sender counts nothing that is stated by an older list. */
  readonly floor: ListId;
}

/** One line of a pulse's acknowledgements. */
export interface Heard {
  readonly node: NodeId;
  readonly boot: number;
  /** The newest number heard from it. */
  readonly number: number;
  /** The sender is a voter and lets the node act on this. False: mute after a start, or promised not to. */
  readonly counts: boolean;
}

export interface Vote {
  readonly term: Term;
  readonly for: NodeId;
}

/** A voter's promise to acknowledge nothing from `node` until a leader of `term` or newer readmits it. */
export interface Promised {
  readonly node: NodeId;
  readonly term: Term;
}

/** Names one reset: the leader's term and a number that grows within it. */
export interface ResetId {
  readonly term: Term;
  readonly number: number;
}

export interface Reset {
  readonly node: NodeId;
  readonly id: ResetId;
}
