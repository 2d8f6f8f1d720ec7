import assert from "node:assert/strict";
import { test } from "node:test";
import { PROFILES } from "./profiles.ts";
import { DEFAULTS, simulate } from "./simulate.ts";
import { optionsFor, WRONG_VARIANTS } from "./wrong.ts";

test("the same seed gives the same trace, with and without lines; another seed another", () => {
  const first = simulate({ ...DEFAULTS, seed: 11, seconds: 20 });
  const again = simulate({ ...DEFAULTS, seed: 11, seconds: 20, keepsLines: true });
  assert.equal(first.hash, again.hash);
  assert.equal(first.events, again.events);
  assert.ok(again.lines.length > 20 && first.lines.length === 0);
  assert.notEqual(simulate({ ...DEFAULTS, seed: 12, seconds: 20 }).hash, first.hash);
});

test("without faults nothing moves, nobody lapses and the leader stays", () => {
  for (const voters of [2, 3, 4, 5] as const) {
    for (let seed = 1; seed <= 3; seed++) {
      const result = simulate({ ...DEFAULTS, seed, voters, seconds: 30, profile: PROFILES.calm });
      assert.equal(result.violation, null, `${voters} voters, seed ${seed}`);
    }
  }
});

test("a few seeds of faults hold, with any number of voters", () => {
  for (const voters of [2, 3, 4, 5] as const) {
    for (let seed = 1; seed <= 6; seed++) {
      const result = simulate({ ...DEFAULTS, seed, voters, seconds: 30 });
      assert.equal(result.violation, null, `${voters} voters, seed ${seed}`);
    }
  }
});

test("the mistakes that show at once are caught within a few dozen seeds", () => {
  const quick = [
    "counted-from-receipt",
    "cached-statements",
    "drift-ignored",
    "terms-not-stored",
    "ignores-exclusivity",
  ];
  for (const variant of WRONG_VARIANTS.filter((v) => quick.includes(v.name))) {
    let seed = 1;
    while (seed <= 40 && simulate({ ...optionsFor(variant, true), seed }).violation === null) seed += 1;
    assert.ok(seed <= 40, variant.name);
  }
});
