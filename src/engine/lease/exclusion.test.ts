import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "#model/ids.ts";
import type { Pulse } from "#model/pulse.ts";
import { term } from "#model/units.ts";
import { awake, type Bench, LEASE, leading, PULSE, vote } from "../../../test/helpers/keeper.ts";

const B = nodeId("b");

/** The leader a goes on, w votes for it and says more besides; b says nothing. */
function goOn(a: Bench, duration: number, says: Partial<Pulse> = {}): void {
  const own = vote(a.state.term, "a");
  for (const end = a.now + duration; a.now < end; ) {
    a.until(a.now + PULSE).hears("w", { term: own.term, vote: own, ...says });
  }
}

/** The leader a, just when b became silent and w promised what a asked. */
function excluding(): Bench {
  const a = leading("a");
  goOn(a, LEASE + PULSE);
  goOn(a, PULSE, { promises: [{ node: B, term: a.state.term }] });
  a.hears("w", { vote: vote(a.state.term, "a"), promises: [{ node: B, term: a.state.term }] });
  return a;
}

test("a leader asks for the exclusion of who was not heard for its lease", () => {
  const a = leading("a");
  goOn(a, LEASE - PULSE);
  assert.deepEqual(a.said().exclude, []);
  goOn(a, 2 * PULSE);
  assert.deepEqual(a.said().exclude, [B]);
});

test("silence at all voters is no certainty: only promises are", () => {
  const a = leading("a");
  goOn(a, 4 * LEASE);
  assert.equal(a.led("b"), "asking");
});

test("a longer lease that a node states is waited for", () => {
  const a = leading("a");
  a.hears("b", { lease: 2 * LEASE, vote: vote(a.state.term, "a") } as Partial<Pulse>);
  goOn(a, 2 * LEASE - PULSE);
  assert.equal(a.led("b"), "in");
  goOn(a, 2 * PULSE);
  assert.equal(a.led("b"), "asking");
});

test("the leader promises last, when that makes the quorum", () => {
  const a = leading("a");
  goOn(a, LEASE + 2 * PULSE);
  assert.deepEqual(a.promises, [], "it might just have a bad link of its own");
  goOn(a, PULSE, { promises: [{ node: B, term: a.state.term }] });
  assert.deepEqual(a.promises, ["b"]);
  assert.equal(a.led("b"), "asking");
  a.wake();
  assert.equal(a.led("b"), "excluded");
});

test("a promise that was stated before it was asked for does not count", () => {
  const a = leading("a");
  const promises = [{ node: B, term: a.state.term }];
  const own = vote(a.state.term, "a");
  goOn(a, LEASE - PULSE);
  const before = a.state.sent.number;
  a.until(a.now + 3 * PULSE).hears("w", { vote: own, promises }, { echo: before });
  assert.deepEqual({ led: a.led("b"), own: a.promises }, { led: "asking", own: [] });
});

test("a quorum of five needs three promises, the leader's included", () => {
  const a = leading("a", { voters: ["a", "b", "c", "d", "w"] });
  const said = { vote: vote(a.state.term, "a"), promises: [{ node: B, term: a.state.term }] };
  const round = (says: Readonly<Record<string, Partial<Pulse>>>) => {
    a.until(a.now + PULSE);
    for (const [voter, words] of Object.entries(says)) a.hears(voter, { vote: said.vote, ...words });
  };
  for (let i = 0; i < 13; i++) round({ c: {}, d: {}, w: said });
  assert.deepEqual({ led: a.led("b"), own: a.promises }, { led: "asking", own: [] });
  round({ c: {}, d: said, w: said });
  round({ c: {}, d: said, w: said });
  assert.deepEqual({ led: a.led("b"), own: a.promises }, { led: "excluded", own: ["b"] });
});

test("a voter promises what the leader asks when it does not hear the node either", () => {
  const w = awake("w").hears("b");
  const asked = { term: 3, leads: 3, exclude: [B] };
  w.hears("a", asked);
  assert.deepEqual(w.promises, []);
  w.until(w.now + LEASE + PULSE).hears("a", asked);
  assert.deepEqual(w.said().promises, [{ node: B, term: 3 }]);
});

test("a voter promises nothing to who does not lead, or leads in an old term, or does not answer it", () => {
  const w = awake("w").hears("a", { term: 3, exclude: [B] });
  w.hears("a", { term: 3, leads: 2, exclude: [B] });
  w.hears("a", { term: 3, leads: 3, exclude: [B] }, { echo: null });
  assert.deepEqual(w.promises, []);
});

test("who is promised about is heard and not acknowledged, until a leader of that term or a newer readmits it", () => {
  const w = awake("w").hears("a", { term: 3, leads: 3, exclude: [B] });
  w.hears("b").until(w.now + PULSE);
  const aboutB = () => w.said().heard.find((h) => h.node === "b")?.counts;
  assert.equal(aboutB(), false);
  w.hears("a", { term: 3, leads: 3 })
    .hears("b")
    .until(w.now + PULSE);
  assert.equal(aboutB(), false, "asking no longer is not readmitting");
  w.hears("a", { term: 4, leads: 4, readmit: [B] })
    .hears("b")
    .until(w.now + PULSE);
  assert.equal(aboutB(), true);
});

test("an older leader takes back no promise made to a newer one", () => {
  const w = awake("w").hears("a", { term: 5, leads: 5, exclude: [B] });
  w.hears("a", { term: 5, leads: 4, readmit: [B] });
  assert.deepEqual(w.promises, ["b"]);
});

test("an excluded node that is heard again is told to reset, and readmitted only when it confirmed", () => {
  const a = excluding();
  assert.equal(a.led("b"), "excluded");
  a.hears("b");
  assert.equal(a.led("b"), "resetting");
  const [told] = a.said().reset;
  assert.equal(told?.node, "b");
  a.hears("b", { resetDone: { term: term(1), number: 99 } });
  assert.equal(a.led("b"), "resetting", "that is another reset");
  a.hears("b", { resetDone: told?.id ?? null });
  assert.equal(a.led("b"), "readmitting");
  assert.deepEqual(a.said().readmit, [B]);
  assert.deepEqual(a.promises, []);
});

test("it is in again once no voter states the promise any more", () => {
  const a = excluding().hears("b");
  a.hears("b", { resetDone: a.said().reset[0]?.id ?? null });
  goOn(a, PULSE, { promises: [{ node: B, term: a.state.term }] });
  assert.equal(a.led("b"), "readmitting");
  goOn(a, PULSE);
  a.wake();
  assert.equal(a.led("b"), "in");
});

test("an excluded node that falls silent again before it confirmed is excluded still", () => {
  const a = excluding().hears("b");
  goOn(a, LEASE + PULSE, { promises: [{ node: B, term: a.state.term }] });
  assert.equal(a.led("b"), "excluded");
});

test("a request that came to no quorum is taken back without a reset", () => {
  const a = leading("a", { voters: ["a", "b", "c", "d", "w"] });
  const own = vote(a.state.term, "a");
  const promises = [{ node: B, term: own.term }];
  for (let i = 0; i < 13; i++) {
    a.until(a.now + PULSE)
      .hears("c", { vote: own })
      .hears("d", { vote: own })
      .hears("w", { vote: own, promises });
  }
  assert.equal(a.led("b"), "asking");
  a.hears("b", { vote: own });
  assert.deepEqual([a.led("b"), a.said().reset], ["readmitting", []]);
});

test("a promise made to an earlier leader needs a reset: that leader may have relied on it", () => {
  const a = awake("a", { stored: vote(6, "b") });
  const promises = [{ node: B, term: term(6) }];
  a.hears("w", { term: 6, voteIsFree: true, promises }).wake().stored();
  a.hears("b", { term: 6 }).hears("w", { term: 7, vote: vote(7, "a"), promises });
  assert.deepEqual([a.leads, a.led("b")], [true, "resetting"]);
});

test("a leader that is itself promised about, and may not act, resets and readmits itself", () => {
  const a = awake("a");
  const promises = [{ node: nodeId("a"), term: term(6) }];
  const shutOut = { counts: false };
  a.hears("w", { term: 6, voteIsFree: true, promises }, shutOut).wake().stored();
  const { session } = a.state.acting;
  a.hears("w", { term: 7, vote: vote(7, "a"), promises }, shutOut);
  assert.equal(a.leads, true);
  assert.notDeepEqual(a.state.acting.session, session);
  assert.deepEqual(a.said().readmit, ["a"]);
});

test("a leader that acts keeps what it has when somebody brings back an old promise about it", () => {
  const a = leading("a");
  const { session, mayAct } = a.state.acting;
  assert.equal(mayAct, true);
  const promises = [{ node: nodeId("a"), term: term(0) }];
  a.hears("b", { promises }, { counts: false });
  assert.deepEqual(a.state.acting.session, session);
  assert.deepEqual(a.said().readmit, ["a"]);
});

test("a node that said goodbye needs no exclusion and comes back in a later life", () => {
  const a = leading("a");
  a.hears("b", { left: true });
  goOn(a, 2 * LEASE);
  assert.equal(a.led("b"), "left");
  a.hears("b", { session: { boot: 2, lapses: 0 } });
  assert.equal(a.led("b"), "in");
});

test("who is heard but does not answer us changes nothing", () => {
  const a = excluding();
  a.hears("b", {}, { echo: null });
  assert.equal(a.led("b"), "excluded");
});

test("what was certain ends with the leadership", () => {
  const a = excluding().hears("w", { term: 99 });
  assert.equal(a.leads, false);
  assert.equal(a.state.ledMembers.size, 0);
});
