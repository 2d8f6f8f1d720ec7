// The engine in a small world: every schedule of a few faults, held against the naive rule at every instant.
//
// UNDERSTUDY_WALK_FAULTS=2 (or more) lets that many faults of every kind strike, UNDERSTUDY_WALK_DEPTH=24 that
// many steps: minutes rather than seconds.

import assert from "node:assert/strict";
import { env } from "node:process";
import { suite, type TestContext, test } from "node:test";
import type { Clauses } from "#engine/lease/clauses.ts";
import { nodeId } from "#model/ids.ts";
import { ms, plus } from "#model/units.ts";
import { type Walked, type WalkOptions, walk } from "./walk.ts";
import type { Fault } from "./world.ts";

/** By then all three act, and a leads in term 1. */
const WARM_UP = 14;
const FAULTS = Number(env.UNDERSTUDY_WALK_FAULTS ?? 1);
const DEPTH = Number(env.UNDERSTUDY_WALK_DEPTH ?? 30);

/** The fastest clock and the slowest that the drift bound allows together. */
const FAST_A = { a: 1.25, b: 1, w: 1 };
const SLOW_B = { a: 1.25, b: 1, w: 1.25 };

const RECEIPT: Partial<Clauses> = { countsFrom: (_sentAt, receivedAt) => receivedAt };
const NO_MUTE: Partial<Clauses> = { muteAfterStart: () => ms(-1) };
const NO_PROMISE: Partial<Clauses> = { hasLapsed: (_promised, deaf, quorum) => deaf >= quorum };

function aimed(kinds: readonly Fault["kind"][], about: readonly string[]): (fault: Fault) => boolean {
  return (fault) => {
    const nodes: readonly string[] =
      "node" in fault ? [fault.node] : "from" in fault ? [fault.from, fault.to] : [];
    return kinds.includes(fault.kind) && nodes.every((node) => about.includes(node));
  };
}

function tell(t: TestContext, { worlds, steps }: Walked): void {
  t.diagnostic(`${worlds} distinct worlds in ${steps} steps`);
}

suite("with all its clauses the rule holds", () => {
  const sound = (name: string, options: Omit<WalkOptions, "warmUp">, warmUp = WARM_UP) =>
    test(name, (t) => {
      const walked = walk({ ...options, warmUp });
      assert.equal(walked.complaint, null, `${walked.complaint}\n${walked.schedule.join("\n")}`);
      tell(t, walked);
    });

  sound("whatever fault strikes, and is mended", { faults: FAULTS, depth: DEPTH, may: () => true });
  sound(
    "whatever fault strikes while the daemons start",
    { faults: FAULTS, depth: DEPTH, may: () => true },
    0,
  );
  sound("with clocks at the edge of the drift bound", {
    faults: 2,
    depth: 16,
    rates: SLOW_B,
    may: aimed(["cut-out", "cut-in", "heal", "freeze", "thaw"], ["a", "b"]),
  });
  sound("when a node is cut off while voters restart", {
    faults: 3,
    depth: 13,
    may: aimed(["cut-out", "heal", "restart"], ["b", "w"]),
  });
  sound("when pulses come late and overtaken", {
    faults: 3,
    depth: 11,
    may: aimed(["hold", "slow", "heal"], ["a", "b"]),
  });
});

suite("without one of its clauses the walk finds what goes wrong", () => {
  const caught = (
    name: string,
    clauses: Partial<Clauses>,
    options: Omit<WalkOptions, "warmUp" | "clauses">,
    expected: RegExp,
  ) =>
    test(name, (t) => {
      const walked = walk({ ...options, clauses, warmUp: WARM_UP });
      tell(t, walked);
      assert.match(walked.complaint ?? "nothing", expected);
    });

  caught(
    "time counted from receipt",
    RECEIPT,
    { faults: 2, depth: 12, may: () => true },
    /acts, by the naive rule it may not|unelected/,
  );
  caught(
    "a lease that is not shortened by the drift bound",
    { countsUntil: (from, lease) => plus(from, lease) },
    { faults: 1, depth: 12, rates: FAST_A, may: () => true },
    /acts, by the naive rule it may not|unelected/,
  );
  caught(
    "a voter that speaks right after its start",
    NO_MUTE,
    { faults: 2, depth: 12, may: () => true },
    /right after its start/,
  );
  caught(
    "silence taken for a promise",
    NO_PROMISE,
    { faults: 3, depth: 14, may: aimed(["cut-out", "mend"], ["a", "b", "w"]) },
    /excluded|over/,
  );
  caught(
    "older pulses used after newer ones",
    { isNewer: () => true },
    { faults: 2, depth: 8, may: () => true },
    /old pulse|naive/,
  );
  caught(
    "terms that are not stored",
    { storesTerms: false },
    // Nobody is left who knows the term: two are down at once, the third is cut off.
    {
      faults: 4,
      depth: 18,
      given: [{ kind: "cut-out", node: nodeId("b") }],
      may: aimed(["kill", "start"], ["a", "w"]),
    },
    /term 1/,
  );
  caught(
    "leading again in the same term",
    { endsItsTerm: false },
    { faults: 3, depth: 16, may: aimed(["cut-in", "cut-out", "heal"], ["a"]) },
    /lead|term/,
  );
  caught(
    "votes remembered longer than the pulse that stated them",
    { rememberVotes: true },
    { faults: 3, depth: 16, may: aimed(["cut-in", "cut-out", "restart", "heal"], ["a", "w"]) },
    /lead|term/,
  );
});

suite("where the naive rule does not look, the same mistakes come to harm", () => {
  const harms = (name: string, clauses: Partial<Clauses>, options: Omit<WalkOptions, "warmUp">) =>
    test(name, (t) => {
      const walked = walk({ ...options, clauses, judge: "outcome", warmUp: WARM_UP });
      tell(t, walked);
      assert.match(walked.complaint ?? "nothing", /knows it to be excluded|knew to be over|lead/);
    });

  harms("time counted from receipt", RECEIPT, {
    faults: 2,
    depth: 14,
    given: [{ kind: "slow", from: nodeId("w"), to: nodeId("b") }],
    may: aimed(["cut-out", "heal"], ["b"]),
  });
  harms("silence taken for a promise", NO_PROMISE, {
    faults: 3,
    depth: 14,
    may: aimed(["cut-out", "mend"], ["a", "b", "w"]),
  });
  harms(
    "terms that are not stored",
    { storesTerms: false },
    {
      faults: 4,
      depth: 18,
      given: [{ kind: "cut-out", node: nodeId("b") }],
      may: aimed(["kill", "start"], ["a", "w"]),
    },
  );
});
