// The table adds runs up and hides none that did not hold.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Seen } from "./judge.ts";
import { addRun, emptyTally, formatFailures, formatHead, formatMarkdown, formatTally } from "./table.ts";

const SEEN: Seen = {
  asked: 1000,
  lost: 10,
  outageMs: 250.4,
  doubled: 0,
  asks: 50,
  doubledAsks: 0,
  moves: 1,
};

function tallyOf(...moves: readonly number[]) {
  const empty = emptyTally({ name: "kill-active", does: "the active is killed" }, "fast");
  return moves.reduce(
    (tally, each, number) =>
      addRun(tally, { ...SEEN, moves: each }, { number, problems: each > 1 ? ["too many"] : [], note: null }),
    empty,
  );
}

test("runs are added up, the worst outage is kept, and each column stands under its title", () => {
  const line = formatTally(tallyOf(1, 1));
  assert.match(line, /^kill-active +fast +2 +0 +0 of 100 +1 +250 +20 of 2000 +yes$/);
  assert.equal(line.indexOf("20 of 2000"), formatHead().indexOf("lost"));
});

test("a run that did not hold is counted and told with its number", () => {
  const tally = tallyOf(1, 2);
  assert.match(formatTally(tally), /1 to 2 .* NO, 1$/);
  assert.deepEqual(formatFailures(tally), ["  kill-active, fast, run 1: too many"]);
  assert.match(formatMarkdown([tally], "npm run it"), /^Did not hold: kill-active, fast, run 1: too many$/m);
});

test("a run that came to no judgement is a run all the same", () => {
  const tally = addRun(tallyOf(), null, { number: 0, problems: ["not over"], note: null });
  assert.match(formatTally(tally), /^kill-active +fast +1 +0 +0 of 0 +- .* NO, 1$/);
});

test("the Markdown says what each fault is and what was noted", () => {
  const tally = addRun(tallyOf(1), SEEN, { number: 1, problems: [], note: "20 kills" });
  const text = formatMarkdown([tally], "npm run it");
  assert.match(text, /^\| kill-active \| fast \| 2 \|/m);
  assert.match(text, /^- `kill-active`: the active is killed\.$/m);
  assert.match(text, /^- `kill-active`, fast: 20 kills\.$/m);
});
