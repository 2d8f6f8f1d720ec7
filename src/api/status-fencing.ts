// The part of the status document that is about proofs: tenure, watchdog, fence devices, and who was proved dead.

import type { Config } from "#model/config.ts";
import { canProve, type DeathProof } from "#model/fencing.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import { between, type Instant } from "#model/units.ts";
import type {
  DeviceStatus,
  FenceProgress,
  FencingStatus,
  PairStatus,
  ProofStatus,
  WatchdogStatus,
} from "./protocol.ts";

/** What this node knows of fence devices and of its own fencing. Instants are of this host's monotonic clock. */
export interface FencingFacts {
  readonly devices: readonly DeviceFacts[];
  readonly running: FenceProgress | null;
  readonly failed: FencingStatus["failed"];
  /** So many nodes were fenced by this one within the last hour. */
  readonly lastHour: number;
}

interface DeviceFacts {
  readonly node: NodeId;
  readonly device: string;
  readonly problem: string | null;
  /** NEVER: not in this life. */
  readonly answeredAt: Instant;
  readonly askedAt: Instant;
}

export function fencingStatus({ fencing }: Config, facts: FencingFacts, now: Instant): FencingStatus {
  const devices = fencing.nodes.flatMap(({ node, levels }) =>
    levels.flatMap((level, index) =>
      level.map((device): DeviceStatus => {
        const known = facts.devices.find((each) => each.node === node && each.device === device.id);
        return {
          node,
          device: device.id,
          level: index + 1,
          proves: canProve(device),
          asked_ago_ms: known === undefined ? null : ageOf(known.askedAt, now),
          answered_ago_ms: known === undefined ? null : ageOf(known.answeredAt, now),
          problem: known?.problem ?? null,
        };
      }),
    ),
  );
  const { running, failed, lastHour } = facts;
  return { devices, running, failed, last_hour: lastHour, per_hour: fencing.perHour };
}

/** Null: never. */
function ageOf(at: Instant, now: Instant): number | null {
  return Number.isFinite(at) ? Math.max(0, Math.round(between(at, now))) : null;
}

export function pairStatus(news: LeaseNews | null, self: NodeId, now: Instant): PairStatus | null {
  const pair = news?.pair ?? null;
  if (news === null || pair === null) return null;
  const own = news.leads && !pair.leadsEagerly ? self : null;
  return {
    peer: pair.peer,
    tenure: own ?? (news.leader === pair.peer ? pair.peer : null),
    leads_eagerly: pair.leadsEagerly,
    knows_peer: pair.knowsPeer,
    silent_for_ms: pair.silentSince === null ? null : (ageOf(pair.silentSince, now) ?? 0),
  };
}

export function watchdogStatus({ watchdog }: Config, news: LeaseNews | null): WatchdogStatus {
  const { stage, timeout, problem } = news?.watchdog ?? { stage: "none", timeout: null, problem: null };
  return { mode: watchdog.mode, stage, timeout_ms: timeout, problem };
}

export const proofStatus = ({ node, boot, lapses, kind, sentence }: DeathProof): ProofStatus => ({
  node,
  kind,
  text: sentence,
  until: lapses === null ? `${boot}` : `${boot}.${lapses}`,
});

/** What would fail on the day that it is needed, as sentences: better to be woken before. */
export function fencingWarnings(fencing: FencingStatus, watchdog: WatchdogStatus): string[] {
  const silent = fencing.devices.flatMap(({ node, device, problem }) =>
    problem === null ? [] : [`fence device ${device} of ${node} does not answer: ${problem}`],
  );
  const isUnarmed = watchdog.mode === "required" && watchdog.stage === "failed";
  const unarmed = `the watchdog is required and not armed: ${watchdog.problem ?? "no reason was given"}`;
  return [...silent, ...(isUnarmed ? [unarmed] : [])];
}
