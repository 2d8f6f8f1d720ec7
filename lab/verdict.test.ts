import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatReport, judge, type Observed } from "./verdict.ts";

function observed(change: {
  readonly expected?: Partial<Observed["expected"]>;
  readonly summary?: Partial<Observed["summary"]>;
  readonly asks?: Observed["asks"];
  readonly trouble?: readonly string[];
}): Observed {
  return {
    event: "cut",
    expected: { outage: "failover", active: "moves", ...change.expected },
    summary: {
      asked: 5000,
      lost: 600,
      outageMs: 601.4,
      before: "chip",
      after: "dale",
      interleaved: 0,
      ...change.summary,
    },
    asks: change.asks ?? { asked: 250, doubled: 0 },
    trouble: change.trouble ?? [],
  };
}

describe("whether an event held", () => {
  test("a failover within its bound, to the other node and with nobody twice, holds", () => {
    assert.deepEqual(judge(observed({}), "default"), []);
  });

  test("each profile has a bound of its own", () => {
    assert.match(judge(observed({}), "fast").join(), /outage of 601\.4 ms, at most 400 ms/);
    assert.deepEqual(judge(observed({ summary: { outageMs: 5_000 } }), "wan"), []);
  });

  test("two hosts answering never hold, to the client or to ARP", () => {
    assert.match(judge(observed({ summary: { interleaved: 1 } }), "default").join(), /1 moments with two/);
    assert.match(
      judge(observed({ asks: { asked: 250, doubled: 3 } }), "default").join(),
      /3 moments with two/,
    );
  });

  test("a service that should move and stays, or should stay and moves, does not hold", () => {
    assert.match(judge(observed({ summary: { after: "chip" } }), "default").join(), /before and after/);
    const calm = { lost: 0, outageMs: 0 };
    const stays = { outage: "none", active: "stays" } as const;
    assert.match(
      judge(observed({ expected: stays, summary: calm }), "default").join(),
      /moved from chip to dale/,
    );
    assert.deepEqual(
      judge(observed({ expected: { ...stays, active: "either" }, summary: calm }), "default"),
      [],
    );
  });

  test("where no outage is allowed, no request may be lost", () => {
    const row = observed({
      expected: { outage: "none", active: "either" },
      summary: { lost: 1, outageMs: 0 },
    });
    assert.match(judge(row, "default").join(), /1 requests lost/);
  });

  test("nobody answering, nobody asking and trouble on the way do not hold", () => {
    assert.match(judge(observed({ summary: { after: null } }), "default").join(), /nobody answered/);
    assert.match(judge(observed({ summary: { asked: 0 } }), "default").join(), /asked nothing/);
    assert.match(judge(observed({ asks: { asked: 0, doubled: 0 } }), "default").join(), /unseen/);
    assert.match(judge(observed({ trouble: ["refused"] }), "default").join(), /cut: refused/);
  });

  test("the report names every event, its figures and whether it held", () => {
    const lines = formatReport([observed({}), observed({ summary: { outageMs: 2_000 } })], "default");
    assert.deepEqual(lines, [
      "event  outage ms  requests lost  two hosts answering  ARP asks  active        held",
      "cut    601.4      600 of 5000    0                    250       chip -> dale  yes",
      "cut    2000.0     600 of 5000    0                    250       chip -> dale  NO",
    ]);
  });
});
