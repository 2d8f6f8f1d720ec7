import assert from "node:assert/strict";
import { test } from "node:test";
import { term } from "#model/units.ts";
import { awake, Bench, LEASE, leading, MUTE, PULSE, vote } from "../../../test/helpers/keeper.ts";

test("a vote is on disk before it is stated", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 });
  assert.deepEqual(w.did("store-vote")[0]?.vote, vote(4, "a"));
  assert.equal(w.said().vote, null);
  w.stored();
  assert.deepEqual(w.said().vote, vote(4, "a"));
});

test("a disk that fails keeps the vote back, for a lease", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 }).stored(false);
  assert.equal(w.said().vote, null);
  w.hears("a", { term: 4, candidate: 4 });
  assert.deepEqual(w.did("store-vote"), []);
  w.until(w.now + LEASE).hears("a", { term: 4, candidate: 4 });
  assert.equal(w.did("store-vote").length, 1);
});

test("one vote a term: who asks second in a term gets nothing", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 }).stored();
  w.until(w.now + LEASE + PULSE).hears("b", { term: 4, candidate: 4 });
  assert.equal(w.state.voter.storing, null);
  w.hears("b", { term: 5, candidate: 5 }).stored();
  assert.deepEqual(w.said().vote, vote(5, "b"));
});

test("a vote stays with who has it while it is heard and did not give up", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 }).stored();
  w.hears("a", { term: 4, leads: 4 }).hears("b", { term: 5, candidate: 5 });
  assert.equal(w.state.voter.storing, null);
  assert.equal(w.said().voteIsFree, false);
});

test("a vote is free at once when who has it gave up, even said without an answer to us", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 }).stored();
  w.hears("a", { term: 4, gaveUp: 4 }, { echo: null }).hears("b", { term: 5, candidate: 5 });
  assert.deepEqual(w.state.voter.storing, vote(5, "b"));
});

test("a vote is free when who has it was not heard for its lease, and not before", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 }).stored();
  const heardAt = w.now;
  w.until(heardAt + LEASE);
  assert.equal(w.said().voteIsFree, false);
  assert.equal(
    w
      .at(heardAt + LEASE + PULSE)
      .wake()
      .said().voteIsFree,
    true,
  );
});

test("who states a longer lease keeps the vote for that long", () => {
  const w = awake("w")
    .hears("a", { term: 4, candidate: 4, lease: 2 * LEASE })
    .stored();
  const heardAt = w.now;
  w.until(heardAt + 2 * LEASE);
  assert.equal(w.said().voteIsFree, false);
  assert.equal(
    w
      .at(heardAt + 2 * LEASE + PULSE)
      .wake()
      .said().voteIsFree,
    true,
  );
});

test("a vote that was free when it went to the disk is not stated if it is not free any more", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 }).stored();
  w.until(w.now + LEASE + PULSE).hears("b", { term: 5, candidate: 5 });
  w.hears("a", { term: 4, leads: 4 }).stored();
  assert.deepEqual(w.said().vote, vote(4, "a"));
  assert.deepEqual(w.state.voter.stored, vote(5, "b"), "term 5 is used up all the same");
});

test("a vote is not stated when who asked stopped asking while it went to the disk", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 });
  w.hears("a", { term: 4, gaveUp: 4 }).stored();
  assert.equal(w.said().vote, null);
});

test("after a restart the stored vote may be stated again, and no other in its term", () => {
  const stored = vote(4, "a");
  const again = awake("w", { stored, boot: 2 }).hears("a", { term: 4, leads: 4 }).stored();
  assert.deepEqual(again.said().vote, stored);
  const other = awake("w", { stored, boot: 2 }).hears("b", { term: 4, candidate: 4 });
  assert.equal(other.state.voter.storing, null);
});

test("after a restart nothing is voted while it is mute", () => {
  const w = new Bench("w", { stored: vote(4, "a"), boot: 2 }).until(MUTE - PULSE);
  w.hears("a", { term: 5, candidate: 5 });
  assert.equal(w.state.voter.storing, null);
  assert.equal(w.state.term, 5, "it learns the term all the same");
});

test("a voter that was away joins the leader that there is", () => {
  const w = awake("w").hears("a", { term: 7, leads: 7 }).stored();
  assert.deepEqual(w.said().vote, vote(7, "a"));
});

test("of two that ask the higher term gets the vote; below a term already seen nobody does", () => {
  const w = awake("w").hears("b", { term: 6 }).hears("a", { term: 5, candidate: 5 });
  assert.equal(w.state.voter.storing, null);
  w.hears("b", { term: 6, candidate: 6 });
  assert.deepEqual(w.state.voter.storing, vote(6, "b"));
});

test("who asks without acknowledging us, or is no voter, gets no vote", () => {
  const w = awake("w", { others: ["c"] });
  w.hears("a", { term: 4, candidate: 4 }, { echo: null }).hears("c", { term: 4, candidate: 4 });
  assert.equal(w.state.voter.storing, null);
});

test("a node's own vote is taken up by its candidacy and free when it gives up", () => {
  const a = leading("a");
  const held = a.state.voter.vote;
  assert.equal(held?.for, "a");
  assert.equal(a.said().voteIsFree, false);
  a.hears("b", { term: 9 });
  assert.equal(a.leads, false);
  assert.equal(a.state.voter.vote, null);
  assert.equal(a.said().gaveUp, term(held?.term ?? 0));
});
