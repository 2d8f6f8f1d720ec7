// What a node knows about fencing the others.

import type { NodeId } from "#model/ids.ts";
import type { Instant, Term } from "#model/units.ts";
import { ms, plus } from "#model/units.ts";
import type { WorkerState } from "../worker.ts";
import type { FenceRun } from "./procedure.ts";
import type { Proofs } from "./proofs.ts";

/** Every device is first asked for its status this soon after the start, when the daemons have found each other. */
const FIRST_TEST = ms(5_000);

export interface FencingState {
  readonly proofs: Proofs;
  /** The term in which this node led at its last turn; null: it did not. */
  readonly ledTerm: Term | null;
  /** Nodes that are heard although they are proved dead, since when. */
  readonly contradictedSince: ReadonlyMap<NodeId, Instant>;
  /** At most one node is fenced at a time. */
  readonly running: RunningFence | null;
  /** When nodes were fenced by this one, within the last hour; the oldest first. */
  readonly history: readonly Instant[];
  /** Nodes that no level could prove dead, until they are tried again. */
  readonly failed: ReadonlyMap<NodeId, FailedFence>;
  /** By `node/device`: what the last question for its status came to. */
  readonly devices: ReadonlyMap<string, DeviceHealth>;
  /** Status questions under way: by call id. */
  readonly testing: ReadonlyMap<number, DeviceTest>;
  /** When the devices are first asked, and when they were last asked; null: not yet. */
  readonly firstTestAt: Instant;
  readonly testedAt: Instant | null;
  readonly lastCallId: number;
  /** Said once: the limit of nodes fenced within an hour is reached. */
  readonly isLimited: boolean;
  /** Said once: of two voters, the other one has to be proved dead by hand. */
  readonly saidAlone: boolean;
  /** Since when this node leads for eager services without a proof; null: it does not. */
  readonly eagerSince: Instant | null;
}

export interface DeviceTest {
  readonly node: NodeId;
  readonly device: string;
  /** The operator's request that it is a part of, and the node that was asked for; null: in the background. */
  readonly deed: { readonly id: string; readonly node: NodeId | null } | null;
}

export interface RunningFence {
  readonly node: NodeId;
  /** Its newest life when this began: what the proof will cover. */
  readonly boot: number;
  readonly run: FenceRun;
  readonly wakeAt: Instant;
  /** The proof was recorded. */
  readonly isProved: boolean;
  /** The operator's request that waits for it; null: it was decided here. */
  readonly deed: string | null;
}

export interface FailedFence {
  readonly tries: number;
  readonly againAt: Instant;
  readonly why: string;
}

export interface DeviceHealth {
  readonly node: NodeId;
  readonly device: string;
  /** Null: it answered. A sentence otherwise. */
  readonly problem: string | null;
  /** When it last answered a status; NEVER: not in this life. */
  readonly answeredAt: Instant;
  readonly askedAt: Instant;
}

export function startFencingState(proofs: Proofs, now: Instant): FencingState {
  return {
    proofs,
    ledTerm: null,
    contradictedSince: new Map(),
    running: null,
    history: [],
    failed: new Map(),
    devices: new Map(),
    testing: new Map(),
    firstTestAt: plus(now, FIRST_TEST),
    testedAt: null,
    lastCallId: 0,
    isLimited: false,
    saidAlone: false,
    eagerSince: null,
  };
}

export const withFencing = (state: WorkerState, fencing: Partial<FencingState>): WorkerState => ({
  ...state,
  fencing: { ...state.fencing, ...fencing },
});
