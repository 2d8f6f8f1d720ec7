// What the leader tells a node, and what a node tells the leader.

import type { DeathProof } from "./fencing.ts";
import type { NodeId, ServiceName } from "./ids.ts";
import type { Intent, Intents, IntentsVersion } from "./intents.ts";
import type { Reason } from "./reason.ts";
import type { HealthVerdict, Role, Standing } from "./role.ts";
import type { Session } from "./session.ts";
import type { Term } from "./units.ts";

/** Which order: a node obeys only the newest that it has seen, for its present session. */
export interface OrderId {
  readonly term: Term;
  /** 0 asks for a report and orders nothing; grows with every change of what is wanted from the node. */
  readonly number: number;
}

/** Complete and level-triggered: what is not wanted active is wanted stopped. */
export interface Order {
  readonly id: OrderId;
  readonly to: NodeId;
  readonly session: Session;
  /** The role wanted of each service that the node may run. Null with number 0. */
  readonly wanted: readonly WantedRole[] | null;
}

export interface WantedRole {
  readonly service: ServiceName;
  readonly role: Role;
}

/** What a node says of itself, to the leader. */
export interface NodeReport {
  readonly node: NodeId;
  readonly session: Session;
  /** Grows with every change within the session's boot; the leader ignores older ones. */
  readonly number: number;
  /** The highest term seen: no order of an older term will be obeyed after this report. */
  readonly term: Term;
  /** The newest order obeyed in this session; null: none. */
  readonly order: OrderId | null;
  readonly services: readonly ServiceReport[];
  /** Does a `reach` target answer? unknown: none configured, or not tried yet. */
  readonly reach: "ok" | "none" | "unknown";
  /** The node wants to stop: everything shall move away. */
  readonly leaving: boolean;
  /** Fingerprint of its configuration. */
  readonly config: string;
  /** Voters only: the intents it has on disk, null when it could not read them; others always null. */
  readonly intents: Intents | null;
  /** What this node knows for certain about lives of nodes that are over. */
  readonly proofs: readonly DeathProof[];
}

export interface ServiceReport {
  readonly service: ServiceName;
  readonly standing: Standing;
  readonly health: HealthVerdict;
  /** Failed starts and failed restarts that have not aged out. */
  readonly failures: number;
  /** A stop failed although everything was tried: what it holds may go on until the node is fenced or reset. */
  readonly stuck: boolean;
  /** It failed here and stays down, whatever is ordered, until an order wants it stopped; then it may be tried again. */
  readonly heldDown: boolean;
  /** How often, within the failure age, its checks failed here while it was active, with nothing to restart. */
  readonly flaps: number;
  /** A sentence on why it is not well, for people; null: nothing to say. */
  readonly detail: string | null;
}

/** Where a service is and why: what the leader tells everybody, so that each node can answer `why`. */
export interface Placement {
  readonly service: ServiceName;
  readonly node: NodeId | null;
  readonly reasons: readonly Reason[];
  /** Where it is active now, as reported. */
  readonly active: NodeId | null;
  /** What the leader is waiting for before the next step; null: nothing. */
  readonly waiting: Reason | null;
  /** Of the service where it is active; unknown when it is active nowhere. */
  readonly health: HealthVerdict;
  /** The other nodes that could take it over now, the preferred one first. */
  readonly ready: readonly NodeId[];
}

/** The leader's picture of the cluster, sent to every member with the orders. */
export interface ClusterPicture {
  readonly leader: NodeId;
  readonly term: Term;
  readonly phase: "collecting" | "leading";
  readonly members: readonly MemberPicture[];
  readonly placements: readonly Placement[];
  readonly intents: Intents;
  readonly proofs: readonly DeathProof[];
  /** Nodes whose death has to be proved: what is being done about it, or what an operator has to do. */
  readonly proving: readonly Proving[];
}

export interface Proving {
  readonly node: NodeId;
  /** under-way: a proof is being made. waiting: for a time. blocked: an operator is needed. */
  readonly state: "under-way" | "waiting" | "blocked";
  /** A sentence without a full stop. */
  readonly text: string;
}

export interface MemberPicture {
  readonly node: NodeId;
  readonly standing: MemberStanding;
  readonly reach: "ok" | "none" | "unknown";
  readonly leaving: boolean;
  /** Its configuration is not the leader's. */
  readonly differs: boolean;
}

/**
 * alive: its pulses come in time. silent: not heard for a lease by the leader; it may still act.
 * excluded: a quorum promised to acknowledge nothing from it, so it has lapsed. left: said goodbye.
 */
export type MemberStanding = "alive" | "silent" | "excluded" | "left";

/** What workers send each other. Idempotent; any may be lost, doubled or late. */
export type Message =
  | {
      readonly kind: "order";
      readonly order: Order;
      readonly picture: ClusterPicture;
      /** The newest report number of the receiver that the leader has. */
      readonly reportSeen: number;
    }
  | { readonly kind: "report"; readonly report: NodeReport }
  /** The leader asks a voter to put these intents on disk. Refused when a newer term was seen. */
  | { readonly kind: "store-intents"; readonly term: Term; readonly intents: Intents }
  | { readonly kind: "intents-stored"; readonly term: Term; readonly version: IntentsVersion }
  /** An operator's wish, on its way to the leader. `id` is unique for the asking daemon's life; `term` is that of the
   * leader it is for: another one must not carry out what this one may have answered. */
  | { readonly kind: "ask"; readonly id: string; readonly term: Term; readonly intent: Intent }
  | { readonly kind: "answer"; readonly id: string; readonly term: Term; readonly answer: IntentAnswer };

export type IntentAnswer =
  /** On disk at a quorum of voters. */
  | { readonly kind: "accepted"; readonly version: IntentsVersion; readonly text: string }
  | { readonly kind: "refused"; readonly reason: string }
  /** No answer in time: it may or may not have been accepted. */
  | { readonly kind: "unknown"; readonly reason: string };
