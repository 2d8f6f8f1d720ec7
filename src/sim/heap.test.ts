import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "#lib/prng.ts";
import { EventHeap } from "./heap.ts";

test("events come out by time, those of one time in the order in which they were put in", () => {
  const heap = new EventHeap();
  const prng = Prng.from(1);
  const expected: { at: number; order: number }[] = [];
  const got: { at: number; order: number }[] = [];
  for (let order = 0; order < 500; order++) {
    const at = prng.int(40);
    expected.push({ at, order });
    heap.push(at, () => got.push({ at, order }));
  }
  expected.sort((a, b) => a.at - b.at || a.order - b.order);
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) next.run();
  assert.deepEqual(got, expected);
  assert.equal(heap.size, 0);
});

test("pushing and popping in turns keeps the order", () => {
  const heap = new EventHeap();
  const prng = Prng.from(2);
  let now = 0;
  for (let i = 0; i < 50; i++) heap.push(prng.int(100), () => {});
  for (let i = 0; i < 2_000; i++) {
    const next = heap.pop();
    assert.ok(next !== undefined && next.at >= now);
    now = next.at;
    heap.push(now + prng.int(100), () => {});
  }
});
