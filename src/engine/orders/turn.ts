// What this node does in a turn: ops and checks that are due, its report, and leaving in good order.

import { isExclusive, type ResourceConfig } from "#model/config.ts";
import { grantsOf } from "#model/grant.ts";
import type { Instant } from "#model/units.ts";
import { between, earlier, FOREVER, instant, ms, plus } from "#model/units.ts";
import { lastingProofs } from "../fencing/proofs.ts";
import { nextFencingAt } from "../fencing/turn.ts";
import { isOverdue, startProbe } from "../health/check.ts";
import { pauseAfter } from "../health/pauses.ts";
import { nextLeaderWake } from "../leader/command.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import { countFailures } from "./fold.ts";
import { hasNothing, mapRuns, mayGoUp, report, withRun } from "./node.ts";
import type { NextOp, ServiceRun } from "./run.ts";
import { checksEverywhere, newRun, nextOp, standingOf } from "./run.ts";

/** A report that the leader has not confirmed is sent again this soon, in pulses; a confirmed one, ms. */
const RESEND_PULSES = 2;
const REPEAT = 2_000;
/** How long an op may take without being reported as under way, ms. */
const BRIEF = 20;
/** A stop that takes longer gets a line in the journal before it has ended, ms. */
const SLOW = 1_000;
/** How long a leaving node waits for its services to be moved before it stops them, ms. */
const LEAVE_PATIENCE = 20_000;
/** Without a leader there is nobody to move them, ms. */
const LEADERLESS_PATIENCE = 3_000;
/** How long a leaving node waits for the others to be a quorum without it, in longest leases. */
const QUORUM_PATIENCE_LEASES = 2;
/** At the latest then it goes, whatever is left, ms. */
const EXIT_PATIENCE = 60_000;
/** The reach targets are tried this often, ms. */
const REACH_EVERY = 1_000;

/** Starts the next op of each service that has none under way. */
export function startOps(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  let next = releaseHeld(dropRetired(state, now), now);
  const up = mayGoUp(next.node, next.news);
  for (const run of next.node.runs.values()) {
    // A batch of grants counts as done at once by the keeper, so one op a turn is enough.
    const op = nextOp(run, up && isWatchdogReady(next, run), now);
    if (op === null) continue;
    const id = next.lastOpId + 1;
    effects.push(effectOf(next, run, op, id));
    const { verb, indices, deadline } = op;
    const started = { ...run, op: { id, verb, indices, since: now, deadline, isSlow: false } };
    next = { ...next, lastOpId: id, node: withRun(next.node, started) };
  }
  return next;
}

/** Notes stops that take long: whoever waits for a service wants to know what it waits for. */
export function noteSlow(state: WorkerState, now: Instant): WorkerState {
  const runs = mapRuns(state.node.runs, (run) => {
    const { op } = run;
    if (op === null || op.isSlow || (op.verb !== "stop" && op.verb !== "demote")) return run;
    return between(op.since, now) < SLOW ? run : { ...run, op: { ...op, isSlow: true } };
  });
  return runs === state.node.runs ? state : { ...state, node: { ...state.node, runs } };
}

/** Nothing exclusive starts before the watchdog runs, or is known not to, where that is good enough. */
function isWatchdogReady({ news, identity }: WorkerState, run: ServiceRun): boolean {
  if (identity.watchdog === "none" || !run.config.resources.some(isExclusive)) return true;
  const stage = news?.watchdog.stage;
  return stage === "armed" || (stage === "failed" && identity.watchdog === "best-effort");
}

function effectOf(state: WorkerState, run: ServiceRun, op: NextOp, opId: number): WorkerEffect {
  const resources = op.indices.flatMap((i) => run.config.resources[i] ?? []);
  const grants = resources.flatMap(grantsOf);
  if (grants.length > 0) {
    return op.verb === "start"
      ? { kind: "to-keeper", message: { kind: "take", id: opId, session: state.node.session, grants } }
      : { kind: "to-keeper", message: { kind: "release", id: opId, grants } };
  }
  const resource = resources[0] as ResourceConfig;
  const { verb, deadline } = op;
  const service = run.config.name;
  return { kind: "run-op", service, opId, resource, verb, deadline, term: state.node.term };
}

/**
 * What was held down for a failure may be tried again once the failure has aged, if an order still wants it: the
 * leader had nowhere better for it. (Simulator, seed 9629 of 2026-11-20.) A standby is tried again by itself, after
 * pauses that grow: its order does not change.
 */
function releaseHeld(state: WorkerState, now: Instant): WorkerState {
  const release = (run: ServiceRun) =>
    run.heldDown && now >= heldUntil(run, now) ? { ...run, heldDown: false } : run;
  const runs = mapRuns(state.node.runs, release);
  return runs === state.node.runs ? state : { ...state, node: { ...state.node, runs } };
}

/** FOREVER: until an order says so. */
function heldUntil(run: ServiceRun, now: Instant): Instant {
  const failures = countFailures(run, now);
  const last = run.failures.at(-1);
  if (failures === 0 || last === undefined) return now;
  return run.wanted === "standby" ? plus(last, pauseAfter(failures)) : FOREVER;
}

/** A service whose configuration changed is taken up anew, one that is gone forgotten, once it is down. */
function dropRetired(state: WorkerState, now: Instant): WorkerState {
  const retired = [...state.node.runs.values()].filter((r) => r.isRetiring && standingOf(r) === "stopped");
  if (retired.length === 0) return state;
  const runs = new Map(state.node.runs);
  for (const run of retired) {
    const config = state.config.services.find((s) => s.name === run.config.name);
    if (config?.place.includes(state.identity.self)) {
      runs.set(run.config.name, { ...newRun(config, now), resources: config.resources.map(() => "stopped") });
    } else runs.delete(run.config.name);
  }
  return { ...state, node: { ...state.node, runs } };
}

/** Starts the checks that are due, and tries the reach targets. */
export function startChecks(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  let next = state;
  for (const run of state.node.runs.values()) {
    if (run.checks.length === 0 || !isChecked(run)) continue;
    const checks = run.checks.map((check) => {
      if (now < check.nextAt || (check.runningSince !== null && !isOverdue(check, now))) return check;
      effects.push({ kind: "run-check", service: run.config.name, check: check.config });
      return startProbe(check, now);
    });
    if (checks.some((c, i) => c !== run.checks[i])) {
      next = { ...next, node: withRun(next.node, { ...run, checks }) };
    }
  }
  return tryReach(next, now, effects);
}

function isChecked(run: ServiceRun): boolean {
  return checksEverywhere(run.config) || standingOf(run) === "active";
}

function tryReach(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const targets = state.config.reach;
  if (targets.length === 0 || state.identity.isWitness || between(state.reachAt, now) < REACH_EVERY)
    return state;
  effects.push({ kind: "try-reach", targets });
  return { ...state, reachAt: now };
}

/**
 * Leaving: first the leader moves everything away; after its patience the node stops what it still has; when
 * the others can go on without it, the keeper says goodbye, and the daemon ends.
 */
export function tidyLeaving(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const { stopping, news } = state;
  if (stopping === null) return state;
  const waited = between(stopping.since, now);
  if (news?.left === true || waited > EXIT_PATIENCE) {
    effects.push({ kind: "exit" });
    return state;
  }
  if (stopping.toldKeeper) return state;
  const patience = news?.leader == null ? LEADERLESS_PATIENCE : LEAVE_PATIENCE;
  if (!hasNothing(state.node)) {
    if (waited <= patience) return state;
    // Nobody took them over in time: they stop here.
    const runs = mapRuns(state.node.runs, (run) => ({ ...run, wanted: "stopped" }));
    return state.node.refuses ? state : { ...state, node: { ...state.node, refuses: true, runs } };
  }
  // Stopped one after the other, the voters must never lack a quorum: one that has just started is mute for the
  // longest lease. Where too few are left for one anyway, waiting helps nobody.
  if (news?.othersSuffice !== true && waited <= QUORUM_PATIENCE_LEASES * state.identity.longestLease) {
    return state;
  }
  effects.push({ kind: "to-keeper", message: { kind: "leave" } });
  return { ...state, stopping: { ...stopping, toldKeeper: true } };
}

/** Reports to the leader: at once when something changed, again until it says it has it, and now and then. */
export function sendReport(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  let { node } = state;
  const isBrief = node.report !== null && isBriefly(node, now);
  const next =
    isBrief && node.report !== null
      ? node.report
      : report(node, state.identity, sayable(state), lastingProofs(state.fencing.proofs), now);
  const isNew = next !== node.report;
  node = isNew ? { ...node, report: next } : node;
  const { aliveAt } = state;
  const tell = between(aliveAt, now) >= state.identity.workerSilence / 5;
  if (tell) effects.push({ kind: "to-keeper", message: { kind: "alive" } });
  const leader = state.news?.leader ?? null;
  const waited = between(node.reportedAt, now);
  const isSeen = node.reportSeen >= next.number && node.reportedTo === node.term;
  const isDue = isNew || waited >= REPEAT || (!isSeen && waited >= RESEND_PULSES * state.identity.pulse);
  if (leader !== null && isDue) {
    effects.push({ kind: "send", to: leader, message: { kind: "report", report: next } });
    node = { ...node, reportedAt: now };
  }
  return { ...state, node, aliveAt: tell ? now : aliveAt };
}

/**
 * The intents that a voter may speak of. None while a write is under way: a new leader that is told the old ones
 * relies on nothing older than its own term being stored afterwards. (Simulator, seed 2330 of 2026-11-20.)
 */
function sayable({ intents }: WorkerState): WorkerState["intents"]["stored"] {
  return intents.storing === null ? intents.stored : null;
}

/**
 * Something has just begun to go down and may be down in a moment, as addresses are: one report of its end is then
 * worth more to the leader than two, of which the first delays the second. (What goes up is reported at once, so
 * that the leader knows that its order is obeyed.)
 */
function isBriefly(node: WorkerState["node"], now: Instant): boolean {
  return [...node.runs.values()].some(
    ({ op }) => op !== null && (op.verb === "stop" || op.verb === "demote") && between(op.since, now) < BRIEF,
  );
}

export function nextWorkerWake(state: WorkerState, now: Instant): Instant {
  const { node, identity } = state;
  const isSeen = node.reportSeen >= (node.report?.number ?? 0);
  let at = plus(state.aliveAt, ms(identity.workerSilence / 5));
  const consider = (due: Instant) => {
    at = earlier(at, due);
  };
  if (state.news?.leader != null) {
    consider(instant(node.reportedAt + (isSeen ? REPEAT : RESEND_PULSES * identity.pulse)));
  }
  if (state.leader !== null && state.news !== null)
    consider(nextLeaderWake(state.leader, identity, state.news, now));
  consider(nextFencingAt(state, now));
  if (state.config.reach.length > 0 && !identity.isWitness) consider(plus(state.reachAt, ms(REACH_EVERY)));
  if (state.asks.length > 0 || state.stopping !== null) consider(plus(now, ms(100)));
  for (const run of node.runs.values()) {
    if (run.op !== null) {
      consider(soonest(plus(run.op.since, ms(BRIEF)), now));
      consider(soonest(plus(run.op.since, ms(SLOW)), now));
    }
    if (run.retryAt > now) consider(run.retryAt);
    if (run.heldDown) consider(soonest(heldUntil(run, now), now));
    for (const failure of [...run.failures, ...run.flaps])
      consider(soonest(plus(failure, ms(run.config.failureAge + 1)), now));
    if (!isChecked(run)) continue;
    for (const check of run.checks) if (check.runningSince === null) consider(check.nextAt);
  }
  return instant(Math.max(at, now + 1));
}

const soonest = (at: Instant, now: Instant): Instant => (at > now ? at : FOREVER);
