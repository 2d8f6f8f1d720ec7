import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, ms } from "#model/units.ts";
import { NOTHING_SENT, noteSent, sentAt } from "./sent.ts";

const send = (times: readonly number[]) =>
  times.reduce((sent, at) => noteSent(sent, instant(at), ms(100)), NOTHING_SENT);

test("numbers grow by one and know their instants", () => {
  const sent = send([10, 20, 30]);
  assert.deepEqual(
    [1, 2, 3].map((n) => sentAt(sent, n)),
    [10, 20, 30],
  );
  assert.equal(sent.lastAt, 30);
});

test("what is longer ago than asked for is forgotten", () => {
  const sent = send([10, 50, 120]);
  assert.deepEqual(
    [1, 2, 3].map((n) => sentAt(sent, n)),
    [null, 50, 120],
  );
});

test("what was never sent has no instant", () => {
  assert.equal(sentAt(NOTHING_SENT, 1), null);
  assert.deepEqual(
    [0, -1, 4].map((n) => sentAt(send([10, 20, 30]), n)),
    [null, null, null],
  );
});
