import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, nearest } from "./nearest.ts";

test("insertions, deletions, replacements and swaps cost one each", () => {
  const pairs: [string, string, number][] = [
    ["", "", 0],
    ["abc", "abc", 0],
    ["abc", "ac", 1],
    ["ac", "abc", 1],
    ["abc", "axc", 1],
    ["abc", "bac", 1],
    ["kitten", "sitting", 3],
    ["", "abc", 3],
  ];
  for (const [a, b, distance] of pairs) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
});

test("a near word is suggested, a far one is not", () => {
  assert.equal(nearest("servces", ["version", "services"]), "services");
  assert.equal(nearest("Place", ["place"]), "place");
  assert.equal(nearest("web3", ["web1", "web2"]), "web1");
  assert.equal(nearest("database", ["version", "services"]), null);
});
