import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceConfig, ServiceConfig } from "#model/config.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import type { Order } from "#model/order.ts";
import type { Role } from "#model/role.ts";
import { instant, ms, plus, term } from "#model/units.ts";
import { countFlaps, foldCheck, foldOrder, giveUp } from "./fold.ts";
import { newRun, type ServiceRun } from "./run.ts";

const NOW = instant(1_000_000);
const CHECK = { id: "http", kind: "http", rise: 1, fall: 1 } as ServiceConfig["checks"][number];

const ADDRESS = {
  id: "ip",
  kind: "address",
  address: { ip: "10.77.0.100", prefix: 24, family: 4, device: null },
} as const satisfies ResourceConfig;

function runOf(resource: ResourceConfig): ServiceRun {
  const config: ServiceConfig = {
    name: serviceName("web"),
    place: [nodeId("a"), nodeId("b")],
    failback: { kind: "manual" },
    resources: [resource],
    checks: [CHECK],
    restarts: { limit: 0, within: ms(10_000) },
    failureAge: ms(60_000),
    split: "proof",
  };
  return newRun(config, NOW);
}

function orderOf(role: Role): Order {
  return {
    id: { term: term(1), number: 1 },
    to: nodeId("a"),
    session: { boot: 1, lapses: 0 },
    wanted: [{ service: serviceName("web"), role }],
  };
}

const active = (run: ServiceRun): ServiceRun => ({
  ...run,
  wanted: "active",
  resources: run.resources.map(() => "started"),
});

test("what failed stays down however often it is ordered again, until an order wants it stopped", () => {
  const failed = giveUp(active(runOf(ADDRESS)), NOW);
  const again = foldOrder(failed, orderOf("active"));
  assert.equal(again.heldDown, true);
  const stopped = foldOrder(again, orderOf("stopped"));
  assert.equal(stopped.heldDown, false);
  assert.equal(foldOrder(stopped, orderOf("active")).heldDown, false);
});

test("a standby that failed to start is held down by the very order that wants it, too", () => {
  const standby: ServiceRun = { ...runOf(ADDRESS), wanted: "standby" };
  assert.equal(foldOrder(giveUp(standby, NOW), orderOf("standby")).heldDown, true);
  assert.equal(foldOrder(giveUp(active(standby), NOW), orderOf("standby")).heldDown, false);
});

test("checks that fail behind a bare address are counted, and nothing is held down", () => {
  const find = (run: ServiceRun, finding: "good" | "bad", at: number) =>
    foldCheck(run, "http", finding, "said so", instant(at));
  let run = active(runOf(ADDRESS));
  run = { ...run, checks: run.checks.map((check) => ({ ...check, graceUntil: NOW })) };
  for (const at of [1, 2]) {
    run = find(run, "good", NOW + at * 1_000);
    run = find(run, "bad", NOW + at * 1_000 + 1);
  }
  assert.equal(countFlaps(run, plus(NOW, ms(3_000))), 2);
  assert.equal(run.heldDown, false);
  assert.equal(countFlaps(run, plus(NOW, ms(61_500))), 1);
});

test("checks that fail where it is not active are no flap", () => {
  const run = { ...runOf(ADDRESS), checks: runOf(ADDRESS).checks.map((c) => ({ ...c, graceUntil: NOW })) };
  assert.equal(countFlaps(foldCheck(run, "http", "bad", "no", plus(NOW, ms(1))), plus(NOW, ms(1))), 0);
});
