import assert from "node:assert/strict";
import { test } from "node:test";
import type { FenceDevice, FenceLevel, NodeFencing } from "#model/fencing.ts";
import { nodeId } from "#model/ids.ts";
import { FOREVER, type Instant, instant, ms, plus } from "#model/units.ts";
import {
  type FenceTurn,
  type FenceWish,
  foldFenceAnswer,
  isFencingOver,
  powerOnAgain,
  powerOnProblems,
  startFencing,
  wakeFencing,
} from "./procedure.ts";
import { ANSWER_GRACE, type FenceSaid, STATUS_PAUSE } from "./procedure-device.ts";

const T0 = instant(1000);
const TIMEOUT = ms(5000);
const argv = ["/bin/true"];

const ipmi = (id: string): FenceDevice => ({
  kind: "agent",
  id,
  agent: "fence_ipmilan",
  options: [],
  passwordFile: null,
  timeout: TIMEOUT,
});
const command = (id: string, on: boolean): FenceDevice => ({
  kind: "command",
  id,
  off: argv,
  status: argv,
  on: on ? argv : null,
  timeout: TIMEOUT,
});
const ssh: FenceDevice = { kind: "ssh", id: "ssh", target: "chip", keyFile: null, timeout: TIMEOUT };
const operator: FenceDevice = { kind: "operator", id: "operator", timeout: TIMEOUT };

const fencingOf = (...levels: FenceLevel[]): NodeFencing => ({ node: nodeId("chip"), levels });

type Kind = FenceSaid["kind"];
const said = (kind: Kind): FenceSaid =>
  kind === "unknown" ? { kind, waited: TIMEOUT, detail: "slow" } : { kind, detail: kind };

/** Plays a run by hand: what is on its way, and what time it is. */
function play(fencing: NodeFencing, firstCallId = 1) {
  let turn: FenceTurn = startFencing(fencing, firstCallId, T0);
  let now: Instant = T0;
  const log: string[] = [];
  let open: FenceWish[] = [];
  const take = (next: FenceTurn) => {
    turn = next;
    open.push(...next.calls);
    log.push(...next.calls.map(({ device, verb }) => `${device.id} ${verb}`));
  };
  take(turn);
  const self = {
    turn: () => turn,
    log,
    open: () => open,
    now: () => now,
    find: (id: string, verb: string) => open.find((wish) => wish.device.id === id && wish.verb === verb),
    answer: (id: string, verb: string, kind: Kind) => {
      const wish = self.find(id, verb);
      assert.ok(wish, `${id} ${verb} is not on its way; ${log.join(", ")}`);
      open = open.filter((each) => each !== wish);
      take(foldFenceAnswer(turn.run, wish.callId, said(kind), now));
      return self;
    },
    late: (callId: number, kind: Kind) => {
      take(foldFenceAnswer(turn.run, callId, said(kind), now));
      return self;
    },
    after: (duration: number) => {
      now = plus(now, ms(duration));
      take(wakeFencing(turn.run, now));
      return self;
    },
    powerOn: () => {
      take(powerOnAgain(turn.run, now));
      return self;
    },
    result: () => turn.outcome?.kind ?? null,
    sentence: () => turn.outcome?.sentence ?? "",
  };
  return self;
}

const OFFS: readonly (Kind | "none")[] = ["done", "failed", "unknown", "is-on", "is-off", "none"];
const STATUSES: readonly (Kind | "none")[] = ["is-off", "is-on", "failed", "unknown", "done", "none"];

/** Answers one device's three calls; "none": never. */
function feed(run: ReturnType<typeof play>, id: string, verb: "off" | "status", kind: Kind | "none"): void {
  if (kind !== "none") run.answer(id, verb, kind);
  else run.after(TIMEOUT + ANSWER_GRACE);
}

test("off, two statuses that say off, a pause between them: proved, and nothing is switched on unasked", () => {
  const run = play(fencingOf([ipmi("a")]));
  run.answer("a", "off", "done").answer("a", "status", "is-off");
  assert.equal(run.result(), null);
  assert.equal(run.turn().wakeAt, plus(T0, STATUS_PAUSE));
  run.after(STATUS_PAUSE - 1);
  assert.deepEqual(run.open(), []);
  run.after(1).answer("a", "status", "is-off");
  assert.equal(run.result(), "proved");
  assert.equal(run.sentence(), "chip is off: a said so twice");
  assert.deepEqual(run.log, ["a off", "a status", "a status"]);
  assert.deepEqual([run.turn().wakeAt, isFencingOver(run.turn().run)], [FOREVER, false]);
  run.powerOn();
  assert.deepEqual(run.log.slice(3), ["a on"]);
  run.answer("a", "on", "done");
  assert.deepEqual([run.result(), powerOnProblems(run.turn().run)], ["proved", []]);
  assert.equal(isFencingOver(run.turn().run), true);
});

test("one device, every answer to every call: proved exactly if both statuses say off", () => {
  for (const off of OFFS) {
    for (const first of STATUSES) {
      for (const second of STATUSES) {
        const run = play(fencingOf([ipmi("a")]));
        feed(run, "a", "off", off);
        // Whatever off came to, the status is asked for.
        assert.deepEqual(run.log, ["a off", "a status"], off);
        feed(run, "a", "status", first);
        if (first === "is-off") feed(run.after(STATUS_PAUSE), "a", "status", second);
        const isProof = first === "is-off" && second === "is-off";
        assert.equal(run.result(), isProof ? "proved" : "failed", `${off} ${first} ${second}`);
        assert.ok(!run.log.includes("a on"));
        assert.equal(isFencingOver(run.turn().run), !isProof);
      }
    }
  }
});

test("two devices of a level, every pair of answers and both orders: proved exactly if each is", () => {
  for (const a of STATUSES) {
    for (const b of STATUSES) {
      for (const order of [
        ["a", "b"],
        ["b", "a"],
      ]) {
        const run = play(fencingOf([ipmi("a"), ipmi("b")]));
        assert.deepEqual(run.log, ["a off", "b off"], "in parallel");
        const answers: Record<string, Kind | "none"> = { a, b };
        for (const id of order) run.answer(id, "off", "done");
        for (const id of order) if (run.find(id, "status")) feed(run, id, "status", "is-off");
        run.after(STATUS_PAUSE);
        for (const id of order) if (run.find(id, "status")) feed(run, id, "status", answers[id] ?? "none");
        const isProof = a === "is-off" && b === "is-off";
        assert.equal(run.result(), isProof ? "proved" : "failed", `${a} ${b} ${order}`);
      }
    }
  }
});

test("a device that lies is not believed: off done, status on", () => {
  const run = play(fencingOf([ipmi("a")], [command("b", false)]));
  run.answer("a", "off", "done").answer("a", "status", "is-on");
  assert.deepEqual(run.log, ["a off", "a status", "b off"]);
  run.answer("b", "off", "done").answer("b", "status", "is-off").after(STATUS_PAUSE);
  run.answer("b", "status", "is-on");
  assert.equal(run.result(), "failed");
  assert.equal(
    run.sentence(),
    "chip could not be fenced. level 1: a: it is on after off. level 2: b: it said off and then on again",
  );
});

test("an off that failed is told with the status that contradicts it", () => {
  const run = play(fencingOf([ipmi("a")]));
  run.answer("a", "off", "unknown").answer("a", "status", "failed");
  assert.equal(run.sentence(), "chip could not be fenced. level 1: a: status: failed; off: unknown (slow)");
});

test("a level is left only when none of its calls is on its way", () => {
  const run = play(fencingOf([ipmi("a"), ipmi("b")], [ipmi("c")]));
  run.answer("a", "off", "failed").answer("a", "status", "failed");
  assert.deepEqual(run.log, ["a off", "b off", "a status"]);
  // Nothing more is asked in a level that is lost.
  run.answer("b", "off", "done");
  assert.deepEqual(run.log.slice(3), ["c off"]);
});

test("a level is left while a device of it rests between its statuses", () => {
  const run = play(fencingOf([ipmi("a"), ipmi("b")], [ipmi("c")]));
  run.answer("b", "off", "done").answer("b", "status", "is-off");
  run.answer("a", "off", "done").answer("a", "status", "unknown");
  assert.deepEqual(run.log.slice(-1), ["c off"]);
  run.after(STATUS_PAUSE);
  assert.deepEqual(run.log.slice(-1), ["c off"], "b is not asked again");
});

test("an answer to a call of an earlier run, given up, unknown or doubled changes nothing", () => {
  const run = play(fencingOf([ipmi("a")]), 10);
  const state = () => JSON.stringify(run.turn().run);
  const before = state();
  for (const callId of [0, 1, 9, 11, -1, Number.NaN]) run.late(callId, "is-off");
  assert.equal(state(), before);
  run.answer("a", "off", "done");
  const asked = state();
  run.late(10, "is-off").late(10, "done");
  assert.equal(state(), asked);
  // The first status never comes; it is given up, and then it does come.
  run.after(TIMEOUT + ANSWER_GRACE);
  assert.equal(run.result(), "failed");
  run.late(11, "is-off").late(11, "is-off");
  assert.equal(run.result(), "failed");
});

test("a status that answers twice counts once", () => {
  const run = play(fencingOf([ipmi("a")]));
  run.answer("a", "off", "done").answer("a", "status", "is-off").late(2, "is-off").after(STATUS_PAUSE);
  assert.equal(run.result(), null);
  run.late(2, "is-off");
  assert.equal(run.result(), null);
  run.answer("a", "status", "is-off");
  assert.equal(run.result(), "proved");
});

test("an answer in the last moment counts, one past it does not", () => {
  const run = play(fencingOf([ipmi("a")]));
  assert.equal(run.turn().wakeAt, plus(T0, ms(TIMEOUT + ANSWER_GRACE)));
  run.after(TIMEOUT + ANSWER_GRACE - 1);
  assert.deepEqual(run.log, ["a off"]);
  run.after(1);
  assert.deepEqual(run.log, ["a off", "a status"]);
});

test("ssh asks politely and never proves; the next level follows", () => {
  for (const kind of ["done", "failed", "unknown", "is-off"] as const) {
    const run = play(fencingOf([ssh], [ipmi("a")]));
    run.answer("ssh", "off", kind);
    assert.deepEqual(run.log, ["ssh off", "a off"], "no status of ssh");
    run.answer("a", "off", "done").answer("a", "status", "is-off").after(STATUS_PAUSE);
    run.answer("a", "status", "is-off").powerOn();
    assert.deepEqual(run.log.slice(-1), ["a on"], "nothing is switched on over ssh");
  }
});

test("a level with a device that cannot prove never proves", () => {
  for (const polite of [ssh, operator]) {
    const run = play(fencingOf([ipmi("a"), polite]));
    run.answer("a", "off", "done").answer("a", "status", "is-off").after(STATUS_PAUSE);
    run.answer("a", "status", "is-off");
    assert.equal(run.result(), null);
    run.answer(polite.id, "off", "is-off");
    assert.equal(run.result(), "failed");
  }
});

test("no level, or a level without a device, proves nothing", () => {
  const none = play(fencingOf());
  assert.deepEqual([none.result(), none.log], ["failed", []]);
  assert.equal(none.sentence(), "chip could not be fenced. it has no device");
  const empty = play(fencingOf([], [ipmi("a")]));
  assert.deepEqual([empty.result(), empty.log], [null, ["a off"]]);
  assert.equal(play(fencingOf([], [])).result(), "failed");
});

test("whatever was told off in any level is switched on, each device once", () => {
  const a = ipmi("a");
  const run = play(fencingOf([ssh, a], [a, command("b", false)], [ipmi("c"), command("d", true)]));
  run.answer("ssh", "off", "done").answer("a", "off", "done");
  run.answer("a", "off", "done").answer("b", "off", "done");
  run.answer("a", "status", "is-off").answer("b", "status", "failed");
  for (const id of ["c", "d"]) run.answer(id, "off", "done").answer(id, "status", "is-off");
  run.after(STATUS_PAUSE).answer("c", "status", "is-off").answer("d", "status", "is-off");
  assert.equal(run.sentence(), "chip is off: c and d said so twice");
  run.powerOn();
  assert.deepEqual(
    run.open().map(({ device, verb }) => `${device.id} ${verb}`),
    ["a on", "c on", "d on"],
  );
  run.answer("a", "on", "failed").answer("c", "on", "done");
  assert.equal(isFencingOver(run.turn().run), false);
  run.after(TIMEOUT + ANSWER_GRACE);
  assert.equal(isFencingOver(run.turn().run), true);
  assert.equal(run.result(), "proved");
  assert.deepEqual(powerOnProblems(run.turn().run), [
    "a could not switch on: failed",
    "d could not switch on: unknown (no answer after 6000 ms)",
  ]);
});

test("switching on twice does nothing, and before the proof it is a bug", () => {
  const run = play(fencingOf([ipmi("a")]));
  assert.throws(() => run.powerOn(), /before the proof/);
  run.answer("a", "off", "done").answer("a", "status", "is-off").after(STATUS_PAUSE);
  run.answer("a", "status", "is-off").powerOn().powerOn();
  assert.deepEqual(run.log.slice(3), ["a on"]);
});

test("call ids grow by one, without a gap or a repetition", () => {
  const run = play(fencingOf([ipmi("a"), ipmi("b")], [ipmi("c")]), 40);
  const ids: number[] = run.open().map(({ callId }) => callId);
  for (let step = 0; step < 30 && run.result() === null; step += 1) {
    const [wish] = run.open();
    const before = run.open().length;
    if (wish === undefined) run.after(STATUS_PAUSE);
    else
      run.answer(
        wish.device.id,
        wish.verb,
        wish.verb === "off" ? "done" : wish.device.id === "b" ? "is-on" : "is-off",
      );
    ids.push(...run.turn().calls.map(({ callId }) => callId));
    assert.ok(run.open().length <= before + 2);
  }
  assert.equal(run.result(), "proved");
  assert.deepEqual(
    ids,
    Array.from({ length: ids.length }, (_, index) => 40 + index),
  );
  assert.equal(run.turn().run.nextCallId, 40 + ids.length);
});

test("random answers at random times: proof exactly when a level's devices each said off twice last", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const counts = { proved: 0, failed: 0 };
  for (let round = 0; round < 2000; round += 1) {
    const levels = Array.from({ length: 1 + random(3) }, (_, level) =>
      Array.from({ length: 1 + random(3) }, (_unused, at) => (random(8) === 0 ? ssh : ipmi(`${level}${at}`))),
    );
    const run = play(fencingOf(...levels));
    const row = new Map<string, number>();
    for (let step = 0; run.result() === null; step += 1) {
      assert.ok(step < 200, "it ends");
      const wish = run.open()[random(run.open().length + 1)];
      if (wish === undefined) {
        // What was given up is never answered here; a status on its way says nothing more then.
        run.after(random(10) === 0 ? 6000 : 100);
        continue;
      }
      const kind: Kind =
        random(9) > 0
          ? wish.verb === "off"
            ? "done"
            : "is-off"
          : ((["is-on", "failed", "unknown"] as const)[random(3)] ?? "failed");
      const isAwaited = run
        .turn()
        .run.devices.some(({ step: s }) => s.kind === "calling" && s.callId === wish.callId);
      run.answer(wish.device.id, wish.verb, kind);
      if (!isAwaited || wish.verb === "off") continue;
      row.set(wish.device.id, kind === "is-off" ? (row.get(wish.device.id) ?? 0) + 1 : 0);
    }
    const level = levels[run.turn().run.level] ?? [];
    const result = run.result() ?? "failed";
    counts[result] += 1;
    if (result === "proved") assert.ok(level.every(({ id }) => (row.get(id) ?? 0) >= 2));
    else
      assert.ok(
        levels.every((each) => each.some(({ id, kind }) => kind === "ssh" || (row.get(id) ?? 0) < 2)),
      );
    assert.ok(run.log.every((line) => !line.endsWith(" on")));
  }
  assert.ok(counts.proved > 200 && counts.failed > 200, JSON.stringify(counts));
});
