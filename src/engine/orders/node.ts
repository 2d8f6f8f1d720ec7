// This node as the leader sees it: the orders that it obeys, and what it reports.

import type { ServiceConfig } from "#model/config.ts";
import type { DeathProof } from "#model/fencing.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { ServiceName } from "#model/ids.ts";
import type { Intents } from "#model/intents.ts";
import type { NodeReport, Order, OrderId, ServiceReport } from "#model/order.ts";
import type { Session } from "#model/session.ts";
import { isEarlierSession, sameSession } from "#model/session.ts";
import type { Instant, Term } from "#model/units.ts";
import { maxTerm, NEVER, NO_TERM } from "#model/units.ts";
import { verdictOf } from "../health/check.ts";
import type { Identity } from "../identity.ts";
import { countFailures, countFlaps, foldLapse, foldOrder } from "./fold.ts";
import type { ServiceRun } from "./run.ts";
import { checksEverywhere, isStuck, newRun, standingOf } from "./run.ts";

export interface NodeState {
  readonly session: Session;
  /** The highest term seen: orders of older ones are not obeyed. */
  readonly term: Term;
  /** The newest order obeyed in this session; null: none. */
  readonly order: OrderId | null;
  readonly runs: ReadonlyMap<ServiceName, ServiceRun>;
  readonly reach: "ok" | "none" | "unknown";
  readonly leaving: boolean;
  /** Leaving took too long: it stops what it has, and obeys no order any more. */
  readonly refuses: boolean;
  readonly report: NodeReport | null;
  /** The newest report number that the leader has, and in which term it said so. */
  readonly reportSeen: number;
  readonly reportedTo: Term;
  readonly reportedAt: Instant;
}

export function startNode(identity: Identity, services: readonly ServiceConfig[], now: Instant): NodeState {
  const own = services.filter((s) => s.place.includes(identity.self));
  return {
    session: { boot: identity.boot, lapses: 0 },
    term: NO_TERM,
    order: null,
    runs: new Map(own.map((s) => [s.name, newRun(s, now)])),
    reach: "unknown",
    leaving: false,
    refuses: false,
    report: null,
    reportSeen: 0,
    reportedTo: NO_TERM,
    reportedAt: NEVER,
  };
}

/** The keeper's news: newer terms, and lapses, which void all orders. */
export function foldNews(node: NodeState, news: LeaseNews): NodeState {
  const term = maxTerm(news.term, node.term);
  if (!isEarlierSession(node.session, news.session)) return term === node.term ? node : { ...node, term };
  const runs = mapRuns(node.runs, foldLapse);
  return { ...node, term, session: news.session, order: null, runs };
}

/** Obeys an order, or ignores it: too old, or not for this session. */
export function obey(node: NodeState, order: Order, identity: Identity): NodeState {
  if (order.id.term < node.term) return node;
  const seen = { ...node, term: order.id.term };
  if (order.wanted === null || node.refuses) return seen;
  const known = { session: node.session, term: node.term, newest: node.order };
  if (!identity.clauses.obeys(order.id, order.session, known)) return seen;
  // The same order again is the same state: a new object would be a new report, and that a new order.
  const isSame =
    node.order !== null && node.order.term === order.id.term && node.order.number === order.id.number;
  return {
    ...seen,
    order: isSame ? node.order : order.id,
    runs: mapRuns(node.runs, (run) => foldOrder(run, order)),
  };
}

/**
 * May ops go up? Only by an order of the newest term seen: a new leader that was told "stopped" must be able
 * to rely on it.
 */
export function mayGoUp(node: NodeState, news: LeaseNews | null): boolean {
  return (
    news?.mayAct === true &&
    sameSession(news.session, node.session) &&
    node.order !== null &&
    node.order.term === node.term
  );
}

/** The report as of now; the same object while nothing in it changed. */
export function report(
  node: NodeState,
  identity: Identity,
  intents: Intents | null,
  proofs: readonly DeathProof[],
  now: Instant,
): NodeReport {
  const services = [...node.runs.values()].map((run) => reportService(run, now));
  const next: NodeReport = {
    node: identity.self,
    session: node.session,
    number: (node.report?.number ?? 0) + 1,
    term: node.term,
    order: node.order,
    services,
    reach: node.reach,
    leaving: node.leaving,
    config: identity.configHash,
    intents: identity.isVoter ? intents : null,
    proofs,
  };
  return node.report !== null && sameReport(node.report, next) ? node.report : next;
}

function reportService(run: ServiceRun, now: Instant): ServiceReport {
  const standing = standingOf(run);
  // Checks that run only where the service is active say nothing against a node where it is not.
  const isChecked = checksEverywhere(run.config) || standing === "active";
  return {
    service: run.config.name,
    standing,
    health: isChecked ? verdictOf(run.checks) : "healthy",
    failures: countFailures(run, now),
    stuck: isStuck(run),
    heldDown: run.heldDown,
    flaps: countFlaps(run, now),
    detail: run.detail,
  };
}

function sameReport(a: NodeReport, b: NodeReport): boolean {
  return (
    sameSession(a.session, b.session) &&
    a.term === b.term &&
    a.order === b.order &&
    a.reach === b.reach &&
    a.leaving === b.leaving &&
    a.config === b.config &&
    a.intents === b.intents &&
    a.proofs.length === b.proofs.length &&
    a.proofs.every((proof, i) => proof === b.proofs[i]) &&
    a.services.length === b.services.length &&
    a.services.every((s, i) => sameService(s, b.services[i]))
  );
}

function sameService(a: ServiceReport, b: ServiceReport | undefined): boolean {
  return (
    b !== undefined &&
    a.service === b.service &&
    a.standing === b.standing &&
    a.health === b.health &&
    a.failures === b.failures &&
    a.stuck === b.stuck &&
    a.heldDown === b.heldDown &&
    a.flaps === b.flaps &&
    a.detail === b.detail
  );
}

/** Nothing of any service runs or is held here any more. */
export function hasNothing(node: NodeState): boolean {
  return [...node.runs.values()].every((run) => standingOf(run) === "stopped");
}

export function mapRuns(runs: NodeState["runs"], change: (run: ServiceRun) => ServiceRun): NodeState["runs"] {
  let changed = false;
  const next = new Map<ServiceName, ServiceRun>();
  for (const [name, run] of runs) {
    const after = change(run);
    changed ||= after !== run;
    next.set(name, after);
  }
  return changed ? next : runs;
}

export function withRun(node: NodeState, run: ServiceRun): NodeState {
  if (node.runs.get(run.config.name) === run) return node;
  return { ...node, runs: new Map(node.runs).set(run.config.name, run) };
}
