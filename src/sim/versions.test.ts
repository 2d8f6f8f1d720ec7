import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "#model/ids.ts";
import type { Pulse } from "#model/pulse.ts";
import { ms } from "#model/units.ts";
import { voiceOf } from "./versions.ts";
import { World } from "./world.ts";

const armed = { watchdog: ms(5_000) } as Pulse;

test("in some runs lives are of the version before, others not, and a restart may change it", () => {
  const kinds = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const world = new World(seed, false);
    const lives = [1, 2, 3, 4, 5, 6].map(
      (boot) => voiceOf(world, nodeId("a"), boot).pulse(armed).watchdog === null,
    );
    const again = [1, 2, 3, 4, 5, 6].map(
      (boot) => voiceOf(world, nodeId("a"), boot).pulse(armed).watchdog === null,
    );
    assert.deepEqual(again, lives);
    kinds.add(lives.includes(true) ? (lives.includes(false) ? "mixed" : "older") : "present");
  }
  assert.ok(kinds.has("mixed") && kinds.has("present"));
});

test("the version before tells the others no proofs, and itself all it knows", () => {
  const world = [...Array(60).keys()].map((seed) => new World(seed, false));
  const voice = world
    .map((each) => voiceOf(each, nodeId("a"), 1))
    .find((each) => each.pulse(armed).watchdog === null);
  const proof = { node: nodeId("b"), boot: 1, lapses: null, kind: "fenced", sentence: "off" } as const;
  const message = {
    kind: "report",
    report: { services: [{ stuck: true, heldDown: true, flaps: 2 }], proofs: [proof] },
  } as never;
  assert.deepEqual(voice?.message(message, nodeId("c")), {
    kind: "report",
    report: { services: [{ stuck: false, heldDown: false, flaps: 0 }], proofs: [] },
  });
  assert.equal(voice?.message(message, nodeId("a")), message);
});
