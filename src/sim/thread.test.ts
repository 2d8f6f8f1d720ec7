import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "#model/units.ts";
import { HostClock } from "./clock.ts";
import { Thread } from "./thread.ts";
import { World } from "./world.ts";

function thread(rate = 1) {
  const world = new World(1, false);
  const made = new Thread(world, new HostClock(0, 1_000, rate), () => 0);
  const log: string[] = [];
  made.onWake(() => log.push(`wake ${Math.round(world.now)}`));
  return { world, thread: made, clock: made.port(), log };
}

test("it is woken once, by its own clock, and a later call replaces an earlier one", () => {
  const { world, clock, log } = thread(1.1);
  clock.wakeAt(instant(1_500));
  clock.wakeAt(instant(1_110));
  world.runUntil(2_000);
  assert.deepEqual(log, ["wake 100"]);
});

test("who was held up reads the mail first, in order, and is woken then", () => {
  const { world, thread: made, clock, log } = thread();
  clock.wakeAt(instant(1_100));
  made.hold();
  world.at(50, () => made.deliver(() => log.push("first")));
  world.at(200, () => made.deliver(() => log.push("second")));
  world.at(300, () => made.release());
  world.runUntil(1_000);
  assert.deepEqual(log, ["first", "second", "wake 300"]);
});

test("holds add up, and the dead take nothing", () => {
  const { world, thread: made, clock, log } = thread();
  made.hold();
  made.hold();
  made.deliver(() => log.push("mail"));
  made.release();
  assert.equal(log.length, 0);
  made.release();
  assert.deepEqual(log, ["mail"]);
  clock.wakeAt(instant(1_500));
  made.kill();
  made.deliver(() => log.push("late"));
  world.runUntil(2_000);
  assert.deepEqual(log, ["mail"]);
});

test("who is woken for nothing and asks for it again is found out", () => {
  const { world, thread: made, clock } = thread();
  made.onWake(() => clock.wakeAt(instant(clock.now() + 1)));
  clock.wakeAt(clock.now());
  assert.throws(() => world.runUntil(2_000), /woken 251 times within a second/);
});
