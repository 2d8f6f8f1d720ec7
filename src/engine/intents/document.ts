// The intents document: how one wish of an operator turns it into the next one, or why it is refused.

import { unreachable } from "#lib/unreachable.ts";
import type { ServiceConfig } from "#model/config.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Intent, Intents, MaintenanceTarget } from "#model/intents.ts";
import { isNewerVersion } from "#model/intents.ts";
import { NO_TERM } from "#model/units.ts";
import { type Facts, factsOf, isInMaintenance, locate } from "../planner/facts.ts";
import { judgeStaying, judgeTaking, maySendTo } from "../planner/judge.ts";
import { type Decision, place } from "../planner/place.ts";
import type { View } from "../planner/view.ts";

/** What `applyIntent` answers. `text` is a sentence for the operator, without a full stop. */
export type Applied =
  /** The next document, with the version of the old one: whoever stores it gives it a new one. */
  | { readonly kind: "changed"; readonly doc: Intents; readonly text: string }
  /** It is so already: nothing has to be stored. */
  | { readonly kind: "same"; readonly text: string }
  | { readonly kind: "refused"; readonly reason: string };

/** What holds while no operator has asked for anything; older than every other document. */
export function emptyIntents(): Intents {
  return {
    version: { term: NO_TERM, number: 0 },
    maintenanceAll: false,
    maintenanceNodes: [],
    maintenanceServices: [],
    drained: [],
    switchovers: [],
  };
}

/** Names sorted by code unit and each once, so that equal contents are equal texts. The version stays. */
export function canonicalIntents(doc: Intents): Intents {
  const byService = new Map(doc.switchovers.map((each) => [each.service, each]));
  return {
    version: doc.version,
    maintenanceAll: doc.maintenanceAll,
    maintenanceNodes: sorted(doc.maintenanceNodes),
    maintenanceServices: sorted(doc.maintenanceServices),
    drained: sorted(doc.drained),
    switchovers: sorted([...byService.keys()]).flatMap((service) => byService.get(service) ?? []),
  };
}

/** The one with the highest version, never a merge; of equal versions the first. Null: there is none. */
export function newestIntents(docs: readonly Intents[]): Intents | null {
  return docs.reduce<Intents | null>(
    (best, doc) => (best === null || isNewerVersion(doc.version, best.version) ? doc : best),
    null,
  );
}

/**
 * One wish, judged by what the leader sees. `view.intents` is not looked at: `doc` counts.
 * Asking twice is harmless: the second answer is `same`.
 */
export function applyIntent(doc: Intents, intent: Intent, view: View): Applied {
  const facts = factsOf({ ...view, intents: doc });
  switch (intent.kind) {
    case "switchover":
      return applySwitchover(doc, facts, intent);
    case "drain":
      return applyDrain(doc, facts, intent.node);
    case "undrain":
      return applyUndrain(doc, facts, intent.node);
    case "maintenance":
      return applyMaintenance(doc, facts, intent);
    default:
      return unreachable(intent);
  }
}

/**
 * Drops switchovers whose node cannot have the service any more, so that it does not snap back much later, and
 * those of services that are gone. Silence and missing reports drop nothing. Unchanged: the same object.
 */
export function dropSpentSwitchovers(doc: Intents, view: View): Intents {
  const facts = factsOf({ ...view, intents: doc });
  const kept = doc.switchovers.filter((each) => !isSpent(facts, each.service, each.to));
  return kept.length === doc.switchovers.length ? doc : { ...doc, switchovers: kept };
}

function applySwitchover(
  doc: Intents,
  facts: Facts,
  { service: name, to }: { readonly service: ServiceName; readonly to: NodeId | null },
): Applied {
  const service = facts.view.services.find((each) => each.name === name);
  if (service === undefined) return refused(`there is no service ${name}`);
  if (isInMaintenance(facts, name)) return refused(`${name} is in maintenance: nothing is moved`);
  const where = locate(facts, service);
  const here = where.kind === "active" || where.kind === "starting" ? where.node.id : null;
  if (here !== null && facts.maintenanceNodes.has(here)) {
    return refused(`${here} is in maintenance: nothing is moved away from it`);
  }
  if (to === null) {
    const best = bestOther(facts, service, here);
    if (best === null)
      return refused(`no other node can take ${name}${reasonsAgainst(facts, service, here)}`);
    return switchTo(doc, facts, { service, from: here, to: best });
  }
  const node = facts.nodes.get(to);
  if (node === undefined) return refused(`there is no node ${to}`);
  if (to === here) return switchTo(doc, facts, { service, from: here, to });
  const fitness = judgeTaking(facts, service, node);
  if (fitness.kind !== "fit" && !maySendTo(fitness))
    return refused(`${name} cannot move to ${to}: ${fitness.reason.text}`);
  return switchTo(doc, facts, { service, from: here, to });
}

interface Move {
  readonly service: ServiceConfig;
  readonly from: NodeId | null;
  readonly to: NodeId;
}

function switchTo(doc: Intents, facts: Facts, { service, from, to }: Move): Applied {
  const { name } = service;
  const pin = facts.switchovers.get(name) ?? null;
  if (from === to && (pin === null || pin === to))
    return { kind: "same", text: `${name} is on ${to} already` };
  if (pin === to) return { kind: "same", text: `${name} is on its way to ${to} already` };
  const others = doc.switchovers.filter((each) => each.service !== name);
  const next = canonicalIntents({ ...doc, switchovers: [...others, { service: name, to }] });
  const text =
    from === to ? `${name} stays on ${to}` : `${name} moves ${from === null ? "" : `from ${from} `}to ${to}`;
  return { kind: "changed", doc: next, text };
}

function bestOther(facts: Facts, service: ServiceConfig, here: NodeId | null): NodeId | null {
  const others = service.place.flatMap((id) => {
    const node = facts.nodes.get(id);
    return id === here || node === undefined ? [] : [{ id, fitness: judgeTaking(facts, service, node) }];
  });
  const fit = others.find(({ fitness }) => fitness.kind === "fit");
  return (fit ?? others.find(({ fitness }) => maySendTo(fitness)))?.id ?? null;
}

function reasonsAgainst(facts: Facts, service: ServiceConfig, here: NodeId | null): string {
  const texts = service.place.flatMap((id) => {
    const node = facts.nodes.get(id);
    if (id === here || node === undefined) return [];
    const fitness = judgeTaking(facts, service, node);
    return fitness.kind === "fit" ? [] : [fitness.reason.text];
  });
  return texts.length === 0 ? "" : `: ${texts.join("; ")}`;
}

function applyDrain(doc: Intents, facts: Facts, node: NodeId): Applied {
  if (!facts.nodes.has(node)) return refused(`there is no node ${node} that runs services`);
  if (facts.drained.has(node)) return { kind: "same", text: `${node} is drained already` };
  const switchovers = doc.switchovers.filter((each) => each.to !== node);
  const next = canonicalIntents({ ...doc, drained: [...doc.drained, node], switchovers });
  const parts = place({ ...facts.view, intents: next }).flatMap((decision) => leavingText(decision, node));
  return { kind: "changed", doc: next, text: [`${node} is drained`, ...parts].join("; ") };
}

/** What becomes of a service that the drained node has. */
function leavingText({ where, service, node: to, held }: Decision, node: NodeId): string[] {
  if ((where.kind !== "active" && where.kind !== "starting") || where.node.id !== node) return [];
  if (held) return [`${service} stays, since maintenance moves nothing`];
  if (to === node) return [`${service} has nowhere to go and stays until another node can take it`];
  return [to === null ? `${service} has nowhere to go and stops` : `${service} moves to ${to}`];
}

function applyUndrain(doc: Intents, facts: Facts, node: NodeId): Applied {
  // A node that was taken out of the configuration can still be cleared from the document.
  if (!facts.drained.has(node)) {
    return facts.nodes.has(node)
      ? { kind: "same", text: `${node} is not drained` }
      : refused(`there is no node ${node} that runs services`);
  }
  const next = canonicalIntents({ ...doc, drained: doc.drained.filter((each) => each !== node) });
  return { kind: "changed", doc: next, text: `${node} may have services again` };
}

function applyMaintenance(
  doc: Intents,
  facts: Facts,
  { on, target }: { readonly on: boolean; readonly target: MaintenanceTarget | null },
): Applied {
  const unknown = target === null || !on ? null : unknownTarget(facts, target);
  if (unknown !== null) return refused(unknown);
  const name = target === null ? "the cluster" : target.kind === "node" ? target.node : target.service;
  if (isMarked(doc, target) === on) {
    return { kind: "same", text: `${name} is ${on ? "in maintenance already" : "not in maintenance"}` };
  }
  const next = canonicalIntents(mark(doc, target, on));
  const text = on
    ? `${name} is in maintenance: everything is observed, nothing is touched`
    : `${name} is no longer in maintenance`;
  return { kind: "changed", doc: next, text };
}

function unknownTarget(facts: Facts, target: MaintenanceTarget): string | null {
  if (target.kind === "node") {
    return facts.nodes.has(target.node) ? null : `there is no node ${target.node} that runs services`;
  }
  const isKnown = facts.view.services.some((each) => each.name === target.service);
  return isKnown ? null : `there is no service ${target.service}`;
}

function isMarked(doc: Intents, target: MaintenanceTarget | null): boolean {
  if (target === null) return doc.maintenanceAll;
  return target.kind === "node"
    ? doc.maintenanceNodes.includes(target.node)
    : doc.maintenanceServices.includes(target.service);
}

function mark(doc: Intents, target: MaintenanceTarget | null, on: boolean): Intents {
  if (target === null) return { ...doc, maintenanceAll: on };
  return target.kind === "node"
    ? { ...doc, maintenanceNodes: withOrWithout(doc.maintenanceNodes, target.node, on) }
    : { ...doc, maintenanceServices: withOrWithout(doc.maintenanceServices, target.service, on) };
}

function isSpent(facts: Facts, name: ServiceName, to: NodeId): boolean {
  const service = facts.view.services.find((each) => each.name === name);
  const node = facts.nodes.get(to);
  if (service === undefined || node === undefined) return true;
  const where = locate(facts, service, [to]);
  if (where.kind === "active" && where.node === node)
    return judgeStaying(facts, service, node).kind !== "stays";
  const fitness = judgeTaking(facts, service, node);
  return fitness.kind === "unfit" && fitness.lasting;
}

const withOrWithout = <T>(list: readonly T[], item: T, on: boolean): T[] => [
  ...list.filter((each) => each !== item),
  ...(on ? [item] : []),
];

const sorted = <T extends string>(names: readonly T[]): T[] => [...new Set(names)].sort();

const refused = (reason: string): Applied => ({ kind: "refused", reason });
