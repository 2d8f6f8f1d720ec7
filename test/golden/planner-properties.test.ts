// What must hold for every view, tried on thousands of random ones. A failure names its seed.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceName } from "#model/ids.ts";
import { instant } from "#model/units.ts";
import { emptyIntents } from "../../src/engine/intents/document.ts";
import { isStarting, standingOn } from "../../src/engine/planner/facts.ts";
import { plan } from "../../src/engine/planner/plan.ts";
import { holdsOf, judgeTakeover } from "../../src/engine/planner/takeover.ts";
import type { View } from "../../src/engine/planner/view.ts";
import { Prng } from "../../src/lib/prng.ts";
import {
  comeBack,
  direct,
  holders,
  report,
  startWalk,
  takeOrder,
  takeReport,
  takeStep,
  type Walk,
  work,
} from "./planner-walk.ts";
import { fingerprint, obey, type ServiceWish, type ToyWorld, toyWorld, viewOf } from "./planner-world.ts";

const NAMES = ["chip", "dale", "eagle", "fox", "gnu"];

function randomWorld(prng: Prng): ToyWorld {
  const nodes = NAMES.slice(0, 2 + prng.int(4));
  const count = 1 + prng.int(3);
  const services = Array.from({ length: count }, (_, index): ServiceWish => {
    const place = prng.shuffle(nodes).slice(0, 1 + prng.int(nodes.length));
    const failback = prng.pick([{ kind: "manual" }, { kind: "auto" }] as const);
    const holds = prng.pick(["grants", "exclusive"] as const);
    return { name: `s${index}`, place, failback, holds, promotable: prng.chance(0.3), failureAge_ms: 30_000 };
  });
  return toyWorld(nodes, services);
}

function wantedActive(view: View, service: ServiceName): string[] {
  const { wanted } = plan(view).directions;
  return view.nodes.filter(({ id }) => wanted.get(id)?.get(service) === "active").map(({ id }) => id);
}

/** Any view at all, also such as no cluster could ever show. */
function randomView(prng: Prng): View {
  const world = randomWorld(prng);
  for (const node of world.nodes) {
    node.standing = prng.pick(["alive", "alive", "alive", "silent", "excluded", "left"]);
    node.reported = prng.chance(0.8);
    node.obeys = prng.pick([null, 1, 2, 3]);
    node.leaving = prng.chance(0.1);
    node.reach = prng.pick(["ok", "none", "unknown"]);
    for (const seen of node.services.values()) {
      seen.standing = node.reported
        ? prng.pick(["stopped", "standby", "active", "changing", "unknown"])
        : null;
      seen.health = prng.pick(["healthy", "healthy", "failing", "unknown"]);
      seen.orderedActive = prng.pick([null, 1, 2, 3]);
      seen.activeSince = seen.orderedActive !== null && prng.chance(0.5) ? seen.orderedActive : null;
      seen.failedAt = prng.chance(0.2) ? instant(world.now - prng.int(60_000)) : null;
      seen.fitSince = prng.chance(0.5) ? instant(world.now - prng.int(60_000)) : null;
    }
  }
  const some = <T>(list: readonly T[]): T[] => list.filter(() => prng.chance(0.15));
  const services = world.services.map((each) => each.name);
  const ids = world.nodes.map((each) => each.id);
  world.intents = {
    ...emptyIntents(),
    maintenanceAll: prng.chance(0.05),
    maintenanceNodes: some(ids),
    maintenanceServices: some(services),
    drained: some(ids),
    switchovers: some(services).map((service) => ({ service, to: prng.pick(ids) })),
  };
  return viewOf(world);
}

test("any view at all: at most one node is wanted active, the new ones only with proof, and always with a reason", () => {
  for (let seed = 0; seed < 4_000; seed++) {
    const view = randomView(Prng.from(seed));
    const { placements, directions } = plan(view);
    for (const [index, { name, place }] of view.services.entries()) {
      const active = wantedActive(view, name);
      assert.ok(active.length <= 1, `seed ${seed}: ${name} wanted active on ${active}`);
      const placement = placements[index];
      const others = place.filter((id) => id !== placement?.node);
      assert.equal(placement?.reasons.length, 1 + others.length, `seed ${seed}: a reason for each node`);
      const node = view.nodes.find(({ id }) => id === active[0]);
      if (node === undefined || standingOn(node, name) === "active" || isStarting(node, name)) continue;
      const holds = holdsOf(view.services[index] as (typeof view.services)[number]);
      for (const other of view.nodes) {
        const isProved = other === node || judgeTakeover(name, holds, other).proved;
        assert.ok(isProved, `seed ${seed}: ${name} wanted active on ${node.id}, unproved ${other.id}`);
      }
      assert.equal(directions.waiting.has(name), false, `seed ${seed}: nothing is waited for`);
    }
  }
});

test("the same view gives the same plan", () => {
  for (let seed = 0; seed < 300; seed++) {
    assert.deepEqual(plan(randomView(Prng.from(seed))), plan(randomView(Prng.from(seed))));
  }
});

test("nodes that obey reach the targets, and then nothing moves any more", () => {
  for (let seed = 0; seed < 1_000; seed++) {
    const prng = Prng.from(seed);
    const world = randomWorld(prng);
    for (const node of world.nodes) {
      for (const seen of node.services.values())
        seen.standing = prng.pick(["stopped", "stopped", "active", "changing"]);
      if (prng.chance(0.2)) for (const seen of node.services.values()) seen.health = "failing";
    }
    settle(world);
    const before = fingerprint(world);
    const { targets, placements, directions } = plan(viewOf(world));
    for (const [index, target] of targets.entries()) {
      assert.equal(placements[index]?.active ?? null, target.node, `seed ${seed}: ${target.service}`);
    }
    assert.equal(directions.waiting.size, 0, `seed ${seed}`);
    settle(world);
    assert.equal(fingerprint(world), before, `seed ${seed}: nothing moves`);
  }
});

/** Eight rounds are more than any move takes: stop, start, and return to the preferred node. */
function settle(world: ToyWorld): void {
  for (let round = 0; round < 8; round++) {
    const { directions } = plan(viewOf(world));
    for (const node of world.nodes) obey(node, directions);
  }
}

test("orders and reports late, lost and out of order: never two actives, and afterwards every service runs", () => {
  for (let seed = 0; seed < 500; seed++) {
    const prng = Prng.from(seed);
    const walk = startWalk(randomWorld(prng.split("world")), prng.split("walk"));
    for (let step = 0; step < 500; step++) {
      takeStep(walk);
      for (const { name } of walk.world.services) {
        const on = holders(walk, name);
        assert.ok(
          on.length <= 1,
          `seed ${seed}, step ${step}: ${name} on ${on}\n${walk.trace.slice(-40).join("\n")}`,
        );
      }
    }
    endFaults(walk);
    for (const { name, place } of walk.world.services) {
      assert.equal(holders(walk, name).length, 1, `seed ${seed}: ${name} runs on one of ${place}`);
      assert.deepEqual(wantedActive(viewOf(walk.world), name), holders(walk, name), `seed ${seed}`);
    }
  }
});

/** No more faults and no more wishes: everybody hears everybody, in order. */
function endFaults(walk: Walk): void {
  const { world, truths } = walk;
  world.intents = emptyIntents();
  walk.orders = [];
  walk.reports = [];
  for (const node of world.nodes) {
    const truth = truths.get(node.id);
    if (truth !== undefined) comeBack(walk, node, truth);
    Object.assign(node, { leaving: false, reach: "ok" });
    for (const seen of node.services.values()) Object.assign(seen, { health: "healthy", failedAt: null });
  }
  for (let round = 0; round < 80; round++) {
    for (const node of world.nodes) {
      const truth = truths.get(node.id);
      if (truth === undefined) continue;
      for (const order of walk.orders) if (order.to === node.id) takeOrder(truth, order);
      work(walk, node, truth);
      report(walk, node, truth);
    }
    for (const each of walk.reports) takeReport(walk, each);
    walk.orders = [];
    walk.reports = [];
    direct(walk);
  }
}
