// The view, indexed for the planner's questions: who is drained, what is in maintenance, where a service is.

import type { ServiceConfig } from "#model/config.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { NodeView, ServiceView, View } from "./view.ts";

export interface Facts {
  readonly view: View;
  readonly nodes: ReadonlyMap<NodeId, NodeView>;
  readonly drained: ReadonlySet<NodeId>;
  readonly maintenanceNodes: ReadonlySet<NodeId>;
  readonly maintenanceServices: ReadonlySet<ServiceName>;
  /** Where operators moved services. */
  readonly switchovers: ReadonlyMap<ServiceName, NodeId>;
}

export function factsOf(view: View): Facts {
  const { intents } = view;
  return {
    view,
    nodes: new Map(view.nodes.map((node) => [node.id, node])),
    drained: new Set(intents.drained),
    maintenanceNodes: new Set(intents.maintenanceNodes),
    maintenanceServices: new Set(intents.maintenanceServices),
    switchovers: new Map(intents.switchovers.map((each) => [each.service, each.to])),
  };
}

/**
 * Where a service is, as far as this leader was told.
 *
 * active: the node reports it active, and did not lapse. starting: it obeys an order to make it active.
 * lost: the node that last reported it active lapsed or left. nowhere: no node of this term reported it.
 */
export type Whereabouts =
  | { readonly kind: "active"; readonly node: NodeView; readonly also: readonly NodeView[] }
  | { readonly kind: "starting"; readonly node: NodeView }
  | { readonly kind: "lost"; readonly node: NodeView }
  | { readonly kind: "nowhere" };

/** Of several that report it active, the one earliest in `preference` counts; `also` are the others. */
export function locate(
  facts: Facts,
  service: ServiceConfig,
  preference: readonly NodeId[] = service.place,
): Whereabouts {
  const present = facts.view.nodes.filter(isPresent);
  const active = present.filter((node) => standingOn(node, service.name) === "active");
  const first = firstBy(preference, active);
  if (first !== null) return { kind: "active", node: first, also: active.filter((node) => node !== first) };
  const starting = firstBy(
    preference,
    present.filter((node) => isStarting(node, service.name)),
  );
  if (starting !== null) return { kind: "starting", node: starting };
  const gone = facts.view.nodes.filter((node) => !isPresent(node));
  const lost = firstBy(
    preference,
    gone.filter((node) => standingOn(node, service.name) === "active"),
  );
  return lost === null ? { kind: "nowhere" } : { kind: "lost", node: lost };
}

const UNSEEN: ServiceView = {
  report: null,
  orderedActive: null,
  activeSince: null,
  fitSince: null,
  failedAt: null,
};

export const serviceOn = (node: NodeView, service: ServiceName): ServiceView =>
  node.services.get(service) ?? UNSEEN;

export const standingOn = (node: NodeView, service: ServiceName) =>
  serviceOn(node, service).report?.standing ?? null;

/** Not proved to be gone: a silent node may still act. */
export const isPresent = (node: NodeView): boolean => node.standing === "alive" || node.standing === "silent";

/** It obeys an order that wants the service active, every order since wants the same, and it did not give up. */
export function isStarting(node: NodeView, service: ServiceName): boolean {
  const { report, activeSince } = serviceOn(node, service);
  const wasStarted =
    report !== null && !report.heldDown && report.standing !== "unknown" && report.standing !== "active";
  return wasStarted && activeSince !== null && node.obeys !== null && node.obeys >= activeSince;
}

/** It gave the service up, and waits for an order that wants it stopped. */
export const isHeldDown = (node: NodeView, service: ServiceName): boolean =>
  serviceOn(node, service).report?.heldDown === true;

export function isInMaintenance(facts: Facts, service: ServiceName): boolean {
  return facts.view.intents.maintenanceAll || facts.maintenanceServices.has(service);
}

/** Does it run as standby where it is not active? */
export const isPromotable = (service: ServiceConfig): boolean =>
  service.resources.some((resource) => resource.kind === "command" && resource.promote !== null);

/** The position in `place`; a node that is not in it comes after all others. */
export function rankIn(place: readonly NodeId[], node: NodeId): number {
  const index = place.indexOf(node);
  return index < 0 ? place.length : index;
}

/** "chip", "chip and dale", "chip, dale and eagle". */
export function listNames(names: readonly string[]): string {
  const last = names.at(-1) ?? "nobody";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

function firstBy(preference: readonly NodeId[], nodes: readonly NodeView[]): NodeView | null {
  let best: NodeView | null = null;
  for (const node of nodes) {
    if (best === null || rankIn(preference, node.id) < rankIn(preference, best.id)) best = node;
  }
  return best;
}
