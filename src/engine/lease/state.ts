// What the keeper's engine knows.

import type { DeathProof } from "#model/fencing.ts";
import type { Grant } from "#model/grant.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { Pulse, ResetId, Vote } from "#model/pulse.ts";
import type { Session } from "#model/session.ts";
import type { Instant, Ms, Term } from "#model/units.ts";
import type { ListId, VoterList } from "#model/voters.ts";
import type { Identity } from "../identity.ts";
import type { Peer } from "../membership/peers.ts";
import type { SentPulses } from "../membership/sent.ts";

export interface KeeperState {
  readonly identity: Identity;
  readonly startedAt: Instant;
  readonly sent: SentPulses;
  /** All other members, in the order of the configuration. */
  readonly peers: readonly Peer[];
  /** The highest term seen. */
  readonly term: Term;
  readonly acting: Acting;
  readonly voter: Voter;
  readonly leading: Leading;
  /** Between exactly two voters; null: there are more. */
  readonly pair: Pair | null;
  readonly lists: Lists;
  readonly watchdog: WatchdogState;
  /** What the leader knows of each other member; empty while this node does not lead. */
  readonly ledMembers: ReadonlyMap<NodeId, LedMember>;
  /** How many resets this life has told. */
  readonly resets: number;
  /** Since when a quorum of voters is free to vote; null: is not. */
  readonly freeQuorumSince: Instant | null;
  readonly grants: Grants;
  /** When the worker was last heard. */
  readonly workerHeardAt: Instant;
  /** Who else claims one of our addresses, and when last. */
  readonly claims: ReadonlyMap<string, { readonly mac: string; readonly at: Instant }>;
  /** What the newest pulse stated; null: none sent. */
  readonly spoken: Statements | null;
  /** What the worker was told last, and when; null: nothing yet. */
  readonly told: { readonly news: LeaseNews; readonly at: Instant } | null;
  /** A voter says nothing for a lease after its start; see `Clauses.muteAfterStart`. */
  readonly mute: boolean;
  /** Let go of everything in an orderly way; acts and votes no more in this life. */
  readonly left: boolean;
}

/** The right to act. */
export interface Acting {
  readonly session: Session;
  readonly mayAct: boolean;
  /** Meaningful while `mayAct`. */
  readonly until: Instant;
  /** The newest reset obeyed; null: none. */
  readonly resetDone: ResetId | null;
  /** Why the newest lapse was; null: none in this life. */
  readonly lapsed: LapseCause | null;
}

export type LapseCause =
  /** No quorum of voters acknowledged what was sent within the lease. */
  | "not-acknowledged"
  /** The leader said so (or this leader to itself): it had been excluded. */
  | "reset"
  /** The other half of the daemon was silent for too long. */
  | "worker-silent"
  /** The daemon stops in an orderly way. */
  | "left"
  /** Between two voters: the other one leads in a higher term. */
  | "overtaken"
  /** The host slept, or was held up: what happened meanwhile is not known. */
  | "resumed";

/** A voter's word. */
export interface Voter {
  /** The vote as stated; null: none. */
  readonly vote: Vote | null;
  /** The newest vote on disk: one vote a term, over restarts too. */
  readonly stored: Vote | null;
  /** A vote on its way to the disk; it is not stated before it is there. */
  readonly storing: Vote | null;
  /** After a failed write: not before this. */
  readonly storeAgainAt: Instant;
  readonly promises: ReadonlyMap<NodeId, Term>;
}

/** On the way to leading, or leading. */
export type Leading =
  | { readonly kind: "no"; readonly gaveUp: Term; readonly runNotBefore: Instant }
  /** Asks for votes; `until`: gives up then. */
  | { readonly kind: "candidate"; readonly term: Term; readonly until: Instant; readonly gaveUp: Term }
  | {
      readonly kind: "leads";
      readonly term: Term;
      readonly until: Instant;
      readonly since: Instant;
      readonly gaveUp: Term;
    };

/** What a voter of two knows beside the common rule; see lease/pair.ts. */
export interface Pair {
  readonly peer: NodeId;
  /** What should be on disk. */
  readonly record: PairRecord;
  /** What is. */
  readonly stored: PairRecord | null;
  readonly storing: PairRecord | null;
  /** After a failed write: not before this. */
  readonly storeAgainAt: Instant;
  /** The term of a tenure that an earlier life in this kernel boot left unreleased; null: none. */
  readonly resumable: Term | null;
  /** The newest proof that lives of the peer are over; null: none. */
  readonly proof: DeathProof | null;
  /** The newest term that this life asked for without the peer's word; null: none. */
  readonly askedUnheard: Term | null;
  /** The worker wants services that prefer two actives to none to start without a proof. */
  readonly isEager: boolean;
  /** Leads for them alone: nothing is proved about the peer. */
  readonly leadsEagerly: boolean;
  /** The worker asked to leave; the release has to be on disk first. */
  readonly isLeaving: boolean;
}

/** The list of voters: what is in effect stands in `identity`, and is on disk. */
export interface Lists {
  /** What should be in effect. */
  readonly target: ListRecord;
  /** Null: nothing was ever stored; the configuration's counts. */
  readonly stored: ListRecord | null;
  readonly storing: ListRecord | null;
  readonly storeAgainAt: Instant;
  /** The voters that the worker of the leader asks for; null: no change. */
  readonly wanted: readonly NodeId[] | null;
  /**
   * The voters of the list that this leader went on from: they count beside the present ones until that is the floor.
   * Of no meaning to anybody but the leader that issued the present list.
   */
  readonly before: readonly NodeId[] | null;
  /** The leader: since when a quorum states the floor of the present list; null: it does not. */
  readonly flooredSince: Instant | null;
  /**
   * The leader: since when a quorum has the list that it issued, and would carry another leadership, but not this one: too
   * many of them gave their vote of this term to somebody else. Null: that is not so.
   */
  readonly uncarriedSince: Instant | null;
}

export interface ListRecord {
  readonly list: VoterList;
  readonly floor: ListId;
}

export interface WatchdogState {
  /** none: not wanted, or disarmed. waiting: for the worker's first word. failed: see `problem`. */
  readonly stage: "none" | "waiting" | "arming" | "armed" | "failed";
  /** As the device says; null: not armed. */
  readonly timeout: Ms | null;
  /** A sentence; null: none. */
  readonly problem: string | null;
  /** May anything exclusive be on this node? Null: the worker has not said yet. */
  readonly holds: boolean | null;
  /** Something exclusive cannot be stopped: only a reset of the node ends it. */
  readonly isDoomed: boolean;
  readonly fedAt: Instant;
}

/** Outlives the daemon. Worth something only while the same kernel runs: after a reboot nothing is resumed. */
export interface PairRecord {
  readonly kernelBoot: string;
  /** The term of a tenure that was not released; null: none. */
  readonly held: Term | null;
  /** The newest life of the peer that answered in this kernel boot; null: none did. */
  readonly heard: number | null;
}

/** Another member, as the leader of this term knows it. */
export type LedMember =
  /** Heard, and nothing stands in its way. */
  | { readonly kind: "in" }
  /** Asks the voters to exclude it, in every pulse after number `after`; nothing is certain yet. */
  | { readonly kind: "asking"; readonly after: number }
  /** A quorum promised: sessions up to now have lapsed, with certainty. */
  | { readonly kind: "excluded" }
  /** Heard again: told to reset. */
  | { readonly kind: "resetting"; readonly id: ResetId; readonly certain: boolean }
  /** It confirmed (or needs no reset): the voters shall acknowledge it again. */
  | { readonly kind: "readmitting" }
  /** It said goodbye in this boot. */
  | { readonly kind: "left"; readonly boot: number };

/** The part of a pulse that is worth a pulse of its own when it changes. */
export type Statements = Omit<
  Pulse,
  "from" | "number" | "voters" | "list" | "config" | "lease" | "heard" | "hurry"
>;

export interface Grants {
  readonly held: readonly HeldGrant[];
  /** Until when the kernel's entries run. */
  readonly armedUntil: Instant;
  /** The kernel's own lifetime of the addresses was last set then. */
  readonly refreshedAt: Instant;
  /** The lease ran low since the last announcement. */
  readonly wasInDoubt: boolean;
}

export interface HeldGrant {
  readonly grant: Grant;
  readonly announcements: number;
  /** FOREVER: a port, of which the network need not hear. */
  readonly announceAt: Instant;
}
