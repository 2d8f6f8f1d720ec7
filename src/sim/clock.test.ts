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

test("a clock stands still while its host sleeps, and shows afterwards for how long", () => {
  const clock = new HostClock(0, 5_000, 1.1);
  clock.sleep(1_000);
  assert.deepEqual([clock.read(9_000), clock.slept, clock.isAsleep], [clock.read(1_000), 0, true]);
  clock.wake(4_000);
  assert.deepEqual([clock.slept, clock.isAsleep], [3_000, false]);
  assert.ok(Math.abs(clock.read(5_000) - 7_200) < 1e-9);
});
