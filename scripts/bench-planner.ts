// Prints how long one plan takes: 100 services on 5 nodes, then twice and four times as many services.
// Usage: node scripts/bench-planner.ts

import { plan } from "#engine/planner/plan.ts";
import type { NodeView, ServiceView, View } from "#engine/planner/view.ts";
import type { ServiceConfig } from "#model/config.ts";
import { type NodeId, nodeId, type ServiceName, serviceName } from "#model/ids.ts";
import { instant, ms, term } from "#model/units.ts";

const NODES = ["chip", "dale", "eagle", "fox", "gnu"].map(nodeId);
const ROUNDS = 200;

const sizes = [100, 200, 400];
const medians = sizes.map((size) => medianOf(viewWith(size)));
for (const [index, size] of sizes.entries()) {
  const now = medians[index] ?? 0;
  const before = medians[index - 1];
  const ratio = before === undefined ? "" : `  ${(now / before).toFixed(2)} times the one before`;
  console.log(`${size} services on ${NODES.length} nodes: ${now.toFixed(3)} ms${ratio}`);
}

/** The median of many plans of the same view, in milliseconds, after as many to warm up. */
function medianOf(view: View): number {
  const times: number[] = [];
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const start = performance.now();
    plan(view);
    if (round >= ROUNDS) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return times[ROUNDS / 2] ?? 0;
}

/** A bad day: one node dead, one drained, some services failing, some moved by operators. */
function viewWith(count: number): View {
  const services = Array.from({ length: count }, (_, index) => serviceConfig(index));
  return {
    now: instant(1_000_000),
    services,
    nodes: NODES.map((id, index) => nodeView(id, index, services)),
    eager: false,
    intents: {
      version: { term: term(1), number: 1 },
      maintenanceAll: false,
      maintenanceNodes: [],
      maintenanceServices: services.filter((_, index) => index % 17 === 0).map((each) => each.name),
      drained: NODES.slice(1, 2),
      switchovers: services
        .filter((_, index) => index % 5 === 0)
        .map(({ name, place: [, to] }) => ({ service: name, to: to ?? nodeId("chip") })),
    },
  };
}

function serviceConfig(index: number): ServiceConfig {
  const first = index % NODES.length;
  return {
    name: serviceName(`service-${index}`),
    place: [...NODES.slice(first), ...NODES.slice(0, first)],
    failback: index % 2 === 0 ? { kind: "manual" } : { kind: "after", delay: ms(60_000) },
    resources: [
      {
        id: "address",
        kind: "address",
        address: { ip: `10.0.${index >> 8}.${index & 255}`, prefix: 24, family: 4, device: null },
      },
    ],
    checks: [],
    restarts: { limit: 2, within: ms(60_000) },
    failureAge: ms(600_000),
    split: "proof",
  };
}

function nodeView(id: NodeId, position: number, services: readonly ServiceConfig[]): NodeView {
  const views = services.map(({ name, place }, index): [ServiceName, ServiceView] => {
    const isActive = place[index % 2] === id;
    const health = (index + position) % 7 === 0 ? "failing" : "healthy";
    const standing = isActive ? "active" : "stopped";
    return [
      name,
      {
        report: {
          service: name,
          standing,
          health,
          failures: 0,
          flaps: 0,
          stuck: false,
          heldDown: false,
          detail: null,
        },
        orderedActive: isActive ? 1 : null,
        activeSince: isActive ? 1 : null,
        fitSince: instant(950_000 + index),
        failedAt: (index + position) % 11 === 0 ? instant(900_000) : null,
      },
    ];
  });
  return {
    id,
    standing: position === 0 ? "excluded" : "alive",
    reach: "ok",
    leaving: false,
    proof: null,
    hasLapsed: false,
    remedy: null,
    reported: true,
    obeys: 1,
    services: new Map(views),
  };
}
