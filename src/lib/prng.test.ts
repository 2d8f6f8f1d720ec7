import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "./prng.ts";

const draw = (prng: Prng, count: number): number[] => Array.from({ length: count }, () => prng.uint32());

test("the numbers are those of sfc32, computed here with 64-bit integers", () => {
  let [a, b, c, counter] = [7n, 0n, 0n, 1n];
  const word = (n: bigint): bigint => BigInt.asUintN(32, n);
  const next = (): bigint => {
    const result = word(a + b + counter);
    counter = word(counter + 1n);
    a = b ^ (b >> 9n);
    b = word(c + (c << 3n));
    c = word(word((c << 21n) | (c >> 11n)) + result);
    return result;
  };
  for (let i = 0; i < 12; i++) next();
  assert.deepEqual(
    draw(Prng.from(7), 100),
    Array.from({ length: 100 }, () => Number(next())),
  );
});

test("equal seeds give equal streams, neighbouring and large seeds others", () => {
  assert.deepEqual(draw(Prng.from(1), 20), draw(Prng.from(1), 20));
  const firsts = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1].map((seed) => Prng.from(seed).uint32());
  assert.equal(new Set(firsts).size, firsts.length);
});

test("a split stream depends on seed and label, not on what was drawn before", () => {
  const fresh = Prng.from(5);
  const used = Prng.from(5);
  draw(used, 1000);
  assert.deepEqual(draw(fresh.split("network"), 5), draw(used.split("network"), 5));
  const labels = ["", "a", "b", "ab", "ba", "network", "disk"];
  const firsts = labels.map((label) => Prng.from(5).split(label).uint32());
  assert.equal(new Set(firsts).size, labels.length);
  assert.notEqual(Prng.from(6).split("a").uint32(), Prng.from(5).split("a").uint32());
  assert.notEqual(Prng.from(5).split("a").split("b").uint32(), Prng.from(5).split("b").split("a").uint32());
});

test("whole numbers stay below their limit and spread evenly", () => {
  const prng = Prng.from(11);
  const counts = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 60_000; i++) {
    const n = prng.int(6);
    counts[n] = (counts[n] ?? 0) + 1;
  }
  assert.equal(counts.length, 6);
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400, `${count}`);
});

test("a chance of 0 never comes, a chance of 1 always, and both draw one number", () => {
  const prng = Prng.from(3);
  const other = Prng.from(3);
  for (let i = 0; i < 100; i++) {
    assert.equal(prng.chance(0), false);
    assert.equal(prng.chance(1), true);
  }
  draw(other, 200);
  assert.equal(prng.uint32(), other.uint32());
});

test("a shuffle keeps every element and leaves the list alone", () => {
  const list = [1, 2, 3, 4, 5, 6, 7, 8];
  const shuffled = Prng.from(9).shuffle(list);
  assert.deepEqual(list, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.notDeepEqual(shuffled, list);
  assert.deepEqual([...shuffled].sort(), list);
  assert.ok(list.includes(Prng.from(9).pick(list)));
  assert.throws(() => Prng.from(9).pick([]));
});
