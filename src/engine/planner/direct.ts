// One step towards the targets: the role wanted of each service on each node now, and what has to be waited for.

import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Reason } from "#model/reason.ts";
import { because } from "#model/reason.ts";
import type { Role } from "#model/role.ts";
import {
  type Facts,
  factsOf,
  isHeldDown,
  isPresent,
  isPromotable,
  isStarting,
  listNames,
  serviceOn,
  standingOn,
} from "./facts.ts";
import { judgeStaying } from "./judge.ts";
import { type Decision, earliest } from "./place.ts";
import { holdsOf, judgeTakeover } from "./takeover.ts";
import type { Directions, NodeView, View } from "./view.ts";

/**
 * Level-triggered: given the same view and decisions it wants the same, however often it is asked.
 *
 * At most one node is wanted active; one that is not active (nor starting by this leader's order) only when
 * every other node of the view has proved that it is not and will not be. A role is wanted of every node of
 * `place`, and of any other that reports something of the service; what is absent is wanted stopped.
 */
export function direct(view: View, decisions: readonly Decision[]): Directions {
  const facts = factsOf(view);
  const wanted = new Map<NodeId, Map<ServiceName, Role>>(view.nodes.map((node) => [node.id, new Map()]));
  const waiting = new Map<ServiceName, Reason>();
  const unproved = new Map<NodeId, readonly ServiceName[]>();
  for (const decision of decisions) {
    const step = decision.held ? holdStep(facts, decision) : stepTowards(facts, decision);
    for (const node of view.nodes) {
      const role = node.id === step.active ? "active" : restingRole(facts, decision, node);
      if (role !== null) wanted.get(node.id)?.set(decision.service, role);
    }
    if (step.waiting !== null) waiting.set(decision.service, step.waiting);
    for (const node of step.unproved) unproved.set(node, [...(unproved.get(node) ?? []), decision.service]);
  }
  return { wanted, waiting, unproved, planAgainAt: earliest(decisions.map((each) => each.planAgainAt)) };
}

interface Step {
  /** The one node that is wanted active now; null: none. */
  readonly active: NodeId | null;
  readonly waiting: Reason | null;
  /** Who stands in the way and cannot speak for itself, or does not know. */
  readonly unproved: readonly NodeId[];
}

function stepTowards(facts: Facts, decision: Decision): Step {
  const target = decision.node === null ? undefined : facts.nodes.get(decision.node);
  if (target === undefined) return { active: null, waiting: decision.waiting, unproved: [] };
  if (standingOn(target, decision.service) === "active") {
    return {
      active: target.id,
      waiting: untilOthersStop(decision, target) ?? decision.waiting,
      unproved: [],
    };
  }
  // By the order that it gave up on it stays down: it is wanted stopped first, which it reports in a moment.
  if (isHeldDown(target, decision.service)) return { active: null, waiting: null, unproved: [] };
  const doubts = doubtsAbout(facts, decision, target);
  // Every other node had proved itself before it was ordered to start, and it still obeys that order.
  if (doubts.length === 0 || isStarting(target, decision.service))
    return { active: target.id, waiting: null, unproved: [] };
  const waiting = waitReason(decision, target, doubts);
  const unproved = doubts.filter(({ node }) => needsProof(decision.service, node)).map(({ node }) => node.id);
  return { active: keeperMeanwhile(facts, decision, doubts), waiting, unproved };
}

/**
 * In maintenance a node keeps what it reports, and nothing starts. Two that report it active are reduced to
 * one even so: never two actives is promised before everything else.
 */
function holdStep(facts: Facts, decision: Decision): Step {
  const node = decision.node === null ? undefined : facts.nodes.get(decision.node);
  if (node === undefined) return { active: null, waiting: decision.waiting, unproved: [] };
  const standing = standingOn(node, decision.service);
  const isBusy = standing === "active" || (standing === "changing" && isStarting(node, decision.service));
  const keeps = isBusy && isPresent(node);
  return { active: keeps ? node.id : null, waiting: untilOthersStop(decision, node), unproved: [] };
}

/** What a node does that is not wanted active. Null: it has nothing to do with the service. */
function restingRole(facts: Facts, { config, service, held }: Decision, node: NodeView): Role | null {
  const standing = standingOn(node, service);
  if (!config.place.includes(node.id) && (standing === null || standing === "stopped")) return null;
  if (!isPromotable(config) || standing === "unknown") return "stopped";
  if (held) return standing === "standby" ? "standby" : "stopped";
  const isHost = config.place.includes(node.id) && node.standing === "alive" && !node.leaving;
  return isHost && !facts.drained.has(node.id) ? "standby" : "stopped";
}

interface Doubt {
  readonly node: NodeView;
  readonly reason: Reason;
}

/** The nodes, all of them and not just those of `place`, that have not proved that they cannot be active. */
function doubtsAbout({ view }: Facts, { config, service }: Decision, target: NodeView): Doubt[] {
  const holds = holdsOf(config);
  return view.nodes
    .filter((node) => node.id !== target.id)
    .map((node) => ({
      node,
      verdict: judgeTakeover(service, holds, node, view.eager && config.split === "eager"),
    }))
    .filter(({ verdict }) => !verdict.proved)
    .map(({ node, verdict }) => ({ node, reason: verdict.reason }));
}

/**
 * Who goes on serving while the target waits. The old active node is stopped as soon as that is all the
 * target waits for; while another node stands in the way too, stopping it would only add an outage.
 */
function keeperMeanwhile(facts: Facts, { where, config }: Decision, doubts: readonly Doubt[]): NodeId | null {
  if (where.kind !== "active") return null;
  const isBlocked = doubts.some(({ node }) => !isStopping(config.name, node));
  if (!isBlocked || judgeStaying(facts, config, where.node).kind === "ends") return null;
  return where.node.id;
}

/** It has lapsed and said nothing since, or says itself that it could not stop the service. */
function needsProof(service: ServiceName, node: NodeView): boolean {
  const isGone = node.standing === "excluded" || node.standing === "left";
  return isGone || (node.standing === "alive" && serviceOn(node, service).report?.stuck === true);
}

/** A node that will prove itself soon: it is there, and stops when told to. */
function isStopping(service: ServiceName, node: NodeView): boolean {
  const { report } = serviceOn(node, service);
  return node.standing === "alive" && node.reported && report !== null && report.standing !== "unknown";
}

function waitReason({ service }: Decision, target: NodeView, doubts: readonly Doubt[]): Reason {
  const texts = listNames(doubts.map(({ reason }) => reason.text));
  const code = doubts[0]?.reason.code ?? "waits";
  return because(code, `${target.id} may not start ${service} yet: ${texts}`);
}

function untilOthersStop({ where, service }: Decision, keeper: NodeView): Reason | null {
  if (where.kind !== "active" || where.also.length === 0) return null;
  const names = [where.node, ...where.also].map((node) => node.id);
  const others = names.filter((name) => name !== keeper.id);
  const text = `${service} is active on ${listNames(names)}; ${listNames(others)} must stop it`;
  return because("two-active", text);
}
