import assert from "node:assert/strict";
import { test } from "node:test";
import { HostClock } from "./clock.ts";

test("a clock runs at its rate, never steps and tells when it will show something", () => {
  const clock = new HostClock(0, 5_000, 1.1);
  assert.equal(clock.read(0), 5_000);
  assert.ok(Math.abs(clock.read(1_000) - 6_100) < 1e-9);
  clock.slew(1_000, 0.9);
  assert.ok(Math.abs(clock.read(1_000) - 6_100) < 1e-9);
  assert.ok(Math.abs(clock.read(2_000) - 7_000) < 1e-9);
  assert.ok(Math.abs(clock.whenShows(clock.read(1_500)) - 1_500) < 1e-9);
});
