// One service on this node: what is known of its resources, and the next op towards the wanted role.

import { isExclusive, isGrant, type ResourceConfig, type ServiceConfig } from "#model/config.ts";
import type { OpVerb, Role, Standing } from "#model/role.ts";
import type { Instant, Ms } from "#model/units.ts";
import { ms, NEVER } from "#model/units.ts";
import type { CheckState } from "../health/check.ts";
import { newCheck } from "../health/check.ts";

/** unknown: it may run or not (a daemon just started, an op failed or timed out); it is stopped before use. */
export type ResourceState = "stopped" | "started" | "promoted" | "unknown";

export interface ServiceRun {
  readonly config: ServiceConfig;
  /** By the newest order; stopped without one. */
  readonly wanted: Role;
  /** One for each resource of the configuration. */
  readonly resources: readonly ResourceState[];
  readonly op: RunningOp | null;
  /** It failed to start, or failed too often: stays down until an order wants it stopped, then may be tried again. */
  readonly heldDown: boolean;
  /** A failed check or process restarts it in place: its programs go down first. */
  readonly restarting: boolean;
  /** When it failed here and had to be given up. */
  readonly failures: readonly Instant[];
  /** When its checks failed here while it was active, with nothing to restart: only a move helps. */
  readonly flaps: readonly Instant[];
  /** When it was restarted in place. */
  readonly restarts: readonly Instant[];
  /** Stops that failed in a row. */
  readonly failedStops: number;
  /** After a stop that did not work: not before this. */
  readonly retryAt: Instant;
  readonly checks: readonly CheckState[];
  /** Its last standing that is one to stay in, whatever is under way now; null: none yet. For the journal. */
  readonly settled: Role | null;
  /** A lapse is why it goes down or is down, no order. For the journal. */
  readonly voided: boolean;
  /** The last thing that went wrong, a sentence; null: nothing since it was last well. */
  readonly detail: string | null;
  /** Its configuration is gone or changed: stopped, then dropped. */
  readonly isRetiring: boolean;
}

export interface RunningOp {
  readonly id: number;
  readonly verb: OpVerb;
  /** Neighbouring grants (addresses, guarded ports) go together, everything else alone. */
  readonly indices: readonly number[];
  readonly since: Instant;
  readonly deadline: Ms;
  /** It has taken so long that the journal tells what is being waited for, and until when. */
  readonly isSlow: boolean;
}

export interface NextOp {
  readonly verb: OpVerb;
  readonly indices: readonly number[];
  readonly deadline: Ms;
}

export function newRun(config: ServiceConfig, now: Instant): ServiceRun {
  return {
    config,
    wanted: "stopped",
    // The keeper swept the addresses; of programs nothing is known.
    resources: config.resources.map((r) => (isGrant(r) ? "stopped" : "unknown")),
    op: null,
    heldDown: false,
    restarting: false,
    failures: [],
    flaps: [],
    restarts: [],
    failedStops: 0,
    retryAt: NEVER,
    checks: config.checks.map((c) => newCheck(c, now)),
    settled: null,
    voided: false,
    detail: null,
    isRetiring: false,
  };
}

const LEVEL = { stopped: 0, started: 1, promoted: 2 } as const;

/** The state that a resource has while its service has this role. */
function stateIn(role: Role, resource: ResourceConfig): Exclude<ResourceState, "unknown"> {
  const isPromotable = resource.kind === "command" && resource.promote !== null;
  switch (role) {
    case "stopped":
      return "stopped";
    case "standby":
      return isPromotable ? "started" : "stopped";
    case "active":
      return isPromotable ? "promoted" : "started";
  }
}

/** The role that is worked towards: what is wanted, unless it failed here. */
export function effectiveRole(run: ServiceRun): Role {
  return run.heldDown || run.isRetiring ? "stopped" : run.wanted;
}

function targetOf(run: ServiceRun, index: number): Exclude<ResourceState, "unknown"> {
  const resource = run.config.resources[index];
  if (resource === undefined) return "stopped";
  // In place: addresses stay, since only what is behind them is broken.
  if (run.restarting && !isGrant(resource)) return "stopped";
  return stateIn(effectiveRole(run), resource);
}

/**
 * The next op, or null when there is nothing to do. Down comes before up; down goes from the last resource to
 * the first, up from the first to the last. Up only with `mayGoUp`: an order of the newest term, a live session.
 */
export function nextOp(run: ServiceRun, mayGoUp: boolean, now: Instant): NextOp | null {
  if (run.op !== null) return null;
  return nextDown(run, now) ?? (mayGoUp ? nextUp(run) : null);
}

function nextDown(run: ServiceRun, now: Instant): NextOp | null {
  for (let i = run.resources.length - 1; i >= 0; i--) {
    const state = run.resources[i] ?? "stopped";
    const target = targetOf(run, i);
    if (state === "unknown") return now < run.retryAt ? null : opFor(run, "stop", i, -1);
    if (LEVEL[state] <= LEVEL[target]) continue;
    return opFor(run, state === "promoted" ? "demote" : "stop", i, -1);
  }
  return null;
}

function nextUp(run: ServiceRun): NextOp | null {
  for (let i = 0; i < run.resources.length; i++) {
    const state = run.resources[i] ?? "stopped";
    if (state === "unknown") return null;
    if (LEVEL[state] < LEVEL[targetOf(run, i)])
      return opFor(run, state === "stopped" ? "start" : "promote", i, 1);
  }
  return null;
}

function opFor(run: ServiceRun, verb: OpVerb, index: number, step: 1 | -1): NextOp {
  const indices = [index];
  const resource = run.config.resources[index];
  if (resource !== undefined && isGrant(resource)) {
    const state = run.resources[index];
    for (let i = index + step; isGrantAt(run, i); i += step) {
      if (run.resources[i] !== state || targetOf(run, i) !== targetOf(run, index)) break;
      indices.push(i);
    }
  }
  return { verb, indices, deadline: deadlineOf(resource, verb) };
}

function isGrantAt(run: ServiceRun, index: number): boolean {
  const resource = run.config.resources[index];
  return resource !== undefined && isGrant(resource);
}

/** Addresses are taken by system calls; a keeper that needs longer is stuck. */
const ADDRESS_DEADLINE = ms(5_000);
const PROCESS_START_DEADLINE = ms(10_000);
/** Beyond the time that a process has for SIGTERM: for SIGKILL to be seen. */
const PROCESS_STOP_MARGIN = 5_000;

function deadlineOf(resource: ResourceConfig | undefined, verb: OpVerb): Ms {
  switch (resource?.kind) {
    case "command":
      return resource.timeouts[verb];
    case "process":
      return verb === "start" ? PROCESS_START_DEADLINE : ms(resource.stopTimeout + PROCESS_STOP_MARGIN);
    default:
      return ADDRESS_DEADLINE;
  }
}

/** What the node says of the service: `stopped` and `standby` only when that is certain. */
export function standingOf(run: ServiceRun): Standing {
  if (run.op !== null) return "changing";
  if (run.resources.includes("unknown")) return "unknown";
  for (const role of ["stopped", "standby", "active"] as const) {
    if (run.config.resources.every((r, i) => run.resources[i] === stateIn(role, r))) return role;
  }
  return "changing";
}

/**
 * Everything was tried (a stop command, or SIGTERM and SIGKILL to the whole group; twice): only a reset of the node
 * makes certain that it ends.
 */
export function isStuck(run: ServiceRun): boolean {
  return run.failedStops >= STUCK_AFTER && run.resources.includes("unknown");
}

const STUCK_AFTER = 2;
/** A stop that did not work is tried again after this, ms. */
export const RETRY_STOP = 5_000;

/** May anything of it be on this node that only a proof lets another node start? */
export function holdsExclusive(run: ServiceRun): boolean {
  return run.config.resources.some(
    (resource, i) => isExclusive(resource) && (run.resources[i] !== "stopped" || run.op?.indices.includes(i)),
  );
}

export function setResources(
  run: ServiceRun,
  indices: readonly number[],
  state: ResourceState,
): readonly ResourceState[] {
  return run.resources.map((s, i) => (indices.includes(i) ? state : s));
}

/** The state that a successful op leaves. */
export function stateAfter(verb: OpVerb): ResourceState {
  switch (verb) {
    case "start":
    case "demote":
      return "started";
    case "promote":
      return "promoted";
    case "stop":
      return "stopped";
    case "probe":
      return "started";
  }
}

/** Checks run where the service is active if programs of its own are behind it, otherwise on every node. */
export function checksEverywhere(config: ServiceConfig): boolean {
  return config.resources.every(isGrant);
}
