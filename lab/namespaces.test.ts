import assert from "node:assert/strict";
import { test } from "node:test";
import { leftoversAmong, nextPrefix, ownerOf, stateOf } from "./namespaces.ts";

test("a prefix carries our pid and no two are the same", () => {
  const [first, second] = [nextPrefix(), nextPrefix()];
  assert.notEqual(first, second);
  assert.equal(ownerOf(`${first}chip`), process.pid);
});

test("only what a dead lab made is a leftover", () => {
  const names = ["us10a-chip", "us11a-chip", "us11b-switch", "web", "us-chip", "us11-chip", "bus11a-chip"];
  assert.deepEqual(
    leftoversAmong(names, (pid) => pid === 10),
    ["us11a-chip", "us11b-switch"],
  );
});

test("a process that is not there has no state", () => {
  assert.equal(stateOf(2 ** 22 + 1), null);
  assert.match(stateOf(process.pid) ?? "", /[RSD]/);
});
