import assert from "node:assert/strict";
import { test } from "node:test";
import { acting, awake, Bench, LEASE, MUTE, USABLE } from "../../../test/helpers/keeper.ts";

test("the right to act ends a usable lease after the acknowledged pulse was sent, however late the answer", () => {
  const a = awake("a");
  const sentAt = a.state.sent.lastAt;
  a.at(sentAt + 120).hears("b");
  assert.equal(a.acts, true);
  assert.equal(a.state.acting.until, sentAt + USABLE);
});

test("an answer to an older pulse counts from that older pulse", () => {
  const a = awake("a");
  const older = a.state.sent.number - 2;
  const sentAt = a.state.sent.recent.find((p) => p.number === older)?.at ?? Number.NaN;
  a.hears("b", {}, { echo: older });
  assert.equal(a.state.acting.until, sentAt + USABLE);
});

test("an answer to a pulse of an earlier life or of more than a lease ago is worth nothing", () => {
  const a = awake("a", { boot: 2 });
  a.hears(
    "b",
    { heard: [{ node: a.self, boot: 1, number: a.state.sent.number, counts: true }] },
    { echo: null },
  );
  assert.equal(a.acts, false);
  a.hears("b", {}, { echo: 1 });
  assert.equal(a.acts, false);
});

test("a voter needs one other of three, two others of four and of five", () => {
  for (const [voters, needed] of [
    [["a", "b", "w"], 1],
    [["a", "b", "c", "w"], 2],
    [["a", "b", "c", "d", "w"], 2],
  ] as const) {
    const a = awake("a", { voters });
    const others = voters.filter((v) => v !== "a");
    others.slice(0, needed - 1).forEach((v) => void a.hears(v));
    assert.equal(a.acts, false, `${needed - 1} of ${voters.length}`);
    a.hears(others[needed - 1] ?? "");
    assert.equal(a.acts, true, `${needed} of ${voters.length}`);
  }
});

test("a node that is no voter needs a quorum of others", () => {
  const c = awake("c", { others: ["c"] });
  c.hears("a");
  assert.equal(c.acts, false);
  c.hears("b");
  assert.equal(c.acts, true);
});

test("of several acknowledgements the one that completes the quorum sets the end", () => {
  const a = awake("a", { voters: ["a", "b", "c", "d", "w"] });
  const now = a.state.sent.lastAt;
  a.hears("b").hears("c", {}, { echo: a.state.sent.number - 1 });
  assert.equal(a.state.acting.until, now - 50 + USABLE);
  a.hears("d");
  assert.equal(a.state.acting.until, now + USABLE);
});

test("acknowledgements of who is no voter and those that do not count give no right", () => {
  const a = awake("a", { others: ["c"] });
  a.hears("c").hears("b", {}, { counts: false });
  assert.equal(a.acts, false);
});

test("a lapse is seen before a new acknowledgement is used", () => {
  const a = acting("a");
  const { session, until } = a.state.acting;
  a.at(until).hears("b");
  assert.notDeepEqual(a.state.acting.session, session);
  assert.equal(a.state.acting.lapsed, "not-acknowledged");
});

test("the right ends at its instant, not after it", () => {
  const a = acting("a");
  const { until } = a.state.acting;
  assert.equal(a.at(until - 0.1).wake().acts, true);
  assert.equal(a.at(until).wake().acts, false);
});

test("the right to act begins with a session of its own", () => {
  const a = awake("a");
  const { session } = a.state.acting;
  a.hears("b");
  assert.deepEqual(a.state.acting.session, { boot: 1, lapses: session.lapses + 1 });
});

test("a session lasts while acknowledgements come in time", () => {
  const a = acting("a");
  const { session } = a.state.acting;
  for (let i = 0; i < 20; i++) a.until(a.now + 100).hears("w");
  assert.deepEqual(a.state.acting.session, session);
});

test("a voter says nothing that counts for the longest lease after its start", () => {
  const a = new Bench("a");
  const asks = { leads: 3, term: 3, exclude: [a.peer("w").id] };
  for (const at of [0, 400, 800]) a.until(at).hears("b", asks);
  a.until(MUTE);
  const { vote, voteIsFree, promises, heard } = a.said();
  assert.deepEqual({ vote, voteIsFree, promises }, { vote: null, voteIsFree: false, promises: [] });
  assert.deepEqual(
    heard.map(({ node, counts }) => [node, counts]),
    [["b", false]],
  );
  a.at(MUTE + 0.1).hears("b");
  assert.equal(a.acts, true, "two of three, itself included, once it may speak");
});

test("a mute voter does not count itself", () => {
  const a = new Bench("a").until(500);
  a.hears("b");
  assert.equal(a.acts, false);
  assert.equal(a.said().heard[0]?.counts, false);
});

test("a reset ends the session and is confirmed; the same reset again is nothing new", () => {
  const a = acting("a");
  const { session } = a.state.acting;
  const id = { term: a.state.term, number: 1 };
  const told = { leads: id.term, reset: [{ node: a.self, id }] };
  a.hears("b", told);
  const after = a.state.acting.session;
  assert.notDeepEqual(after, session);
  assert.deepEqual(a.said().resetDone, id);
  a.hears("b", told);
  assert.equal(a.state.acting.lapsed, "reset");
  assert.equal(a.state.acting.session.lapses, after.lapses);
});

test("a reset of an older term, of another node, or from who does not lead, is not obeyed", () => {
  const a = acting("a").hears("w", { term: 5 });
  const { session } = a.state.acting;
  const id = { term: a.state.term, number: 1 };
  const old = { term: 4 as typeof a.state.term, number: 1 };
  a.hears("b", { leads: 4, reset: [{ node: a.self, id: old }] });
  a.hears("b", { leads: 5, reset: [{ node: a.peer("w").id, id }] });
  a.hears("b", { leads: null, reset: [{ node: a.self, id }] });
  a.hears("b", { leads: 5, reset: [{ node: a.self, id }] }, { echo: null });
  assert.deepEqual(a.state.acting.session, session);
});

test("a silent worker ends the session and the pulses; its first word begins both again", () => {
  const a = new Bench("a", { workerSilence: 2_000 });
  a.until(1_950).hears("b");
  const { session } = a.state.acting;
  assert.equal(a.acts, true);
  a.at(2_001).wake();
  assert.equal(a.acts, false);
  assert.equal(a.state.acting.lapsed, "worker-silent");
  assert.ok(a.state.acting.session.lapses > session.lapses);
  a.at(2_200).hears("b");
  assert.equal(a.acts, false);
  assert.deepEqual(a.did("send"), []);
  assert.ok(a.wokenAt() >= 2_200 + 12, "it does not spin while it has nothing to send");
  a.at(2_300).worker({ kind: "alive" });
  assert.equal(a.did("send").length, 1);
  a.at(2_310).hears("b");
  assert.equal(a.acts, true);
});

test("a node that left neither acts nor acknowledges, votes or leads", () => {
  const a = acting("a").worker({ kind: "leave" });
  a.at(a.now + 60)
    .hears("b", { voteIsFree: true })
    .hears("w", { voteIsFree: true });
  assert.equal(a.acts, false);
  a.until(a.now + LEASE);
  const { left, voteIsFree, candidate, heard } = a.said();
  assert.deepEqual({ left, voteIsFree, candidate }, { left: true, voteIsFree: false, candidate: null });
  assert.ok(heard.every((h) => !h.counts));
});
