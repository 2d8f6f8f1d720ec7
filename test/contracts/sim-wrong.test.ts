// The simulator is itself tried: each known mistake must be caught within 1,000 seeds, and the right engine
// must survive the very seeds and faults that catch it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "../../src/sim/simulate.ts";
import { optionsFor, WRONG_VARIANTS } from "../../src/sim/wrong.ts";

const SEEDS = 1_000;
/** Of the seeds that were needed, so many are run with the right engine too, the one that caught it among them. */
const RIGHT_SEEDS = 40;

for (const variant of WRONG_VARIANTS) {
  test(`caught: ${variant.mistake}`, (t) => {
    const wrong = optionsFor(variant, true);
    let seed = 1;
    let violation = simulate({ ...wrong, seed }).violation;
    while (violation === null && seed < SEEDS) {
      seed += 1;
      violation = simulate({ ...wrong, seed }).violation;
    }
    assert.ok(violation !== null, `${variant.name} was not caught by ${SEEDS} seeds`);
    t.diagnostic(`${variant.name}: seed ${seed}, ${violation.invariant}: ${violation.text}`);
    const right = optionsFor(variant, false);
    for (let each = Math.max(1, seed - RIGHT_SEEDS + 1); each <= seed; each++) {
      assert.equal(simulate({ ...right, seed: each }).violation, null, `the right engine, seed ${each}`);
    }
  });
}
