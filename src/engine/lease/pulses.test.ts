import assert from "node:assert/strict";
import { test } from "node:test";
import { ADDRESS, acting, awake, Bench, LEASE, leading, MUTE, PULSE } from "../../../test/helpers/keeper.ts";

test("a pulse goes every interval, numbered without gaps, and the keeper is woken for it", () => {
  const a = acting("a");
  a.at(a.now + PULSE).wake();
  const { number, lastAt } = a.state.sent;
  assert.equal(a.wokenAt(), lastAt + PULSE);
  a.at(lastAt + PULSE - 1).wake();
  assert.deepEqual(a.did("send"), []);
  a.at(lastAt + PULSE).wake();
  assert.deepEqual(
    a.did("send").map((e) => e.pulse.number),
    [number + 1],
  );
});

test("who holds addresses sends a little sooner than the others, so that they answer it", () => {
  const a = acting("a");
  a.worker({ kind: "take", id: 1, session: a.state.acting.session, grants: [ADDRESS] });
  a.at(a.now + PULSE).wake();
  const { lastAt } = a.state.sent;
  a.at(lastAt + 0.96 * PULSE).wake();
  assert.deepEqual(a.did("send"), []);
  a.at(lastAt + 0.97 * PULSE).wake();
  assert.equal(a.did("send").length, 1);
});

test("who hears nobody any more falls silent for longer than a lease, and speaks again when it hears somebody", () => {
  const a = awake("a").hears("b").hears("w");
  // What changes when the others fall silent is still said; then nothing more is.
  for (let i = 1; i <= 20; i++) a.at(a.now + PULSE).wake();
  const { lastAt } = a.state.sent;
  a.at(lastAt + 2 * LEASE).wake();
  assert.deepEqual(a.did("send"), []);
  a.at(lastAt + 3 * LEASE).wake();
  assert.equal(a.did("send").length, 1);
  a.at(a.now + PULSE).hears("b");
  assert.equal(a.did("send").length, 1);
});

test("voters speak to everybody, others to the voters", () => {
  const receivers = (bench: Bench) =>
    bench
      .at(bench.now + PULSE)
      .wake()
      .did("send")[0]?.to;
  assert.deepEqual(receivers(awake("a", { others: ["c", "d"] })), ["b", "w", "c", "d"]);
  assert.deepEqual(receivers(awake("c", { others: ["c", "d"] })), ["a", "b", "w"]);
});

test("what changed is said at once, a millisecond after the last pulse at the earliest", () => {
  const w = awake("w");
  w.at(w.state.sent.lastAt + PULSE).wake();
  w.hears("a", { term: 4, candidate: 4 }).stored();
  assert.deepEqual(w.did("send"), []);
  assert.equal(w.wokenAt(), w.state.sent.lastAt + 1);
  w.at(w.wokenAt()).wake();
  assert.equal(w.did("send")[0]?.pulse.vote?.for, "a");
});

test("it acknowledges the newest pulse of everybody it hears, voters and others", () => {
  const a = awake("a", { others: ["c"] })
    .hears("b", { number: 41 })
    .hears("c", { number: 8 });
  assert.deepEqual(
    a.said().heard.map((h) => [h.node, h.boot, h.number, h.counts]),
    [
      ["b", 1, 41, true],
      ["c", 1, 8, true],
    ],
  );
});

test("who is no voter acknowledges, but nothing that counts", () => {
  assert.deepEqual(
    awake("c", { others: ["c"] })
      .hears("a")
      .said()
      .heard.map((h) => h.counts),
    [false],
  );
});

test("a lease that does not fit is not acknowledged", () => {
  assert.deepEqual(
    awake("a")
      .hears("b", { lease: MUTE + 1 })
      .said()
      .heard.map((h) => h.counts),
    [false],
  );
});

test("a candidate's term is asked for only with its own vote on disk", () => {
  const a = awake("a").hears("b", { voteIsFree: true }).wake();
  assert.equal(a.said().candidate, null);
  assert.equal(a.stored().said().candidate, 1);
});

test("while acknowledgements get old it hurries and says so; what is lost already is no reason to", () => {
  const a = acting("a");
  a.at(a.now + 3 * PULSE).wake();
  const [sent] = a.did("send");
  assert.equal(sent?.pulse.hurry, true);
  assert.ok(a.wokenAt() - a.now < PULSE / 2);
  a.at(a.state.acting.until).wake();
  assert.equal(a.said().hurry, false);
});

test("who hears a hurry answers before its own interval is over", () => {
  const w = acting("w");
  w.at(w.now + PULSE).wake();
  w.at(w.now + PULSE / 2).hears("a", { hurry: false });
  assert.deepEqual(w.did("send"), []);
  w.hears("a", { hurry: true });
  assert.equal(w.did("send").length, 1);
});

test("the keeper is woken for the end of the right to act and of a leadership", () => {
  const a = leading("a").hears("b").hears("w");
  a.at(a.state.acting.until - 2).wake();
  assert.ok(a.wokenAt() <= a.state.acting.until);
});

test("the keeper is woken when a mute voter may speak", () => {
  const a = new Bench("a").until(MUTE);
  assert.ok(a.wokenAt() > MUTE && a.wokenAt() < MUTE + 1);
});

test("a deadline that has passed never makes it spin", () => {
  const a = leading("a");
  for (const at of [a.now, a.now + 1, a.now + 400, a.now + 10_000]) assert.ok(a.at(at).wake().wokenAt() > at);
});
