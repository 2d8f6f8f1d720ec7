// A small world for the planner's stories and random walks: what nodes report, and nodes that obey directions.

import type { Failback, ResourceConfig, ServiceConfig } from "#model/config.ts";
import { type NodeId, nodeId, type ServiceName, serviceName } from "#model/ids.ts";
import type { Intents } from "#model/intents.ts";
import type { MemberStanding } from "#model/order.ts";
import type { HealthVerdict, Standing } from "#model/role.ts";
import { type Instant, instant, ms } from "#model/units.ts";
import { emptyIntents } from "../../src/engine/intents/document.ts";
import type { Directions, NodeView, ServiceView, View } from "../../src/engine/planner/view.ts";

export interface ToyNode {
  readonly id: NodeId;
  standing: MemberStanding;
  reach: "ok" | "none" | "unknown";
  leaving: boolean;
  reported: boolean;
  obeys: number | null;
  readonly services: Map<ServiceName, ToyService>;
}

export interface ToyService {
  standing: Standing | null;
  health: HealthVerdict;
  detail: string | null;
  orderedActive: number | null;
  activeSince: number | null;
  fitSince: Instant | null;
  failedAt: Instant | null;
  /** How often; counts only with `failedAt`. */
  failures: number;
  flaps: number;
  heldDown: boolean;
  stuck: boolean;
}

export interface ToyWorld {
  now: Instant;
  readonly services: ServiceConfig[];
  readonly nodes: ToyNode[];
  intents: Intents;
}

export interface ServiceWish {
  readonly name: string;
  readonly place: readonly string[];
  readonly failback?: Failback;
  readonly holds?: "grants" | "exclusive";
  readonly promotable?: boolean;
  readonly failureAge_ms?: number;
}

/** Every node is alive, has reported everything stopped and healthy, and is fit since instant 0. */
export function toyWorld(nodes: readonly string[], services: readonly ServiceWish[] = []): ToyWorld {
  const world: ToyWorld = { now: instant(3_600_000), services: [], nodes: [], intents: emptyIntents() };
  for (const name of nodes) {
    world.nodes.push({
      id: nodeId(name),
      standing: "alive",
      reach: "unknown",
      leaving: false,
      reported: true,
      obeys: 1,
      services: new Map(),
    });
  }
  for (const wish of services) addService(world, wish);
  return world;
}

export function addService(world: ToyWorld, wish: ServiceWish): void {
  const config = serviceOf(wish);
  world.services.push(config);
  for (const node of world.nodes) {
    if (config.place.includes(node.id)) node.services.set(config.name, restingService());
  }
}

export const restingService = (): ToyService => ({
  standing: "stopped",
  health: "healthy",
  detail: null,
  orderedActive: null,
  activeSince: null,
  fitSince: instant(0),
  failedAt: null,
  failures: 1,
  flaps: 0,
  heldDown: false,
  stuck: false,
});

export function viewOf(world: ToyWorld): View {
  return {
    now: world.now,
    services: world.services,
    nodes: world.nodes.map(nodeView),
    intents: world.intents,
    eager: false,
  };
}

/** The node takes its directions as its next order, carries them all out and reports. A node that cannot hear, does not. */
export function obey(node: ToyNode, directions: Directions): void {
  if (node.standing !== "alive" || !node.reported) return;
  const wanted = directions.wanted.get(node.id);
  node.obeys = (node.obeys ?? 0) + 1;
  for (const [name, service] of node.services) {
    const role = wanted?.get(name) ?? "stopped";
    orderActive(service, role === "active" ? node.obeys : null);
    // What is held down stays so until an order wants it stopped.
    if (role !== "active") service.heldDown = false;
    if (service.standing !== null) service.standing = service.heldDown ? "stopped" : role;
  }
}

/** Order `number` wants it active; null: the newest order does not. */
export function orderActive(seen: ToyService, number: number | null): void {
  seen.orderedActive = number ?? seen.orderedActive;
  seen.activeSince = number === null ? null : (seen.activeSince ?? number);
}

/** Everything observable in one text, to see whether anything changes. */
export const fingerprint = (world: ToyWorld): string =>
  JSON.stringify(
    world.nodes.map((node) => [node.id, ...[...node.services].map(([n, s]) => [n, s.standing])]),
  );

function nodeView({ id, standing, reach, leaving, reported, obeys, services }: ToyNode): NodeView {
  const views = [...services].map(([name, each]): [ServiceName, ServiceView] => [
    name,
    serviceView(name, each),
  ]);
  return {
    id,
    standing,
    reach,
    leaving,
    proof: null,
    hasLapsed: false,
    remedy: null,
    reported,
    obeys,
    services: new Map(views),
  };
}

function serviceView(service: ServiceName, each: ToyService): ServiceView {
  const { standing, health, detail, heldDown, stuck, ...seen } = each;
  const failures = seen.failedAt === null ? 0 : each.failures;
  const flaps = seen.failedAt === null ? 0 : each.flaps;
  const report =
    standing === null ? null : { service, standing, health, failures, flaps, stuck, heldDown, detail };
  const { orderedActive, activeSince, fitSince, failedAt } = seen;
  return { report, orderedActive, activeSince, fitSince, failedAt };
}

function serviceOf(wish: ServiceWish): ServiceConfig {
  return {
    name: serviceName(wish.name),
    place: wish.place.map(nodeId),
    failback: wish.failback ?? { kind: "manual" },
    resources: resourcesOf(wish),
    checks: [],
    restarts: { limit: 2, within: ms(60_000) },
    failureAge: ms(wish.failureAge_ms ?? 600_000),
    split: "proof",
  };
}

function resourcesOf({ holds, promotable }: ServiceWish): ResourceConfig[] {
  const timeout = ms(10_000);
  const command: ResourceConfig = {
    id: "database",
    kind: "command",
    start: ["start"],
    stop: ["stop"],
    probe: null,
    promote: promotable ? ["promote"] : null,
    demote: promotable ? ["demote"] : null,
    timeouts: { start: timeout, stop: timeout, probe: timeout, promote: timeout, demote: timeout },
    exclusive: holds === "exclusive",
  };
  const address: ResourceConfig = {
    id: "address",
    kind: "address",
    address: { ip: "10.77.0.100", prefix: 24, family: 4, device: null },
  };
  return holds === "exclusive" || promotable ? [command, address] : [address];
}
