import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "#model/ids.ts";
import { term } from "#model/units.ts";
import { ADDRESS, acting, awake, Bench, LEASE, leading, PULSE, vote } from "../../test/helpers/keeper.ts";
import { keeperNews } from "./news.ts";

const codes = (bench: Bench) => bench.journal().map((line) => line.code);
const memberNews = (bench: Bench, name: string) =>
  keeperNews(bench.state, bench.now).members.find((m) => m.node === name);
const standing = (bench: Bench, name: string) => memberNews(bench, name)?.standing;

test("the worker is told at once what changed, and now and then what did not", () => {
  const a = awake("a").hears("b");
  assert.equal(a.told("lease").at(-1)?.mayAct, true);
  a.wake();
  assert.deepEqual(a.told("lease"), []);
  const told = [];
  for (let pulses = 0; pulses < 20; pulses++) {
    a.at(a.now + PULSE).hears("b");
    told.push(...a.told("lease"));
  }
  assert.equal(told.length, 1);
});

test("the beginning of the right to act is in the journal", () => {
  const [line] = awake("a")
    .hears("b")
    .journal()
    .filter((l) => l.area === "lease");
  assert.deepEqual([line?.subject, line?.what, line?.code], ["a", "waiting -> acting", "acknowledged"]);
});

test("a lapse says its true reason: not acknowledged", () => {
  const a = acting("a");
  a.at(a.state.acting.until).wake();
  const line = a.journal().find((l) => l.what === "acting -> lapsed");
  assert.deepEqual(
    [line?.code, line?.why],
    ["not-acknowledged", "no quorum of voters acknowledged it for 400 ms"],
  );
});

test("a lapse says its true reason: reset by the leader, also when it acts again in the same moment", () => {
  const a = acting("a").hears("b", {
    leads: 3,
    term: 3,
    reset: [{ node: nodeId("a"), id: { term: term(3), number: 1 } }],
  });
  assert.equal(a.journal().find((l) => l.what === "acting -> lapsed")?.code, "reset");
  assert.ok(codes(a).includes("acknowledged"), "it acts again at once, in another session");
});

test("a lapse says its true reason: the worker was silent", () => {
  const a = new Bench("a", { workerSilence: 2_000 }).until(1_990).hears("b");
  a.at(2_001).wake();
  const line = a.journal().find((l) => l.what === "acting -> lapsed");
  assert.deepEqual(
    [line?.code, line?.why],
    ["worker-silent", "the other half of the daemon was silent for 2000 ms"],
  );
});

test("a lapse says its true reason: the daemon is stopping", () => {
  const a = acting("a").worker({ kind: "leave" });
  assert.equal(a.journal().find((l) => l.what === "acting -> lapsed")?.code, "left");
  assert.equal(a.told("lease").at(-1)?.left, true);
});

test("an earlier cause does not stick: the next lapse says its own", () => {
  const a = acting("a").hears("b", {
    leads: 3,
    term: 3,
    reset: [{ node: nodeId("a"), id: { term: term(3), number: 1 } }],
  });
  a.at(a.state.acting.until).wake();
  assert.equal(a.journal().find((l) => l.what === "acting -> lapsed")?.code, "not-acknowledged");
});

test("who leads is who says so in the highest term, itself included", () => {
  const w = awake("w").hears("a", { term: 3, leads: 3 });
  assert.equal(keeperNews(w.state, w.now).leader, "a");
  w.hears("b", { term: 4, leads: 4 });
  assert.equal(keeperNews(w.state, w.now).leader, "b");
  const a = leading("a");
  assert.deepEqual([keeperNews(a.state, a.now).leader, keeperNews(a.state, a.now).leads], ["a", true]);
});

test("who led in a term that is over leads no more", () => {
  const w = awake("w").hears("a", { term: 3, leads: 3 }).hears("b", { term: 4 });
  assert.equal(keeperNews(w.state, w.now).leader, null);
});

test("members that are heard are alive, others silent, those that said goodbye left", () => {
  const a = awake("a").hears("b");
  assert.deepEqual([standing(a, "b"), standing(a, "w")], ["alive", "silent"]);
  a.hears("b", { left: true });
  assert.equal(standing(a, "b"), "left");
  a.until(a.now + 2 * LEASE);
  assert.equal(standing(a, "b"), "left");
});

test("only the leader calls a member excluded, and tells the reason", () => {
  const a = leading("a");
  const says = { term: a.state.term, vote: vote(a.state.term, "a") };
  const promises = [{ node: nodeId("b"), term: a.state.term }];
  for (let i = 0; i < 15; i++) a.until(a.now + PULSE).hears("w", i < 12 ? says : { ...says, promises });
  assert.equal(standing(a, "b"), "excluded");
  const aboutB = a.lines.filter((line) => line.subject === "b").map((line) => line.what);
  assert.deepEqual(aboutB.slice(-2), ["alive -> silent", "silent -> excluded"]);
});

test("a link that fails is in the journal while another still works", () => {
  const a = awake("a", { links: 2 }).hears("b", {}, { link: 0 }).hears("b", { number: 1 }, { link: 1 });
  for (let i = 0; i < 12; i++) a.at(a.now + PULSE).hears("b", {}, { link: 0 });
  const down = a.lines.filter((line) => line.code === "link-down").map((line) => line.what);
  assert.deepEqual(down, ["link 10.1.0.98 up -> down"]);
});

test("another list of voters is told, and so is another configuration", () => {
  const a = awake("a").hears("b", { voters: "others", config: "another" });
  const b = keeperNews(a.state, a.now).members.find((m) => m.node === "b");
  assert.deepEqual([b?.foreignVoters, b?.foreignConfig], [true, true]);
  assert.ok(codes(a).includes("foreign-voters"));
});

test("a claim is in the journal with its MAC address, once a minute at most", () => {
  const claim = { kind: "claimed", ip: ADDRESS.ip, mac: "02:00:00:00:00:09" } as const;
  const a = acting("a");
  a.worker({ kind: "take", id: 1, session: a.state.acting.session, grants: [ADDRESS] }).handle(claim);
  const line = a.journal().find((l) => l.code === "address-conflict");
  assert.deepEqual([line?.subject, line?.what], [ADDRESS.ip, "claimed by 02:00:00:00:00:09"]);
  a.handle(claim);
  assert.deepEqual(codes(a), []);
  a.handle({ ...claim, mac: "02:00:00:00:00:0a" });
  assert.deepEqual(codes(a), ["address-conflict"]);
});

test("the session of a member is known when it answered this life: before, its pulse may be from an earlier life", () => {
  const a = awake("a").hears("b", { session: { boot: 2, lapses: 1 } }, { echo: null });
  assert.deepEqual([standing(a, "b"), memberNews(a, "b")?.session], ["alive", null]);
  a.hears("b", { session: { boot: 3, lapses: 0 } });
  assert.deepEqual(memberNews(a, "b")?.session, { boot: 3, lapses: 0 });
});
