import assert from "node:assert/strict";
import { test } from "node:test";
import { createTurns } from "./turns.ts";

test("turns of one key follow each other, those of another do not wait", () => {
  const turns = createTurns();
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const take = (key: string, name: string) =>
    turns.take(key, (done) => {
      begun.push(name);
      ends.push(done);
    });
  take("www/app", "a1");
  take("www/app", "a2");
  take("www/db", "b1");
  assert.deepEqual(begun, ["a1", "b1"]);
  assert.equal(turns.waiting("www/app"), 1);
  ends[0]?.();
  ends[0]?.();
  assert.deepEqual(begun, ["a1", "b1", "a2"]);
  take("www/app", "a3");
  assert.deepEqual(begun, ["a1", "b1", "a2"]);
  ends[2]?.();
  assert.deepEqual(begun, ["a1", "b1", "a2", "a3"]);
});

test("a turn that was given up while waiting never begins; one that began cannot be given up", () => {
  const turns = createTurns();
  let end = () => {};
  const begun: string[] = [];
  const giveUpFirst = turns.take("www/app", (done) => {
    end = done;
  });
  const giveUpSecond = turns.take("www/app", () => begun.push("second"));
  turns.take("www/app", () => begun.push("third"));
  assert.equal(giveUpFirst(), false);
  assert.equal(giveUpSecond(), true);
  assert.equal(giveUpSecond(), false);
  end();
  assert.deepEqual(begun, ["third"]);
});
