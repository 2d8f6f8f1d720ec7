import assert from "node:assert/strict";
import { test } from "node:test";
import { foreignProtocol, foreignText, IS_AHEAD, OWN, oldestFor, understands } from "./protocol.ts";

test("two programs understand each other exactly when they are one version apart or none, either way", () => {
  const spoken = (protocol: number) => ({ protocol, oldest: oldestFor(protocol) });
  for (let a = OWN.protocol; a < OWN.protocol + 5; a++) {
    for (let b = OWN.protocol; b < OWN.protocol + 5; b++) {
      const isNear = Math.abs(a - b) <= 1;
      assert.equal(understands(spoken(a), b, oldestFor(b)), isNear, `${a} and ${b}`);
    }
  }
});

test("what either says of itself counts, however near it is", () => {
  assert.equal(understands({ protocol: 7, oldest: 6 }, 8, 8), false);
  assert.equal(understands({ protocol: 8, oldest: 8 }, 7, 6), false);
});

test("a body tells what its sender speaks only when that is not understood", () => {
  assert.equal(foreignProtocol(Uint8Array.of(OWN.protocol, OWN.oldest)), null);
  assert.equal(foreignProtocol(Uint8Array.of(OWN.protocol + 2, OWN.protocol + 1)), OWN.protocol + 2);
  // The first versions had no second number.
  assert.equal(foreignProtocol(Uint8Array.of(1)), 1);
  for (const none of [[], [0, 0], [OWN.protocol]]) assert.equal(foreignProtocol(Uint8Array.from(none)), null);
});

test("the sentence names both versions and the way out; a program of this checkout is not ahead", () => {
  const text = `dale speaks protocol ${OWN.protocol + 2}, this one speaks ${OWN.protocol}: upgrade one version at a time`;
  assert.equal(foreignText("dale", OWN.protocol + 2), text);
  assert.equal(IS_AHEAD, false);
});
