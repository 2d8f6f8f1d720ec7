// The suite's judgement must see a second host, and take neither a move nor a hand-over for one.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry } from "../probe-log.ts";
import { judge, type LetGo, type Seen, see } from "./judge.ts";
import { FINE, NOTHING, ONE_MOVE } from "./scenario.ts";

const STRETCH = { fromMs: 0, toMs: 100_000 };

/** `answers`: host, from, to (ms): one answer each 10 ms. */
function client(...answers: readonly (readonly [string, number, number])[]): readonly Entry[] {
  const entries: Entry[] = [];
  for (const [host, from, to] of answers) {
    for (let sentMs = from; sentMs < to; sentMs += 10) {
      entries.push({ kind: "request", number: sentMs, sentMs, rttMs: host === "" ? null : 1, host });
    }
  }
  return entries;
}

function asks(...macs: readonly (readonly string[])[]): readonly Entry[] {
  return macs.map((each, number) => ({ kind: "ask", number, sentMs: number * 20, macs: each }));
}

function seen(
  answers: readonly Entry[],
  arp: readonly Entry[] = asks(["a"]),
  letGo: LetGo = new Map(),
): Seen {
  return see(answers, arp, { stretch: STRETCH, timing: "default", letGo });
}

describe("what a run looked like", () => {
  test("a failover is one move with its outage, and nothing doubled", () => {
    const { moves, doubled, outageMs, lost } = seen(
      client(["chip", 0, 500], ["", 500, 900], ["dale", 900, 1500]),
    );
    assert.deepEqual({ moves, doubled, outageMs, lost }, { moves: 1, doubled: 0, outageMs: 410, lost: 40 });
  });

  test("away and back with an outage each time are two moves", () => {
    const answers = client(["chip", 0, 500], ["dale", 900, 1500], ["chip", 1900, 2500]);
    const { moves, doubled } = seen(answers);
    assert.deepEqual({ moves, doubled }, { moves: 2, doubled: 0 });
  });

  test("one late answer of the old host between those of the new one is a double, and no move", () => {
    const answers = client(["chip", 0, 500], ["dale", 900, 5000], ["chip", 5000, 5010], ["dale", 5010, 6000]);
    const { moves, doubled } = seen(answers);
    assert.deepEqual({ moves, doubled }, { moves: 1, doubled: 1 });
  });

  test("away and back at once are two moves if each host let go before the other one answered", () => {
    const answers = client(["chip", 0, 500], ["dale", 540, 560], ["chip", 600, 900]);
    const letGo = (chipMs: number, daleMs: number) =>
      new Map([
        ["chip", [chipMs]],
        ["dale", [daleMs]],
      ]);
    const counts = (gone: LetGo) => {
      const { moves, doubled } = seen(answers, undefined, gone);
      return { moves, doubled };
    };
    assert.deepEqual(counts(letGo(510, 570)), { moves: 2, doubled: 0 });
    assert.deepEqual(counts(letGo(545, 570)), { moves: 0, doubled: 2 }, "chip let go after dale answered");
    assert.deepEqual(counts(letGo(510, 605)), { moves: 0, doubled: 2 }, "dale let go after chip answered");
    assert.deepEqual(counts(new Map([["chip", [510]]])), { moves: 0, doubled: 2 }, "dale never let go");
  });

  test("two hosts that take turns are doubles all the time", () => {
    const turns = Array.from(
      { length: 20 },
      (_, i) => [i % 2 ? "dale" : "chip", i * 10, i * 10 + 10] as const,
    );
    assert.equal(seen(client(...turns)).doubled, 9);
  });

  test("an ARP ask that meets a hand-over counts not, one that the old host survives does", () => {
    const answers = client(["chip", 0, 500]);
    assert.equal(seen(answers, asks(["a"], ["a", "b"], ["b"], ["b"])).doubledAsks, 0);
    assert.equal(seen(answers, asks(["a"], ["a", "b"], ["b"], ["a"])).doubledAsks, 1);
    assert.equal(seen(answers, asks(["b"], ["a", "b"], ["b"])).doubledAsks, 1);
    const andBack = asks(["a"], ["a", "b"], ["b"], ["a"]);
    assert.equal(seen(answers, andBack, new Map([["b", [50]]])).doubledAsks, 0, "the new one let go again");
    assert.equal(seen(answers, andBack, new Map([["b", [70]]])).doubledAsks, 1, "it let go too late");
  });
});

describe("whether it is what had to be", () => {
  const around = { played: FINE, timing: "default", isShort: false } as const;
  const calm: Seen = { asked: 100, lost: 0, outageMs: 0, doubled: 0, asks: 10, doubledAsks: 0, moves: 0 };

  test("nothing happened where nothing should", () => {
    assert.deepEqual(judge(calm, NOTHING, around), []);
    assert.equal(judge({ ...calm, moves: 1 }, NOTHING, around).length, 1);
    assert.equal(judge({ ...calm, lost: 1, outageMs: 4 }, NOTHING, around).length, 1);
  });

  test("a failover within the profile's bound, and not beyond it", () => {
    assert.deepEqual(judge({ ...calm, moves: 1, lost: 80, outageMs: 850 }, ONE_MOVE, around), []);
    assert.match(judge({ ...calm, moves: 1, outageMs: 950 }, ONE_MOVE, around).join(), /950 ms, at most 900/);
    assert.match(judge(calm, ONE_MOVE, around).join(), /0 moves instead of 1/);
  });

  test("doubles are always told, and so is a watcher that saw nothing", () => {
    const must = { moves: null, outage: null };
    assert.equal(judge({ ...calm, doubled: 1, doubledAsks: 1 }, must, around).length, 2);
    assert.equal(judge({ ...calm, asked: 0, asks: 0 }, must, around).length, 2);
  });
});
