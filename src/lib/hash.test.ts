import assert from "node:assert/strict";
import { test } from "node:test";
import { hash64 } from "./hash.ts";

test("the hash is 16 hex digits and starts from the FNV offset", () => {
  assert.equal(hash64(""), "cbf29ce484222325");
  // FNV-1a over the bytes 61 00, computed by the naive loop over BigInt without truncation between steps.
  let naive = 0xcbf29ce484222325n;
  for (const byte of [0x61n, 0n]) naive = ((naive ^ byte) * 0x100000001b3n) % 2n ** 64n;
  assert.equal(hash64("a"), naive.toString(16).padStart(16, "0"));
});

test("texts that differ in one letter, or in order, have different hashes", () => {
  const hashes = ["ab", "ba", "aB", "ab ", "aƀ"].map(hash64);
  assert.equal(new Set(hashes).size, hashes.length);
});
