import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deed } from "#model/deeds.ts";
import type { LeaseNews, MemberNews } from "#model/halves.ts";
import { nodeId } from "#model/ids.ts";
import type { ClusterPicture, MemberStanding } from "#model/order.ts";
import { FOREVER, instant, ms, ratio, term } from "#model/units.ts";
import { CONFIGURED } from "#model/voters.ts";
import { parseConfig } from "../../config/parse.ts";
import { identify } from "../identity.ts";
import { emptyIntents } from "../intents/document.ts";
import { CLAUSES } from "../lease/clauses.ts";
import {
  handleWorker,
  startWorker,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
} from "../worker.ts";
import type { FenceSaid } from "./procedure-device.ts";

const [CHIP, DALE, EAGLE] = [nodeId("chip"), nodeId("dale"), nodeId("eagle")];
const FENCE = "{ command: { off: [/bin/off], status: [/bin/status] } }";
const TEXT = `version: 1
cluster: office
nodes: { chip: 198.51.100.21, dale: 198.51.100.22, eagle: 198.51.100.23 }
fencing: { chip: ${FENCE}, eagle: ${FENCE}, dale: operator }
services:
  db:
    place: [chip, eagle]
    resources:
      - process: /bin/db
`;

const LEASE = ms(500);
const SESSION = { boot: 3, lapses: 1 };

const PICTURE: ClusterPicture = {
  leader: EAGLE,
  term: term(4),
  phase: "leading",
  members: [],
  placements: [],
  intents: emptyIntents(),
  proofs: [],
  proving: [],
};

/** dale's worker, and everything that it wished for. */
class Dale {
  readonly effects: WorkerEffect[] = [];
  state: WorkerState;
  now = 10_000;

  constructor() {
    const parsed = parseConfig(TEXT);
    assert.ok(parsed.kind === "ok");
    const { config } = parsed;
    const identity = identify({
      config,
      self: DALE,
      boot: 1,
      isRealtime: true,
      kernelBoot: "k",
      clauses: CLAUSES,
    });
    assert.deepEqual([identity.lease, identity.drift], [LEASE, ratio(0.2)]);
    this.state = startWorker(identity, config, { intents: null }, [], instant(this.now));
    this.hear("alive");
  }

  handle(event: WorkerEvent): void {
    const turn = handleWorker(this.state, event, instant(this.now));
    this.state = turn.state;
    this.effects.push(...turn.effects);
  }

  /** The keeper's news: chip stands so, eagle is well and leads. */
  hear(chip: MemberStanding, changes: Partial<LeaseNews> = {}): void {
    const member = (node: typeof CHIP, standing: MemberStanding): MemberNews => ({
      node,
      standing,
      session: SESSION,
      links: [],
      watchdog: null,
      foreignVoters: false,
      foreignConfig: false,
    });
    const news: LeaseNews = {
      kind: "lease",
      session: { boot: 1, lapses: 0 },
      mayAct: true,
      mayActUntil: FOREVER,
      term: term(4),
      leader: EAGLE,
      leads: false,
      members: [member(CHIP, chip), member(EAGLE, "alive")],
      othersSuffice: true,
      left: false,
      voters: { list: { id: CONFIGURED, voters: [] }, floor: CONFIGURED, isSettled: true },
      pair: null,
      watchdog: { stage: "none", timeout: null, problem: null },
      ...changes,
    };
    this.handle({ kind: "keeper", message: news });
  }

  ask(deed: Deed): void {
    this.handle({ kind: "deed", id: "deed 1", deed });
  }

  wait(milliseconds: number): void {
    this.now += milliseconds;
    this.handle({ kind: "wake" });
  }

  /** Answers the newest call. */
  say(kind: Exclude<FenceSaid["kind"], "unknown">): void {
    const call = this.#of("fence-call").at(-1);
    assert.ok(call !== undefined);
    this.handle({ kind: "fence-said", callId: call.callId, said: { kind, detail: kind } });
  }

  fence(): void {
    this.ask({ kind: "fence", node: CHIP, who: "anna" });
    this.say("done");
    this.say("is-off");
    this.wait(200);
    this.say("is-off");
  }

  get calls() {
    return this.#of("fence-call");
  }
  get answer() {
    return this.#of("deed-done").at(-1)?.answer ?? null;
  }
  get stored() {
    return (
      this.#of("store-proofs")
        .at(-1)
        ?.proofs.map(({ node, kind }) => [node, kind]) ?? []
    );
  }
  get toKeeper() {
    return this.#of("to-keeper").flatMap(({ message }) =>
      message.kind === "proof" ? [[message.proof.node, message.proof.kind]] : [],
    );
  }
  get journal() {
    return this.#of("journal")
      .filter(({ line }) => line.area === "fence")
      .map(({ line }) => `${line.subject} ${line.what}`);
  }

  #of<K extends WorkerEffect["kind"]>(kind: K): Extract<WorkerEffect, { kind: K }>[] {
    return this.effects.filter(
      (effect): effect is Extract<WorkerEffect, { kind: K }> => effect.kind === kind,
    );
  }
}

test("an operator's word is stored, told to the keeper and journalled in the same turn", () => {
  const dale = new Dale();
  dale.hear("excluded");
  dale.ask({ kind: "confirm-dead", node: CHIP, who: "anna" });
  assert.equal(dale.answer?.kind, "done");
  assert.deepEqual(dale.stored, [[CHIP, "confirmed-dead"]]);
  assert.deepEqual(dale.toKeeper, [[CHIP, "confirmed-dead"]]);
  assert.deepEqual(dale.journal, ["chip proved dead"]);
});

test("an operator's word about a node that was never heard here is for the leader to take", () => {
  const dale = new Dale();
  const never: MemberNews = {
    node: CHIP,
    standing: "silent",
    session: null,
    links: [],
    watchdog: null,
    foreignVoters: false,
    foreignConfig: false,
  };
  dale.hear("silent", { members: [never] });
  dale.ask({ kind: "confirm-dead", node: CHIP, who: "anna" });
  assert.deepEqual(dale.answer, {
    kind: "refused",
    reason: "dale has not heard chip since it started; say it on eagle",
  });
  dale.hear("excluded", { members: [{ ...never, standing: "excluded" }], leads: true, leader: DALE });
  dale.ask({ kind: "confirm-dead", node: CHIP, who: "anna" });
  assert.equal(dale.answer?.kind, "done");
});

test("a proof by a device is stored and told as well", () => {
  const dale = new Dale();
  dale.hear("excluded");
  dale.fence();
  assert.equal(dale.answer?.kind, "done");
  assert.deepEqual(dale.stored, [[CHIP, "fenced"]]);
  assert.deepEqual(dale.toKeeper, [[CHIP, "fenced"]]);
});

test("an operator's word about a node that is alive is refused", () => {
  const dale = new Dale();
  dale.ask({ kind: "confirm-dead", node: CHIP, who: "anna" });
  assert.deepEqual(dale.answer, { kind: "refused", reason: "chip is alive: its pulses come in time" });
  assert.deepEqual(dale.stored, []);
});

test("a node that was fenced alive still counts as alive for a moment: that contradicts nothing", () => {
  const dale = new Dale();
  dale.fence();
  dale.wait(400);
  dale.hear("silent");
  dale.wait(5_000);
  assert.deepEqual(dale.stored, [[CHIP, "fenced"]]);
  assert.deepEqual(dale.journal, ["chip being fenced", "chip proved dead"]);
});

test("a node that is heard long after it was proved dead was not: the proof is dropped, and that is said", () => {
  const dale = new Dale();
  dale.fence();
  dale.wait(2 * LEASE);
  assert.deepEqual(dale.stored, []);
  assert.equal(dale.journal.at(-1), "chip proof was wrong");
});

test("a test of one node's devices is judged by these alone", () => {
  const dale = new Dale();
  dale.ask({ kind: "fence-test", node: EAGLE });
  dale.say("failed");
  assert.equal(dale.answer?.kind, "failed");
  dale.ask({ kind: "fence-test", node: CHIP });
  dale.say("is-on");
  assert.deepEqual(dale.answer, { kind: "done", text: "chip: command off answers" });
});

test("what is learned of an earlier life of a node that lives does not read as if it were dead", () => {
  const dale = new Dale();
  const proof = { node: CHIP, boot: 2, lapses: null, kind: "fenced", sentence: "chip is off" } as const;
  const picture = { ...PICTURE, proofs: [proof] };
  const order = {
    id: { term: term(4), number: 0 },
    to: DALE,
    session: { boot: 1, lapses: 0 },
    wanted: null,
  };
  dale.handle({ kind: "message", from: EAGLE, message: { kind: "order", order, picture, reportSeen: 0 } });
  assert.deepEqual(dale.journal, ["chip an earlier life is proved over"]);
});

test("one of two voters, alone and without a device, says once what an operator has to do", () => {
  const dale = new Dale();
  const pair = { peer: CHIP, leadsEagerly: false, knowsPeer: false, silentSince: instant(dale.now) };
  const alone = { leader: null, mayAct: false, pair };
  dale.hear("silent", alone);
  dale.wait(4_999);
  assert.deepEqual(dale.journal, []);
  dale.wait(1);
  dale.wait(60_000);
  dale.hear("silent", alone);
  assert.deepEqual(dale.journal, ["chip has to be proved dead"]);
  dale.hear("alive");
  dale.hear("silent", { ...alone, pair: { ...pair, silentSince: instant(dale.now) } });
  dale.wait(5_000);
  assert.deepEqual(dale.journal, ["chip has to be proved dead", "chip has to be proved dead"]);
});

test("how long two actives were possible is said when it is over", () => {
  const dale = new Dale();
  const pair = { peer: CHIP, leadsEagerly: true, knowsPeer: true, silentSince: instant(dale.now) };
  const doubles = () =>
    dale.effects.flatMap((e) => (e.kind === "journal" && e.line.code === "double-over" ? [e.line.why] : []));
  dale.hear("silent", { leader: DALE, leads: true, pair });
  dale.wait(1_500);
  assert.deepEqual(doubles(), []);
  dale.hear("alive", {
    leader: DALE,
    leads: true,
    pair: { ...pair, leadsEagerly: false, silentSince: null },
  });
  dale.wait(1_500);
  assert.equal(doubles().length, 1);
  assert.match(doubles()[0] ?? "", /^for 1\.5 s dale led without a proof about chip; /);
});

test("a background test that gave way to a fencing says nothing about the device", () => {
  const dale = new Dale();
  dale.wait(5_000);
  const tests = dale.calls.filter(({ verb }) => verb === "status");
  assert.deepEqual(
    tests.map(({ node }) => node),
    [CHIP, EAGLE],
  );
  dale.hear("excluded");
  dale.ask({ kind: "fence", node: CHIP, who: "anna" });
  const said = { kind: "failed", detail: "given up" } as const;
  for (const { callId } of tests) dale.handle({ kind: "fence-said", callId, said });
  assert.deepEqual(dale.journal, ["chip being fenced", "eagle command off does not answer"]);
});

test("a device that takes its time to answer is not asked again meanwhile", () => {
  const dale = new Dale();
  dale.wait(6_000);
  assert.deepEqual(
    dale.calls.map(({ node, verb }) => [node, verb]),
    [
      [CHIP, "status"],
      [EAGLE, "status"],
    ],
  );
  for (let waited = 0; waited < 30; waited++) dale.wait(1_000);
  assert.equal(dale.calls.length, 2);
  dale.wait(dale.state.config.fencing.testEvery);
  assert.equal(dale.calls.length, 4);
});
