import assert from "node:assert/strict";
import { test } from "node:test";
import { awake, type Bench, LEASE, leading, PULSE, USABLE, vote } from "../../../test/helpers/keeper.ts";

/** All other voters are free; returns after how many ms it asked for votes. */
function asksAfter(bench: Bench, says: Readonly<Record<string, readonly string[]>>): number {
  const from = bench.now;
  while (bench.state.voter.storing === null && bench.now < from + LEASE) {
    for (const [voter, hears] of Object.entries(says)) {
      const heard = hears.map((id) => ({ node: bench.peer(id).id, boot: 1, number: 1, counts: true }));
      bench.hears(voter, { voteIsFree: true, heard });
    }
    bench.until(bench.now + 10);
  }
  return bench.now - from;
}

test("a voter asks for votes when a quorum is free, in a term above all that it saw", () => {
  const a = awake("a", { stored: vote(6, "b") });
  a.hears("b", { term: 8, voteIsFree: true }).wake();
  assert.deepEqual(a.state.voter.storing, vote(9, "a"));
  assert.equal(a.said().candidate, null, "its own vote is not on disk yet");
  assert.equal(a.stored().said().candidate, 9);
});

test("without a quorum that is free nobody asks", () => {
  const a = awake("a", { voters: ["a", "b", "c", "d", "w"] });
  a.hears("b", { voteIsFree: true }).until(a.now + 4 * PULSE);
  assert.equal(a.state.leading.kind, "no");
});

test("who hears more members asks first", () => {
  assert.ok(asksAfter(awake("b"), { a: [], w: [] }) < 20);
  assert.ok(asksAfter(awake("a"), { b: ["w", "b"], w: [] }) > PULSE);
});

test("a node asks before a witness, whatever the order of the voters", () => {
  const voters = ["w", "a", "b"];
  assert.ok(asksAfter(awake("a", { voters }), { w: ["b"], b: [] }) < 20);
  assert.ok(asksAfter(awake("w", { voters }), { a: ["b"], b: [] }) > PULSE);
});

test("between equals the order of the voters decides", () => {
  assert.ok(asksAfter(awake("a"), { b: ["w"], w: [] }) < 20);
  assert.ok(asksAfter(awake("b"), { a: ["w"], w: [] }) > PULSE);
});

test("it leads while a quorum states its vote, each in the very pulse that acknowledges", () => {
  const a = leading("a");
  const sentAt = a.state.sent.lastAt;
  assert.equal(a.state.leading.kind === "leads" && a.state.leading.until, sentAt + USABLE);
  a.at(sentAt + USABLE - 1).wake();
  assert.equal(a.leads, true);
  a.at(sentAt + USABLE).wake();
  assert.equal(a.leads, false);
});

test("a vote does not outlive the pulse that stated it", () => {
  const a = leading("a", { by: ["b"] });
  a.hears("b", { vote: null });
  assert.equal(a.leads, false);
});

test("a vote in another term, for another, or in a pulse that acknowledges nothing does not count", () => {
  const a = leading("a", { by: ["b"] });
  const { term } = a.state;
  a.at(a.now + 100).wake();
  const { leading: before } = a.state;
  for (const wrong of [vote(term - 1, "a"), vote(term, "b")]) {
    assert.deepEqual(a.hears("w", { vote: wrong }).state.leading, before);
  }
  assert.deepEqual(a.hears("w", { vote: vote(term, "a") }, { echo: null }).state.leading, before);
  assert.notDeepEqual(a.hears("w", { vote: vote(term, "a") }).state.leading, before);
});

test("what is acknowledged may be too little to act on and yet carry a vote", () => {
  const a = awake("a").hears("b", { voteIsFree: true }, { counts: false }).wake();
  a.stored().hears("b", { vote: vote(1, "a"), term: 1 }, { counts: false });
  assert.deepEqual({ leads: a.leads, acts: a.acts }, { leads: true, acts: false });
});

test("a leader gives up when it sees a newer term", () => {
  const a = leading("a");
  const { term } = a.state;
  a.hears("w", { term: term + 1 }, { echo: null });
  assert.equal(a.leads, false);
  assert.equal(a.said().gaveUp, term);
});

test("a leader that lost its quorum never leads again in that term", () => {
  const a = leading("a");
  const { term } = a.state;
  a.at(a.now + LEASE)
    .hears("b", { term, vote: vote(term, "a") })
    .hears("w", { term, vote: vote(term, "a") });
  assert.equal(a.leads, false);
  a.hears("b", { term, voteIsFree: true }).hears("w", { term, voteIsFree: true });
  a.until(a.now + 2 * PULSE)
    .hears("b", { term, voteIsFree: true })
    .until(a.now + 2 * PULSE);
  assert.equal(a.state.voter.storing?.term, term + 1);
});

test("a candidate that nobody votes for gives up after a lease and lets another try first", () => {
  const a = awake("a").hears("b", { voteIsFree: true }).wake().stored();
  const askedAt = a.now;
  a.until(askedAt + LEASE);
  assert.equal(a.state.leading.kind, "no");
  assert.ok(a.state.leading.kind === "no" && a.state.leading.runNotBefore > a.now);
  assert.equal(a.said().gaveUp, 1);
});

test("a leader that leaves gives up at once", () => {
  const a = leading("a");
  const { term } = a.state;
  a.worker({ kind: "leave" });
  const { leads, gaveUp, vote: own, left } = a.said();
  assert.deepEqual({ leads, gaveUp, own, left }, { leads: null, gaveUp: term, own: null, left: true });
});

test("a node that forgot its leadership with its disk gives it up when it hears of it, and can be elected anew", () => {
  const a = awake("a");
  a.hears("b", { term: 2, vote: vote(2, "a") }).wake();
  assert.equal(a.said().gaveUp, 2);
  a.hears("b", { term: 2, voteIsFree: true }).wake();
  assert.deepEqual(a.state.voter.storing, vote(3, "a"));
});

test("who leads or asks gives up nothing for the votes that it gets", () => {
  const a = leading("a");
  a.hears("b", { term: a.state.term, vote: vote(a.state.term, "a") }).wake();
  assert.equal(a.leads, true);
  assert.ok(a.said().gaveUp < a.state.term);
});
