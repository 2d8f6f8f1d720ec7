// What this daemon knows of proofs, devices and protection, taken out of the worker's state for the status document.

import type { ProtectionStatus } from "#api/protocol.ts";
import type { StatusFacts } from "#api/status.ts";
import type { FencingFacts } from "#api/status-fencing.ts";
import { type LiveFacts, protectionAnywhere, protectionOn } from "#engine/explain/protection.ts";
import { recentFences } from "#engine/fencing/decide.ts";
import { outlookOf } from "#engine/fencing/outlook.ts";
import { isProvedDead } from "#engine/fencing/proofs.ts";
import type { RunningFence } from "#engine/fencing/state.ts";
import type { WorkerState } from "#engine/worker.ts";
import { unreachable } from "#lib/unreachable.ts";
import type { ServiceConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { Placement, Proving } from "#model/order.ts";
import type { Instant, Ms } from "#model/units.ts";

type ProofFacts = Pick<StatusFacts, "protections" | "fencing" | "proving" | "proofs">;

/** Before the worker has begun. */
export const NOTHING_PROVED: ProofFacts = {
  protections: new Map(),
  fencing: { devices: [], running: null, failed: [], lastHour: 0 },
  proving: [],
  proofs: [],
};

export function proofFacts(state: WorkerState, now: Instant): ProofFacts {
  const live = liveFacts(state, now);
  const proving = provingOf(state, now);
  const placements = state.picture?.picture.placements ?? [];
  const protections = state.config.services.map((service) => {
    const placement = placements.find((each) => each.service === service.name);
    return [service.name, protectionOf(state, service, { placement, proving, live })] as const;
  });
  return {
    protections: new Map(protections),
    fencing: fencingFacts(state, now),
    proving,
    proofs: state.fencing.proofs,
  };
}

function liveFacts({ config, identity, news, fencing }: WorkerState, now: Instant): LiveFacts {
  const watchdogs = new Map<NodeId, Ms | null>();
  for (const { node, session, watchdog } of news?.members ?? [])
    if (session !== null) watchdogs.set(node, watchdog);
  const own = news?.watchdog;
  if (own?.stage === "armed" || own?.stage === "failed") watchdogs.set(identity.self, own.timeout);
  const isHolder = news?.leads === true && news.pair?.leadsEagerly === false;
  const holder = isHolder ? identity.self : news?.leads === true ? null : (news?.leader ?? null);
  const devices = [...fencing.devices.values()];
  return {
    now,
    lease: identity.lease,
    watchdogs,
    devices,
    holder: config.voters.length === 2 ? holder : null,
  };
}

/**
 * As the leader tells it. Of two voters that do not hear each other, one may be without a leader, and nobody but
 * itself can say what has to happen.
 */
function provingOf(state: WorkerState, now: Instant): readonly Proving[] {
  const { news } = state;
  const peer = news?.pair?.peer;
  // Who leads for eager services alone waits for the same proof as who does not lead.
  const isLed = news !== null && news.leader !== null && news.pair?.leadsEagerly !== true;
  if (news === null || peer === undefined || isLed) return state.picture?.picture.proving ?? [];
  const isGone = news.pair?.silentSince !== null;
  if (!isGone || isProvedDead(state, peer)) return [];
  const remedy = outlookOf(state, null, now).remedies.get(peer);
  return remedy === undefined ? [] : [remedy];
}

interface Seen {
  readonly placement: Placement | undefined;
  readonly proving: readonly Proving[];
  readonly live: LiveFacts;
}

function protectionOf(
  { config }: WorkerState,
  service: ServiceConfig,
  { placement, proving, live }: Seen,
): ProtectionStatus {
  const active = placement?.active ?? null;
  if (placement === undefined || active === null) {
    // It is past being protected: what counts is what it waits for.
    const now = proving.find(({ text }) => placement?.waiting?.text.includes(text));
    if (now === undefined) return protectionAnywhere(config, service, live);
    const state = now.state === "blocked" ? "blocked" : "safe";
    return {
      state,
      text: `${state}: ${now.node} is gone and has to be proved dead; ${now.text}`,
      seconds: null,
    };
  }
  const isLonely = service.place.length > 1 && placement.node === active && placement.ready.length === 0;
  if (isLonely)
    return { state: "none", text: "unprotected: no other node could take it over now", seconds: null };
  return protectionOn(config, service, active, live);
}

function fencingFacts(state: WorkerState, now: Instant): FencingFacts {
  const { fencing } = state;
  return {
    devices: [...fencing.devices.values()],
    running: fencing.running === null ? null : progressOf(fencing.running),
    failed: [...fencing.failed].map(([node, { tries, why }]) => ({ node, tries, why })),
    lastHour: recentFences(state, now).length,
  };
}

function progressOf({ node, run, isProved }: RunningFence): FencingFacts["running"] {
  const levels = run.fencing.levels.length;
  const text = isProved
    ? "it is off, and is switched on again"
    : run.devices.map(({ device, step }) => `${device.id} ${stepText(step)}`).join(", ");
  return { node, level: Math.min(run.level + 1, levels), levels, text };
}

function stepText(step: RunningFence["run"]["devices"][number]["step"]): string {
  switch (step.kind) {
    case "calling":
      return step.verb === "off" ? "was told to switch it off" : "is asked whether it is off";
    case "pausing":
      return "said that it is off, and is asked once more";
    case "proved":
      return "said twice that it is off";
    case "failed":
      return `failed: ${step.why}`;
    default:
      return unreachable(step);
  }
}
