// What the two halves of a daemon tell each other: the keeper (must not be late) and the worker (may be).
// Any of it may be late or lost at worst; safety never depends on its coming in time.

import type { MemberConfig } from "./config.ts";
import type { DeathProof } from "./fencing.ts";
import type { Grant } from "./grant.ts";
import type { NodeId } from "./ids.ts";
import type { JournalLine } from "./journal.ts";
import type { MemberStanding } from "./order.ts";
import type { Session } from "./session.ts";
import type { Instant, Ms, Term } from "./units.ts";
import type { ListId, VoterList } from "./voters.ts";

/** The keeper's news for the worker: its whole picture, sent when any of it but `mayActUntil` changed, and now and then. */
export interface LeaseNews {
  readonly kind: "lease";
  readonly session: Session;
  readonly mayAct: boolean;
  /** As of sending; it grows with every acknowledgement. */
  readonly mayActUntil: Instant;
  /** The highest term seen. */
  readonly term: Term;
  readonly leader: NodeId | null;
  /** This node leads, in `term`. */
  readonly leads: boolean;
  readonly members: readonly MemberNews[];
  /** A quorum of voters would go on without this node: none of them has just started and is still mute. */
  readonly othersSuffice: boolean;
  /** Ready to leave: the keeper let go and said goodbye. */
  readonly left: boolean;
  /** Between exactly two voters, on one of them; null otherwise. */
  readonly pair: PairNews | null;
  readonly voters: VotersNews;
  readonly watchdog: WatchdogNews;
}

/** The list of voters in effect on this node. */
export interface VotersNews {
  readonly list: VoterList;
  readonly floor: ListId;
  /** No change of it is under way, as far as this node knows. */
  readonly isSettled: boolean;
}

/** Of this node's own watchdog. */
export interface WatchdogNews {
  readonly stage: "none" | "waiting" | "arming" | "armed" | "failed";
  /** As the device says; null: not armed. */
  readonly timeout: Ms | null;
  readonly problem: string | null;
}

export interface PairNews {
  readonly peer: NodeId;
  /** Leads only for services that prefer two actives to none: nothing is proved about the peer. */
  readonly leadsEagerly: boolean;
  /** It answered in this kernel boot: only then may this node have it fenced. */
  readonly knowsPeer: boolean;
  /** Silent, or not heard yet in this life, since; null: it is heard. */
  readonly silentSince: Instant | null;
}

export interface MemberNews {
  readonly node: NodeId;
  readonly standing: MemberStanding;
  /** The newest session heard of; null: none, for it answered nothing yet that this life said. */
  readonly session: Session | null;
  readonly links: readonly LinkNews[];
  /** The node is reset at most this long after it lapsed, as it announces; null: it has no armed watchdog. */
  readonly watchdog: Ms | null;
  /** Its voter list differs from ours: it forms no quorum with us. */
  readonly foreignVoters: boolean;
  readonly foreignConfig: boolean;
}

export interface LinkNews {
  readonly address: string;
  readonly up: boolean;
  /** Silent since, or heard since. */
  readonly since: Instant;
}

export type ToWorker =
  | LeaseNews
  /** The answer to `take` or `release` with that id. */
  | { readonly kind: "taken"; readonly id: number; readonly problem: string | null }
  | { readonly kind: "released"; readonly id: number; readonly problem: string | null }
  /** What is held could not be kept (an address deleted and not repairable, its device gone). */
  | { readonly kind: "grant-lost"; readonly grant: Grant; readonly problem: string }
  | { readonly kind: "journal"; readonly line: JournalLine }
  /** Something is wrong for good; the daemon ends with this text. */
  | { readonly kind: "fatal"; readonly problem: string };

export type ToKeeper =
  /** Hold these, under this session and no other. */
  | {
      readonly kind: "take";
      readonly id: number;
      readonly session: Session;
      readonly grants: readonly Grant[];
    }
  | { readonly kind: "release"; readonly id: number; readonly grants: readonly Grant[] }
  /** The configuration changed: these are all floating addresses and guarded ports now. */
  | {
      readonly kind: "reconfigure";
      readonly grants: readonly Grant[];
      /** Members may come and go; a link of one that stays is as it was. */
      readonly members: readonly MemberConfig[];
      readonly configHash: string;
    }
  /** Every life of another node up to one is over, for certain. */
  | { readonly kind: "proof"; readonly proof: DeathProof }
  /** Between two voters: may this node lead for services that prefer two actives to none, without a proof? */
  | { readonly kind: "eager"; readonly isEager: boolean }
  /** The leader's worker: these voters are wanted, one more or one fewer than now; null: no change. Sorted. */
  | { readonly kind: "voters"; readonly wanted: readonly NodeId[] | null }
  /** May anything exclusive be on this node? `isDoomed`: it cannot be stopped, only a reset ends it. */
  | { readonly kind: "holdings"; readonly holds: boolean; readonly isDoomed: boolean }
  /** The worker is well. */
  | { readonly kind: "alive" }
  /** Orderly stop: let go of everything, say goodbye. */
  | { readonly kind: "leave" };
