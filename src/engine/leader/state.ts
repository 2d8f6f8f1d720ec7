// What the leader knows in its term; forgotten when the term ends.

import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Intent, Intents } from "#model/intents.ts";
import type { ClusterPicture, IntentAnswer, NodeReport } from "#model/order.ts";
import type { Role } from "#model/role.ts";
import type { Session } from "#model/session.ts";
import type { Instant, Term } from "#model/units.ts";
import type { ListId } from "#model/voters.ts";
import type { Outlook } from "../fencing/outlook.ts";
import type { Plan } from "../planner/plan.ts";
import type { Losses } from "./losses.ts";

export interface LeaderState {
  readonly term: Term;
  readonly since: Instant;
  /** collecting: hears every node's state and a quorum's intents before anything is planned. */
  readonly phase: "collecting" | "leading";
  readonly members: ReadonlyMap<NodeId, LedNode>;
  /** The newest order number given to anybody. */
  readonly lastNumber: number;
  /** On disk at a quorum of voters. Null: not known yet. */
  readonly intents: Intents | null;
  /** Between two voters: the other one was away when this leader began, and may have other intents on its disk. */
  readonly isUnsettled: boolean;
  /** The list of voters of which a quorum has the intents; null: not known. */
  readonly settledUnder: ListId | null;
  readonly proposal: Proposal | null;
  /** Wishes that wait for the proposal under way; at most `QUEUE_LIMIT`. */
  readonly queue: readonly QueuedAsk[];
  /** The newest answers by id, so that a wish that is asked twice is carried out once. */
  readonly answered: ReadonlyMap<string, IntentAnswer>;
  readonly fitSince: ReadonlyMap<string, Instant>;
  readonly failedAt: ReadonlyMap<string, { readonly at: Instant; readonly count: number }>;
  readonly losses: Losses;
  readonly plan: Plan | null;
  /** What the plan was made of; the same things need no new plan. */
  readonly plannedFrom: readonly unknown[];
  readonly picture: ClusterPicture | null;
  /** Since when this leader knows that a member has lapsed. */
  readonly excludedSince: ReadonlyMap<NodeId, Instant>;
  /** What the newest plan could know about nodes that are gone; null: none was made. */
  readonly outlook: Outlook | null;
  /** What that was made of. */
  readonly outlookFrom: readonly unknown[];
}

/** A member, this node included. */
export interface LedNode {
  readonly id: NodeId;
  readonly isNode: boolean;
  /** The newest report of this term. */
  readonly report: NodeReport | null;
  /** Is that report of the newest session that is known of? */
  readonly isCurrent: boolean;
  /** Since when it is not, though there was a report; null: it is. */
  readonly outdatedSince: Instant | null;
  readonly order: GivenOrder | null;
  /** By service: the newest order number of the present session that wanted it active. */
  readonly orderedActive: ReadonlyMap<ServiceName, number>;
  readonly sentAt: Instant;
  readonly sentPicture: ClusterPicture | null;
}

export interface GivenOrder {
  readonly number: number;
  readonly session: Session;
  readonly wanted: ReadonlyMap<ServiceName, Role>;
  /** By service: the oldest order of this session since which every one wants it active. */
  readonly activeSince: ReadonlyMap<ServiceName, number>;
}

/** A new intents document on its way to the voters' disks. */
export interface Proposal {
  readonly intents: Intents;
  readonly storedBy: ReadonlySet<NodeId>;
  /** Who waits for it; null: the leader itself. */
  readonly ask: QueuedAsk | null;
  readonly text: string;
  readonly since: Instant;
  readonly sentAt: Instant;
}

export interface QueuedAsk {
  readonly id: string;
  readonly from: NodeId;
  readonly intent: Intent;
}

export const QUEUE_LIMIT = 32;
export const ANSWERS_KEPT = 100;
