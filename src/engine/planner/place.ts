// Where each service should be, and why there and nowhere else. Rules in order; the first that answers decides.

import type { ServiceConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { Reason } from "#model/reason.ts";
import { because } from "#model/reason.ts";
import type { Instant } from "#model/units.ts";
import { type Candidate, type Case, caseOf, isSticky, stayOf } from "./case.ts";
import {
  type Facts,
  factsOf,
  isInMaintenance,
  listNames,
  rankIn,
  serviceOn,
  type Whereabouts,
} from "./facts.ts";
import { failbackAt, failbackDue, failbackTo, returnText } from "./failback.ts";
import { type Fitness, maySendTo } from "./judge.ts";
import type { Target, View } from "./view.ts";

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
  tryAgain,
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
    planAgainAt: earliest([
      ...others.map(({ fitness }) => untilOf(fitness)),
      ...others.map(({ fitness }) => later(tryAgainAtOf(fitness), facts.view.now)),
      failbackAt(each),
    ]),
    ready: others.filter(({ node, fitness }) => maySendTo(fitness) && node.id !== active).map(idOf),
  };
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

function followOperator(each: Case): Choice | null {
  const { name, where, pin, candidates } = each;
  if (pin === null) return null;
  const isThere = isSticky(where) && where.node.id === pin;
  const stays = isThere && stayOf(each)?.kind === "stays";
  const isFit = candidates[0]?.node.id === pin && maySendTo(candidates[0].fitness);
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

function keepWhatRuns(each: Case): Choice | null {
  const { name, where } = each;
  if (!isSticky(where) || stayOf(each)?.kind !== "stays") return null;
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
  const best =
    others.find(({ fitness }) => (isRunning ? fitness.kind === "fit" : fitness.kind !== "unfit")) ??
    (isDamped(each) ? undefined : others.find(({ fitness }) => maySendTo(fitness)));
  if (best === undefined || best.fitness.kind === "unchecked") return null;
  return { node: best.node.id, reason: reasonToMove(each, best.node.id) };
}

/** What still runs, if badly, is not thrown to where it comes and goes; what is down or has to go is. */
function isDamped(each: Case): boolean {
  const stay = each.where.kind === "active" ? stayOf(each) : null;
  return stay?.kind === "moves" && stay.reason.code === "failing";
}

function stayForLack(each: Case): Choice | null {
  const { name, where } = each;
  const stay = stayOf(each);
  if (where.kind !== "active" || stay?.kind !== "moves") return null;
  // What fails is as good as down: better tried where it failed before, when the pause is over.
  if (triesDue(each).length > 0) return null;
  const text = `${stay.reason.text}, but no other node can take ${name}`;
  const reason = because("nowhere-better", text);
  const node = where.node.id;
  const flapping = each.candidates.find(({ fitness }) => fitness.kind === "unfit" && maySendTo(fitness));
  if (!isDamped(each) || flapping?.fitness.kind !== "unfit") return { node, reason };
  return {
    node,
    reason,
    waiting: because("flapping", `${name} stays on ${node}: ${flapping.fitness.reason.text}`),
  };
}

function awaitFirstCheck({ name, where, candidates }: Case): Choice | null {
  const best = candidates.find(({ fitness }) => fitness.kind !== "unfit");
  if (where.kind === "active" || best === undefined) return null;
  const text = `${best.node.id} comes first for ${name}, and no check has answered there yet`;
  const reason = because("first-check", text);
  return { node: null, reason, waiting: reason };
}

/** Better tried again where it failed before than down until the failure has aged. */
function tryAgain(each: Case): Choice | null {
  const { name, where } = each;
  const due = triesDue(each);
  const starting = where.kind === "starting" ? due.find(({ node }) => node.id === where.node.id) : undefined;
  const best = starting ?? due.toSorted((a, b) => orderOfTries(a) - orderOfTries(b))[0];
  if (best === undefined) return null;
  const text = `no better node is left for ${name}, so it is tried again on ${best.node.id}`;
  return { node: best.node.id, reason: because("tried-again", text) };
}

/** Where it may be tried again now. What runs well and only has to move does not go where it failed to start. */
function triesDue(each: Case): readonly Candidate[] {
  const stay = each.where.kind === "active" ? stayOf(each) : null;
  if (stay?.kind === "moves" && stay.reason.code !== "failing") return [];
  return each.candidates.filter(({ fitness }) => {
    const at = tryAgainAtOf(fitness);
    return at !== null && at <= each.facts.view.now;
  });
}

const orderOfTries = ({ fitness }: Candidate): number => tryAgainAtOf(fitness) ?? Number.POSITIVE_INFINITY;

function nowhere(each: Case): Choice {
  const { service, name, where } = each;
  const stay = where.kind === "active" ? stayOf(each) : null;
  const why = stay === null || stay.kind === "stays" ? "" : `${stay.reason.text}, and `;
  const nobody =
    service.place.length === 1 ? `${service.place[0]} cannot` : `none of ${listNames(service.place)} can`;
  return { node: null, reason: because("no-candidate", `${why}${nobody} run ${name}${nextTry(each)}`) };
}

/** In durations, which stay true: this is read later than it was written. */
function nextTry({ facts, name, candidates }: Case): string {
  const [next] = candidates
    .filter(({ fitness }) => later(tryAgainAtOf(fitness), facts.view.now) !== null)
    .toSorted((a, b) => orderOfTries(a) - orderOfTries(b));
  const at = next === undefined ? null : tryAgainAtOf(next.fitness);
  const failedAt = next === undefined ? null : serviceOn(next.node, name).failedAt;
  if (next === undefined || at === null || failedAt === null) return "";
  return `; the next try is on ${next.node.id}, ${(at - failedAt) / 1000} s after its last failure there`;
}

function reasonToMove(each: Case, to: NodeId): Reason {
  const { service, name, where, candidates } = each;
  const stay = where.kind === "active" ? stayOf(each) : null;
  if (stay !== null && stay.kind !== "stays") {
    return because(stay.reason.code, `${stay.reason.text}; ${to} can take it`);
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

const idOf = ({ node }: Candidate): NodeId => node.id;

const tryAgainAtOf = (fitness: Fitness): Instant | null =>
  fitness.kind === "unfit" ? fitness.tryAgainAt : null;

const untilOf = (fitness: Fitness): Instant | null => (fitness.kind === "unfit" ? fitness.until : null);

/** What is over already brings no new plan. */
const later = (at: Instant | null, now: Instant): Instant | null => (at !== null && at > now ? at : null);

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
