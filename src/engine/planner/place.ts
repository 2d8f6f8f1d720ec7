// Where each service should be, and why there and nowhere else. Rules in order; the first that answers decides.

import type { ServiceConfig } from "#model/config.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Reason } from "#model/reason.ts";
import { because } from "#model/reason.ts";
import { type Instant, plus } from "#model/units.ts";
import {
  type Facts,
  factsOf,
  isInMaintenance,
  listNames,
  locate,
  rankIn,
  serviceOn,
  type Whereabouts,
} from "./facts.ts";
import { type Fitness, judgeStaying, judgeTaking, type Stay } from "./judge.ts";
import type { NodeView, Target, View } from "./view.ts";

/** A target, with what the steps towards it have to know. */
export interface Decision extends Target {
  readonly config: ServiceConfig;
  readonly where: Whereabouts;
  /** In maintenance: nothing is moved, started or stopped. */
  readonly held: boolean;
  /** Why nothing is started although a node could be chosen; null: nothing is waited for. */
  readonly waiting: Reason | null;
  /** When time alone may change this decision; null: never. */
  readonly planAgainAt: Instant | null;
  /** Nodes other than the target and the active one that could take it now, the preferred one first. */
  readonly ready: readonly NodeId[];
}

/**
 * One decision for each service, in the order of the view. The order of `place` is total, so that neither
 * load nor name ever has to break a tie between two nodes.
 */
export function place(view: View): readonly Decision[] {
  const facts = factsOf(view);
  return view.services.map((service) => placeService(facts, service));
}

interface Case {
  readonly facts: Facts;
  readonly service: ServiceConfig;
  readonly name: ServiceName;
  readonly where: Whereabouts;
  /** Where an operator moved it; null: nowhere. */
  readonly pin: NodeId | null;
  readonly candidates: readonly Candidate[];
}

/** One for each node of `place`, the preferred one first; a pinned node precedes all. */
interface Candidate {
  readonly node: NodeView;
  readonly fitness: Fitness;
}

interface Choice {
  readonly node: NodeId | null;
  readonly reason: Reason;
  readonly held?: boolean;
  readonly waiting?: Reason;
}

const CHOOSE: readonly ((each: Case) => Choice | null)[] = [
  leaveInMaintenance,
  followOperator,
  leaveOnSilent,
  failBack,
  keepWhatRuns,
  moveToFit,
  stayForLack,
  awaitFirstCheck,
];

function placeService(facts: Facts, service: ServiceConfig): Decision {
  const each = caseOf(facts, service);
  const choice = firstAnswer(CHOOSE, each) ?? nowhere(each);
  const others = each.candidates.filter(({ node }) => node.id !== choice.node);
  const active = each.where.kind === "active" ? each.where.node.id : null;
  return {
    service: service.name,
    node: choice.node,
    reasons: [choice.reason, ...others.map((candidate) => passOver(each, choice, candidate))],
    config: service,
    where: each.where,
    held: choice.held ?? false,
    waiting: choice.waiting ?? null,
    planAgainAt: earliest([...others.map(({ fitness }) => untilOf(fitness)), failbackAt(each)]),
    ready: others.filter(({ node, fitness }) => fitness.kind === "fit" && node.id !== active).map(idOf),
  };
}

function caseOf(facts: Facts, service: ServiceConfig): Case {
  const wish = facts.switchovers.get(service.name);
  const pin = wish !== undefined && service.place.includes(wish) ? wish : null;
  const order = pin === null ? service.place : [pin, ...service.place.filter((id) => id !== pin)];
  const candidates: Candidate[] = [];
  for (const id of order) {
    const node = facts.nodes.get(id);
    if (node !== undefined) candidates.push({ node, fitness: judgeTaking(facts, service, node) });
  }
  const where = locate(facts, service, order);
  return { facts, service, name: service.name, where, pin, candidates };
}

/** Maintenance: it is where it is. What is not known to be elsewhere may be on a node that only operators touch. */
function leaveInMaintenance({ facts, service, name, where, candidates }: Case): Choice | null {
  const node = where.kind === "nowhere" ? null : where.node.id;
  if (isInMaintenance(facts, name)) {
    return {
      node,
      held: true,
      reason: because("maintenance", `${name} is in maintenance: nothing is moved`),
    };
  }
  if (node !== null) {
    if (!facts.maintenanceNodes.has(node)) return null;
    return {
      node,
      held: true,
      reason: because("maintenance", `${node} is in maintenance: nothing is moved`),
    };
  }
  const dark = candidates.find(
    (each) => facts.maintenanceNodes.has(each.node.id) && serviceOn(each.node, service.name).report === null,
  );
  if (dark === undefined) return null;
  const text = `${dark.node.id} is in maintenance and has not reported: ${name} may be there`;
  const reason = because("maintenance", text);
  return { node: null, held: true, reason, waiting: reason };
}

function followOperator({ facts, service, name, where, pin, candidates }: Case): Choice | null {
  if (pin === null) return null;
  const isThere = isSticky(where) && where.node.id === pin;
  const stays = isThere && stayOf(facts, service, where, candidates).kind === "stays";
  const isFit = candidates[0]?.node.id === pin && candidates[0].fitness.kind === "fit";
  if (!stays && !isFit) return null;
  return { node: pin, reason: because("moved-by-operator", `an operator moved ${name} to ${pin}`) };
}

function leaveOnSilent({ name, where }: Case): Choice | null {
  if (!isSticky(where) || where.node.standing !== "silent") return null;
  const { id } = where.node;
  const text = `${id} is silent, which proves nothing: ${name} stays there until a quorum excludes it`;
  return { node: id, reason: because("silent", text) };
}

function failBack(each: Case): Choice | null {
  const to = failbackTo(each);
  if (to === null) return null;
  const dueAt = failbackDue(each, to);
  if (dueAt === null || dueAt > each.facts.view.now) return null;
  return { node: to.id, reason: because("failback", `${to.id} is fit again and preferred for ${each.name}`) };
}

function keepWhatRuns({ facts, service, name, where, candidates }: Case): Choice | null {
  if (!isSticky(where) || stayOf(facts, service, where, candidates).kind !== "stays") return null;
  const { id } = where.node;
  if (where.kind === "starting")
    return { node: id, reason: because("starting", `${id} is starting ${name}`) };
  const isHealthy = serviceOn(where.node, name).report?.health === "healthy";
  const reason = isHealthy
    ? because("active-healthy", `${id} reports ${name} active and healthy`)
    : because("active-unchecked", `${id} reports ${name} active; no check has answered yet`);
  return { node: id, reason };
}

/** The first fit node, unless a preferred one is about to be checked and nothing is lost by waiting for it. */
function moveToFit(each: Case): Choice | null {
  const { where, candidates } = each;
  const isRunning = where.kind === "active";
  const others = isRunning ? candidates.filter(({ node }) => node.id !== where.node.id) : candidates;
  const best = others.find(({ fitness }) => (isRunning ? fitness.kind === "fit" : fitness.kind !== "unfit"));
  if (best === undefined || best.fitness.kind !== "fit") return null;
  return { node: best.node.id, reason: reasonToMove(each, best.node.id) };
}

function stayForLack({ facts, service, name, where, candidates }: Case): Choice | null {
  if (where.kind !== "active") return null;
  const stay = stayOf(facts, service, where, candidates);
  if (stay.kind !== "moves") return null;
  const text = `${stay.reason.text}, but no other node can take ${name}`;
  return { node: where.node.id, reason: because("nowhere-better", text) };
}

function awaitFirstCheck({ name, where, candidates }: Case): Choice | null {
  const best = candidates.find(({ fitness }) => fitness.kind !== "unfit");
  if (where.kind === "active" || best === undefined) return null;
  const text = `${best.node.id} comes first for ${name}, and no check has answered there yet`;
  const reason = because("first-check", text);
  return { node: null, reason, waiting: reason };
}

function nowhere({ facts, service, name, where, candidates }: Case): Choice {
  const stay = where.kind === "active" ? stayOf(facts, service, where, candidates) : null;
  const why = stay === null || stay.kind === "stays" ? "" : `${stay.reason.text}, and `;
  const nobody =
    service.place.length === 1 ? `${service.place[0]} cannot` : `none of ${listNames(service.place)} can`;
  const text = `${why}${nobody} run ${name}`;
  return { node: null, reason: because("no-candidate", text) };
}

function reasonToMove({ facts, service, name, where, candidates }: Case, to: NodeId): Reason {
  if (where.kind === "active") {
    const stay = stayOf(facts, service, where, candidates);
    if (stay.kind !== "stays") return because(stay.reason.code, `${stay.reason.text}; ${to} can take it`);
  }
  if (where.kind === "lost") {
    const { id, standing } = where.node;
    const end = standing === "left" ? "left" : "is excluded";
    return because("active-lost", `${id}, where ${name} was active, ${end}; ${to} can take it`);
  }
  const fit = candidates.filter(({ fitness }) => fitness.kind === "fit");
  if (fit.length === 1) return because("only-candidate", `of its place, only ${to} can run ${name}`);
  if (service.place[0] === to) return because("preferred", `${to} is the preferred node of ${name}`);
  return because("first-fit", `${to} is the first node of its place that can run ${name}`);
}

/** Why a node of `place` was not chosen: what speaks against it, or else what speaks for the chosen one. */
function passOver(each: Case, choice: Choice, { node, fitness }: Candidate): Reason {
  const { service, name } = each;
  if (fitness.kind !== "fit") return fitness.reason;
  const elsewhere = choice.node ?? "nowhere";
  if (choice.held)
    return because("maintenance", `${node.id} could take ${name}, but maintenance moves nothing`);
  if (choice.reason.code === "moved-by-operator" || choice.node === null) {
    return because(choice.reason.code, `${node.id} could take ${name}, but ${choice.reason.text}`);
  }
  if (rankIn(service.place, node.id) > rankIn(service.place, choice.node)) {
    return because("lower-in-place", `${node.id} is ready, but comes after ${elsewhere}`);
  }
  return because(`failback-${service.failback.kind}`, `${node.id} is preferred, but ${returnText(each)}`);
}

function returnText({ service, name, where }: Case): string {
  if (service.failback.kind === "manual") return `${name} returns only when an operator says so`;
  if (where.kind !== "active") return `${name} is on its way`;
  if (service.failback.kind === "auto") return `${name} cannot return now`;
  return `${name} returns when it was fit for ${formatDelay(service.failback.delay)}`;
}

/** The earliest fit node that precedes where the service is active, if it should ever return by itself. */
function failbackTo({ facts, service, where, pin, candidates }: Case): NodeView | null {
  const isPinned = pin !== null && candidates[0]?.fitness.kind !== "unfit";
  const isThere = where.kind === "active" && where.node.id === pin;
  if (where.kind !== "active" || where.node.standing !== "alive" || service.failback.kind === "manual")
    return null;
  if (isPinned || isThere || judgeStaying(facts, service, where.node).kind !== "stays") return null;
  const here = rankIn(service.place, where.node.id);
  const best = candidates.find(
    ({ node, fitness }) => fitness.kind === "fit" && rankIn(service.place, node.id) < here,
  );
  return best?.node ?? null;
}

function failbackDue({ facts, service }: Case, to: NodeView): Instant | null {
  if (service.failback.kind !== "after") return facts.view.now;
  const { fitSince } = serviceOn(to, service.name);
  return fitSince === null ? null : plus(fitSince, service.failback.delay);
}

function failbackAt(each: Case): Instant | null {
  const to = failbackTo(each);
  const dueAt = to === null ? null : failbackDue(each, to);
  return dueAt !== null && dueAt > each.facts.view.now ? dueAt : null;
}

/** What has a node that a rule may want to keep. */
function isSticky(where: Whereabouts): where is Whereabouts & { kind: "active" | "starting" } {
  return where.kind === "active" || where.kind === "starting";
}

/** A service that only starts has nothing to lose: there, whatever speaks against taking it counts. */
function stayOf(
  facts: Facts,
  service: ServiceConfig,
  where: Whereabouts & { kind: "active" | "starting" },
  candidates: readonly Candidate[],
): Stay {
  if (where.kind === "active") return judgeStaying(facts, service, where.node);
  const own = candidates.find(({ node }) => node.id === where.node.id);
  return own?.fitness.kind === "unfit" ? { kind: "ends", reason: own.fitness.reason } : { kind: "stays" };
}

const idOf = ({ node }: Candidate): NodeId => node.id;

const untilOf = (fitness: Fitness): Instant | null => (fitness.kind === "unfit" ? fitness.until : null);

export function earliest(instants: readonly (Instant | null)[]): Instant | null {
  return instants.reduce(
    (best, each) => (each !== null && (best === null || each < best) ? each : best),
    null,
  );
}

function firstAnswer<A, B>(questions: readonly ((a: A) => B | null)[], a: A): B | null {
  for (const ask of questions) {
    const answer = ask(a);
    if (answer !== null) return answer;
  }
  return null;
}

function formatDelay(delay: number): string {
  const seconds = delay / 1000;
  if (seconds < 120) return `${seconds} s`;
  return `${Math.round(seconds / 6) / 10} minutes`;
}
