import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "#model/ids.ts";
import { ms, term } from "#model/units.ts";
import {
  ADDRESS,
  acting,
  awake,
  Bench,
  LEASE,
  leading,
  MUTE,
  PULSE,
  pulseFrom,
  vote,
} from "../../test/helpers/keeper.ts";
import { handleKeeper } from "./keeper.ts";

test("the same state, event and instant give the same turn, and change nothing of what was there", () => {
  const a = leading("a");
  const before = structuredClone({ ...a.state, identity: null });
  const event = { kind: "wake" } as const;
  assert.deepEqual(handleKeeper(a.state, event, a.now), handleKeeper(a.state, event, a.now));
  assert.deepEqual(structuredClone({ ...a.state, identity: null }), before);
});

test("a life begins mute, in its own session, with the term of the stored vote used up", () => {
  const a = new Bench("a", { boot: 5, stored: vote(7, "b") });
  assert.deepEqual(a.state.acting.session, { boot: 5, lapses: 0 });
  assert.deepEqual([a.state.mute, a.state.term, a.state.leading.gaveUp], [true, 7, 7]);
});

test("a member that is no voter is never mute, never votes and never leads", () => {
  const c = new Bench("c", { others: ["c"] });
  assert.equal(c.state.mute, false);
  for (let i = 0; i < 20; i++)
    c.until(c.now + PULSE)
      .hears("a", { voteIsFree: true })
      .hears("b", { voteIsFree: true });
  assert.deepEqual([c.state.leading.kind, c.said().voteIsFree], ["no", false]);
});

test("a pulse of a stranger is ignored", () => {
  const a = awake("a");
  const { peers, acting: right } = a.state;
  a.hears("z", { leads: 9 });
  assert.deepEqual([a.state.peers, a.state.acting], [peers, right]);
});

test("after a freeze the lapse comes first: what queued up gives back no old session, vote or lead", () => {
  const a = leading("a").hears("b").hears("w");
  const { session } = a.state.acting;
  const inTerm = a.state.term;
  a.at(a.now + 10_000).hears("b", { term: inTerm, vote: vote(inTerm, "a") });
  assert.equal(a.acts, false);
  assert.equal(a.leads, false);
  assert.notDeepEqual(a.state.acting.session, session);
  assert.ok(a.state.leading.gaveUp >= inTerm);
});

test("after a sleep nothing that was stated or acknowledged before it counts, though by the clock it is fresh", () => {
  const a = leading("a").hears("b").hears("w");
  const inTerm = a.state.term;
  const { number } = a.state.sent;
  a.handle({ kind: "resumed", gap: ms(3_000) });
  assert.deepEqual([a.acts, a.leads], [false, false]);
  a.hears("b", { term: inTerm, vote: vote(inTerm, "a") }, { echo: number });
  assert.deepEqual([a.acts, a.leads], [false, false]);
});

test("a lapse releases the addresses before anything else is done", () => {
  const a = acting("a");
  a.worker({ kind: "take", id: 1, session: a.state.acting.session, grants: [ADDRESS] });
  a.at(a.now + 2 * LEASE).wake();
  assert.equal(a.effects[0]?.kind, "release");
});

test("a reset releases the addresses and tells the worker of the new session", () => {
  const a = acting("a");
  a.worker({ kind: "take", id: 1, session: a.state.acting.session, grants: [ADDRESS] });
  const id = { term: term(3), number: 1 };
  a.hears("b", { leads: 3, term: 3, reset: [{ node: nodeId("a"), id }] });
  assert.deepEqual(
    a.did("release").map((e) => e.grants),
    [[ADDRESS]],
  );
  assert.deepEqual(a.told("lease").at(-1)?.session, a.state.acting.session);
});

test("nothing is stored twice while the disk works on it", () => {
  const w = awake("w").hears("a", { term: 4, candidate: 4 });
  assert.equal(w.did("store-vote").length, 1);
  w.hears("a", { term: 4, candidate: 4 }).hears("b", { term: 5, candidate: 5 });
  assert.deepEqual(w.did("store-vote"), []);
});

test("leaving is said, done once, and heard by the others as giving up", () => {
  const a = leading("a");
  const inTerm = a.state.term;
  a.worker({ kind: "leave" });
  const { session } = a.state.acting;
  a.worker({ kind: "leave" });
  assert.deepEqual(a.state.acting.session, session);
  const goodbye = a.said();
  assert.deepEqual([goodbye.left, goodbye.gaveUp], [true, inTerm]);
  const w = awake("w").hears("a", { term: inTerm, candidate: inTerm }).stored();
  w.hears("a", { term: inTerm, left: true, gaveUp: inTerm });
  assert.equal(w.said().voteIsFree, true);
});

test("another configuration is stated from the next pulse on", () => {
  const a = acting("a").worker({ kind: "reconfigure", members: [], grants: [], configHash: "new" });
  assert.equal(
    a
      .at(a.now + PULSE)
      .wake()
      .said().config,
    "new",
  );
});

test("each turn says when it wants to be woken, once", () => {
  const a = leading("a");
  for (const bench of [a.wake(), a.hears("b"), a.worker({ kind: "alive" }), new Bench("b").until(MUTE)]) {
    assert.equal(bench.did("wake").length, 1);
  }
});

test("what comes in at one moment is decided upon once, and comes to what it comes to one after the other", () => {
  const next = () => {
    const a = leading("a");
    return a.at(a.now + PULSE / 4);
  };
  const says = { heard: [{ node: nodeId("a"), boot: 1, number: next().state.sent.number, counts: true }] };
  const received = ["b", "w"].map((from) => ({ pulse: pulseFrom(from, { ...says, number: 900 }), link: 0 }));
  const one = next();
  for (const each of received) one.handle({ kind: "pulse", ...each });
  const both = next().handle({ kind: "pulses", received });
  const { peers, acting: right, leading: lead, voter, term: highest } = both.state;
  assert.deepEqual({ ...one.state, peers, acting: right, leading: lead, voter, term: highest }, one.state);
  assert.equal(both.effects.filter(({ kind }) => kind === "wake").length, 1);
});

test("a hurried pulse is answered at once whatever else came in with it", () => {
  const a = leading("a");
  a.at(a.now + PULSE / 4);
  const [hurried, calm] = [pulseFrom("b", { number: 900, hurry: true }), pulseFrom("w", { number: 900 })];
  a.handle({
    kind: "pulses",
    received: [
      { pulse: calm, link: 0 },
      { pulse: hurried, link: 0 },
    ],
  });
  assert.ok(a.effects.some(({ kind }) => kind === "send"));
});
