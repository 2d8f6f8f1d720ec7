import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "#model/config.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import type { NodeReport } from "#model/order.ts";
import type { Standing } from "#model/role.ts";
import { instant, ms } from "#model/units.ts";
import { countLosses, type Losses, noteLosses } from "./losses.ts";

const CHIP = nodeId("chip");
const WEB = serviceName("web");
const CONFIG = { services: [{ name: WEB, failureAge: ms(60_000) }] } as unknown as Config;

const reportOf = (standing: Standing): NodeReport =>
  ({ node: CHIP, services: [{ service: WEB, standing }] }) as unknown as NodeReport;

const lose = (losses: Losses, standing: Standing, at: number): Losses =>
  noteLosses(losses, reportOf(standing), CONFIG, instant(at));

test("what was active in the session before was lost, until that has aged", () => {
  const losses = lose(lose(new Map(), "active", 1_000), "active", 31_000);
  assert.equal(countLosses(losses, CHIP, WEB, instant(31_000)), 2);
  assert.equal(countLosses(losses, CHIP, WEB, instant(61_000)), 1);
  assert.equal(countLosses(losses, CHIP, WEB, instant(91_000)), 0);
});

test("what was stopped was not lost, and a service that is gone is nobody's loss", () => {
  const none: Losses = new Map();
  for (const standing of ["stopped", "changing", "unknown"] as const)
    assert.equal(lose(none, standing, 1_000), none);
  assert.equal(
    countLosses(
      noteLosses(none, reportOf("active"), { services: [] } as unknown as Config, instant(1)),
      CHIP,
      WEB,
      instant(2),
    ),
    0,
  );
});

test("only the newest losses are kept", () => {
  let losses: Losses = new Map();
  for (let at = 0; at < 100; at++) losses = lose(losses, "active", at);
  assert.equal(countLosses(losses, CHIP, WEB, instant(200)), 20);
});
