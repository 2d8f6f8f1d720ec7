// What events mean for the services on this node: orders, op results, exits, check results, lapses.

import { isGrant } from "#model/config.ts";
import type { ServiceName } from "#model/ids.ts";
import type { Order } from "#model/order.ts";
import type { Role } from "#model/role.ts";
import type { Instant } from "#model/units.ts";
import { between, ms, NEVER, plus } from "#model/units.ts";
import type { Finding } from "../health/check.ts";
import { foldFinding, restartCheck, verdictOf } from "../health/check.ts";
import type { ServiceRun } from "./run.ts";
import { checksEverywhere, RETRY_STOP, setResources, standingOf, stateAfter } from "./run.ts";

/** How an op ended, as far as it matters here. */
export type OpEnd = { readonly kind: "done" } | { readonly kind: "failed"; readonly why: string };

/** The lists of failures and restarts never grow past this. */
const KEPT = 50;

/** A new order: what is not named is wanted stopped. */
export function foldOrder(run: ServiceRun, order: Order): ServiceRun {
  const wanted = wantedBy(order, run.config.name);
  // Held down ends when the leader saw it and gave the service up here; later it may try again. The same order over
  // and over is none to try again for.
  const heldDown = run.heldDown && wanted !== "stopped" && wanted === run.wanted;
  return wanted === run.wanted && heldDown === run.heldDown ? run : { ...run, wanted, heldDown };
}

function wantedBy(order: Order, service: ServiceName): Role {
  return order.wanted?.find((w) => w.service === service)?.role ?? "stopped";
}

/** A lapse voids all orders; the keeper has already let the grants go. */
export function foldLapse(run: ServiceRun): ServiceRun {
  const grants = run.config.resources.flatMap((r, i) => (isGrant(r) ? [i] : []));
  const isGrantOp = run.op?.indices.some((i) => grants.includes(i)) ?? false;
  return {
    ...run,
    wanted: "stopped",
    voided: true,
    heldDown: false,
    restarting: false,
    resources: setResources(run, grants, "stopped"),
    op: isGrantOp ? null : run.op,
  };
}

export function foldOpEnd(run: ServiceRun, opId: number, end: OpEnd, now: Instant): ServiceRun {
  const { op } = run;
  if (op === null || op.id !== opId) return run;
  if (end.kind === "done") return foldDone({ ...run, op: null }, op.verb, op.indices, now);
  const isUp = op.verb === "start" || op.verb === "promote";
  const resources = setResources(run, op.indices, "unknown");
  const failed = { ...run, op: null, resources, detail: end.why };
  if (isUp) return giveUp(failed, now);
  return { ...failed, failedStops: run.failedStops + 1, retryAt: plus(now, ms(RETRY_STOP)) };
}

function foldDone(
  run: ServiceRun,
  verb: Parameters<typeof stateAfter>[0],
  indices: readonly number[],
  now: Instant,
): ServiceRun {
  const next = {
    ...run,
    resources: setResources(run, indices, stateAfter(verb)),
    failedStops: 0,
    retryAt: NEVER,
  };
  const isDown = next.config.resources.every((r, i) => isGrant(r) || next.resources[i] === "stopped");
  const restarting = next.restarting && !isDown;
  const becameActive = standingOf(next) === "active" && standingOf(run) !== "active";
  const checks =
    becameActive && !checksEverywhere(run.config)
      ? next.checks.map((c) => restartCheck(c, now))
      : next.checks;
  return { ...next, restarting, checks };
}

/** It cannot be had here now: everything of it goes down, and the failure counts against this node. */
export function giveUp(run: ServiceRun, now: Instant): ServiceRun {
  return { ...run, heldDown: true, restarting: false, failures: [...run.failures, now].slice(-KEPT) };
}

/** A supervised process ended for good. */
export function foldExit(run: ServiceRun, resource: string, why: string, now: Instant): ServiceRun {
  const index = run.config.resources.findIndex((r) => r.id === resource);
  if (index < 0 || run.op?.indices.includes(index) || run.resources[index] === "stopped") return run;
  const ended = { ...run, resources: setResources(run, [index], "unknown"), detail: why };
  return restartOrGiveUp(ended, now);
}

export function foldCheck(
  run: ServiceRun,
  checkId: string,
  finding: Finding,
  text: string,
  now: Instant,
): ServiceRun {
  const checks = run.checks.map((c) => (c.config.id === checkId ? foldFinding(c, finding, text, now) : c));
  const next = { ...run, checks };
  const isWell = verdictOf(checks) === "healthy";
  if (isWell && run.detail !== null && standingOf(run) === "active") return { ...next, detail: null };
  const hasFailed = verdictOf(run.checks) !== "failing" && verdictOf(checks) === "failing";
  if (!hasFailed || standingOf(run) !== "active") return next;
  const failing = checks.find((c) => c.verdict === "failing");
  const detail = `check ${failing?.config.id ?? ""} fails: ${text}`;
  // Behind bare addresses there is nothing to restart: the leader moves them if another node is well.
  return checksEverywhere(run.config)
    ? { ...next, detail, flaps: [...run.flaps, now].slice(-KEPT) }
    : restartOrGiveUp({ ...next, detail }, now);
}

/** In place as often as the configuration allows within its window, then the service has failed here. */
function restartOrGiveUp(run: ServiceRun, now: Instant): ServiceRun {
  const { limit, within } = run.config.restarts;
  const recent = run.restarts.filter((at) => between(at, now) <= within);
  if (recent.length >= limit) return giveUp({ ...run, restarts: recent }, now);
  return { ...run, restarting: true, restarts: [...recent, now].slice(-KEPT) };
}

/** Failures that count now. */
export function countFailures(run: ServiceRun, now: Instant): number {
  return countRecent(run.failures, run, now);
}

/** Moves for failing checks that count now. */
export function countFlaps(run: ServiceRun, now: Instant): number {
  return countRecent(run.flaps, run, now);
}

function countRecent(times: readonly Instant[], { config }: ServiceRun, now: Instant): number {
  return times.filter((at) => between(at, now) <= config.failureAge).length;
}
