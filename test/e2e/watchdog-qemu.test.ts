// The watchdog on whole machines: a kernel that resets when nobody feeds it, and a chip that does.
// How long each took is told, not judged, apart from what a watchdog must not do: fire early.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, type TestContext, test } from "node:test";
import type { Told } from "../../lab/guest/feeder.ts";
import { fetchKernel } from "../../lab/guest/kernel.ts";
import { bootMachine, type Machine, NODE, PROGRAM, type Watchdog } from "../../lab/guest/machine.ts";
import { monotonicMs, sleep, until } from "../../lab/shell.ts";
import { createWorld, down, isRunning, type World } from "../../lab/world.ts";
import { skip } from "./cluster.ts";

const TIMEOUT_MS = 4_000;
/** Longer than the timeout: whoever is still there then was fed, or needs no food. */
const OUTLIVES_MS = 5_000;
/** For a timer that cannot be stopped: the test is over before it fires. */
const ENDLESS_MS = 120_000;
/** The feeder feeds four times a second, or a little late. */
const EARLIER_MS = 1_000;
const RESET_MS = 30_000;
const FEEDER = `${PROGRAM}/feeder.ts`;
const feeder = readFileSync(new URL("../../lab/guest/feeder.ts", import.meta.url), "utf8");

describe("the watchdog of a real machine", { skip, timeout: 110_000, concurrency: 2 }, () => {
  let world: World;

  before(async () => {
    await fetchKernel();
    world = await createWorld({ hosts: ["chip", "dale"] });
  });

  after(async () => {
    if (world !== undefined) await down(world);
  });

  const boot = (host: string, watchdog: Watchdog) =>
    bootMachine(world, { host, watchdog, files: new Map([[FEEDER, feeder]]) });

  test("the kernel's own: fed, stopped by an orderly end, and a feeder that stands still costs the machine", async (t) => {
    const machine = await boot("chip", "softdog");
    const told = await feed(machine, OUTLIVES_MS);
    assert.deepEqual(told.armed, { kind: "armed", timeout: TIMEOUT_MS, identity: "Software Watchdog" });
    assert.equal(told.second.kind === "failed" && told.second.code, "EBUSY");
    assert.deepEqual([told.fed, told.disarmed], [true, true]);
    await sleep(OUTLIVES_MS);
    const reload = await machine.run("rmmod softdog && insmod /lib/modules/softdog.ko nowayout=1");
    assert.equal(reload.code, 0, `the machine is there long after the end: ${reload.output}`);
    const lasting = await feed(machine, 250, ENDLESS_MS);
    assert.deepEqual([lasting.fed, lasting.disarmed], [true, false], "with nowayout the timer goes on");
    await resets(t, machine, "STOP");
  });

  test("a chip: it is fed, and a feeder that is killed costs the machine", async (t) => {
    const machine = await boot("dale", "i6300esb");
    const told = await feed(machine, OUTLIVES_MS);
    assert.deepEqual(told.armed, { kind: "armed", timeout: TIMEOUT_MS, identity: "i6300ESB timer" });
    assert.deepEqual([told.fed, told.disarmed], [true, true]);
    await resets(t, machine, "KILL");
  });
});

/** Feeds it in the guest for so long, then ends in good order. */
async function feed(machine: Machine, forMs: number, timeoutMs = TIMEOUT_MS): Promise<Told> {
  const { code, output } = await machine.run(`${NODE} ${FEEDER} ${forMs} ${timeoutMs} 2> /dev/null`);
  assert.equal(code, 0, output);
  return JSON.parse(output) as Told;
}

/** Feeds it until the signal comes; then waits for the reset, which must not be early. */
async function resets(t: TestContext, machine: Machine, signal: "STOP" | "KILL"): Promise<void> {
  const { output } = await machine.run(
    `${NODE} ${FEEDER} 3600000 ${TIMEOUT_MS} > /tmp/told 2> /tmp/armed & echo $!
     until grep -qs armed /tmp/armed; do sleep 0.1; done`,
  );
  // From before the signal, which may reach a loaded machine late.
  const sinceMs = monotonicMs();
  const killed = await machine.run(`kill -${signal} ${output}`);
  assert.equal(killed.code, 0, killed.output);
  await until(() => !isRunning(machine.qemu), { withinMs: RESET_MS });
  const tookMs = monotonicMs() - sinceMs;
  assert.ok(
    !isRunning(machine.qemu),
    `no reset within ${RESET_MS} ms: ${readFileSync(machine.console, "utf8")}`,
  );
  t.diagnostic(`SIG${signal}: reset after ${(tookMs / 1e3).toFixed(1)} s, timeout ${TIMEOUT_MS / 1e3} s`);
  assert.ok(tookMs > TIMEOUT_MS - EARLIER_MS, `it was reset early, after ${tookMs} ms`);
}
