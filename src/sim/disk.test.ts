import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreWritten } from "#ports/store.ts";
import { HostClock } from "./clock.ts";
import { Disk } from "./disk.ts";
import { Thread } from "./thread.ts";
import { World } from "./world.ts";

function disk(seed: number, mayDamage = false) {
  const world = new World(seed, false);
  const thread = new Thread(world, new HostClock(0, 0, 1), () => 0);
  const made = new Disk(world, world.chance("disk"), mayDamage);
  return { world, thread, disk: made, store: made.port(thread) };
}

test("a write answers once, later, in order, and is found", () => {
  const { world, store } = disk(1);
  const said: string[] = [];
  store.write("vote", "1", (w) => said.push(`1 ${w.kind}`));
  store.write("vote", "2", (w) => said.push(`2 ${w.kind}`));
  assert.deepEqual(said, []);
  assert.deepEqual(store.read("vote"), { kind: "absent" });
  world.runUntil(100);
  assert.deepEqual(said, ["1 done", "2 done"]);
  assert.deepEqual(store.read("vote"), { kind: "found", text: "2" });
});

test("a full disk keeps the old text, a failing one the old or the new", () => {
  const { world, disk: made, store } = disk(2);
  store.writeSync("vote", "old");
  made.state = "full";
  const said: StoreWritten["kind"][] = [];
  store.write("vote", "new", (w) => said.push(w.kind));
  world.runUntil(100);
  made.state = "failing";
  store.write("vote", "new", (w) => said.push(w.kind));
  world.runUntil(200);
  assert.equal(store.read("vote").kind, "failed");
  made.state = "well";
  assert.deepEqual(said, ["failed", "failed"]);
  assert.match(made.peek("vote") ?? "", /^(old|new)$/);
});

test("a crash during a write leaves the old text or the new one, and no answer comes", () => {
  const found = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const { world, thread, disk: made, store } = disk(seed);
    store.writeSync("vote", "old");
    store.write("vote", "new", () => assert.fail("the writer is dead"));
    thread.kill();
    assert.equal(made.crash(), 1);
    world.runUntil(100);
    found.add(made.peek("vote") ?? "");
  }
  assert.deepEqual([...found].sort(), ["new", "old"]);
});
