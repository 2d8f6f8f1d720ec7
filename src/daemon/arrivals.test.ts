import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReceivedPulse } from "#ports/pulse.ts";
import { pulseFrom } from "../../test/helpers/keeper.ts";
import { turnsOf } from "./arrivals.ts";

const from = (node: string, number: number, link = 0): ReceivedPulse => ({
  pulse: pulseFrom(node, { number }),
  link,
});

const sizes = (received: readonly ReceivedPulse[]) => turnsOf(received).map((turn) => turn.length);

test("pulses of several senders and their copies go into one turn, in the order in which they came", () => {
  const received = [from("a", 1), from("b", 7), from("a", 1, 1), from("b", 7, 1)];
  assert.deepEqual(turnsOf(received), [received]);
  assert.deepEqual(turnsOf([]), []);
});

test("two pulses of one sender never go into one turn", () => {
  assert.deepEqual(sizes([from("a", 1), from("a", 2)]), [1, 1]);
  assert.deepEqual(sizes([from("a", 1), from("b", 7), from("a", 2), from("b", 7, 1)]), [2, 2]);
});

test("the same number of another life is another pulse", () => {
  const again = from("a", 1);
  const later = { ...again, pulse: { ...again.pulse, session: { boot: 2, lapses: 0 } } };
  assert.deepEqual(sizes([again, later]), [1, 1]);
});
