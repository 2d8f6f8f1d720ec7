// What the planner may look at: everything it needs, nothing it could change.

import type { ServiceConfig } from "#model/config.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Intents } from "#model/intents.ts";
import type { MemberStanding, ServiceReport } from "#model/order.ts";
import type { Reason } from "#model/reason.ts";
import type { Role } from "#model/role.ts";
import type { Instant } from "#model/units.ts";
import type { Proof } from "./takeover.ts";

export interface View {
  readonly now: Instant;
  /** As configured; order matters only for ties. */
  readonly services: readonly ServiceConfig[];
  /** The nodes that can run services, witnesses left out, in the order of the configuration. */
  readonly nodes: readonly NodeView[];
  readonly intents: Intents;
  /** Between two voters, the other one being silent: services with `split: eager` may start unproved. */
  readonly eager: boolean;
}

export interface NodeView {
  readonly id: NodeId;
  readonly standing: MemberStanding;
  readonly reach: "ok" | "none" | "unknown";
  readonly leaving: boolean;
  /** That every life of it up to the newest known one is over, from outside it; null: not proved. */
  readonly proof: Proof | null;
  /** What is being done towards such a proof, or has to be, as a part of a sentence; null: nothing is known. */
  readonly remedy: string | null;
  /** It reported in its present session and in this leader's term. False: what it runs is not known. */
  readonly reported: boolean;
  /** It is heard, but lapsed and has not reported for some pulses: its earlier sessions are over, and nothing was ordered since. */
  readonly hasLapsed: boolean;
  /** The number of the newest order of this leader that it reported to obey; null: none in this session. */
  readonly obeys: number | null;
  readonly services: ReadonlyMap<ServiceName, ServiceView>;
}

export interface ServiceView {
  /**
   * The newest report of this leader's term; kept when the node fell silent, was excluded or left, since
   * what it may start afterwards is only what this leader ordered. Null: none in this term and session; when
   * the node did report, null says that it does not know the service and has nothing of it.
   */
  readonly report: ServiceReport | null;
  /** The newest order number of this leader that wanted the service active there; null: none did. */
  readonly orderedActive: number | null;
  /** The oldest order since which every one to this node wants it active; null: the newest does not. */
  readonly activeSince: number | null;
  /** Since when the node could run it without interruption (alive, healthy, nothing forbids); null: it cannot now. */
  readonly fitSince: Instant | null;
  /** When its last failure was; null: none that counts. */
  readonly failedAt: Instant | null;
}

/** Where a service should be, and why there and nowhere else. */
export interface Target {
  readonly service: ServiceName;
  /** Null: nowhere. */
  readonly node: NodeId | null;
  /** The first says why it is there (or nowhere); then one for each node of `place` that was passed over. */
  readonly reasons: readonly Reason[];
}

/** What is wanted of each node now, one step further towards the targets. */
export interface Directions {
  readonly wanted: ReadonlyMap<NodeId, ReadonlyMap<ServiceName, Role>>;
  /** What the next step of a service waits for; absent: nothing. */
  readonly waiting: ReadonlyMap<ServiceName, Reason>;
  /** Nodes that stand in the way of a service until they are proved dead, each with those services. */
  readonly unproved: ReadonlyMap<NodeId, readonly ServiceName[]>;
  /** When to plan again although nothing changed (a failback delay, a failure that ages out); null: never. */
  readonly planAgainAt: Instant | null;
}
