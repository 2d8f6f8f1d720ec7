import assert from "node:assert/strict";
import { test } from "node:test";
import { pauseAfter } from "./pauses.ts";

test("the first try comes at once, every further pause is longer, until they stop growing", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(pauseAfter), [0, 0, 10_000, 30_000, 70_000, 150_000]);
  assert.equal(pauseAfter(1_000), pauseAfter(7));
});
