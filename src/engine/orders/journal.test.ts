import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcessResource, ServiceConfig } from "#model/config.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import { instant, ms, term } from "#model/units.ts";
import type { WorkerState } from "../worker.ts";
import { foldOpEnd } from "./fold.ts";
import { journalRuns } from "./journal.ts";
import { newRun, type ServiceRun } from "./run.ts";
import { noteSlow } from "./turn.ts";

const NOW = instant(1_000_000);
const WEB = serviceName("web");

const SERVER: ProcessResource = {
  id: "server",
  kind: "process",
  run: ["/server"],
  user: null,
  directory: null,
  env: {},
  restarts: { limit: 1, within: ms(10_000) },
  stopTimeout: ms(10_000),
  exclusive: true,
};

const CONFIG: ServiceConfig = {
  name: WEB,
  place: [nodeId("a"), nodeId("b")],
  failback: { kind: "manual" },
  resources: [SERVER],
  checks: [],
  restarts: { limit: 0, within: ms(10_000) },
  failureAge: ms(60_000),
  split: "proof",
};

function stateWith(
  run: ServiceRun,
  watchdog = { stage: "none", timeout: null as number | null },
): WorkerState {
  const state = {
    identity: { self: nodeId("a") },
    node: { runs: new Map([[WEB, run]]), term: term(3), reach: "ok" },
    news: { watchdog },
  };
  return state as unknown as WorkerState;
}

const stopping = (run: ServiceRun): ServiceRun => ({
  ...run,
  op: { id: 1, verb: "stop", indices: [0], since: NOW, deadline: ms(15_000), isSlow: false },
});

const failStop = (run: ServiceRun): ServiceRun =>
  foldOpEnd(stopping(run), 1, { kind: "failed", why: "process 7 is still alive after SIGKILL" }, NOW);

const linesOf = (before: WorkerState, after: WorkerState): string[] =>
  journalRuns(before, after).flatMap((effect) =>
    effect.kind === "journal" ? [`${effect.line.what} (${effect.line.code}) ${effect.line.why}`] : [],
  );

test("a stop is told once when it has taken a second, with what follows and when", () => {
  const before = stateWith(stopping(newRun(CONFIG, NOW)));
  assert.equal(noteSlow(before, instant(NOW + 999)), before);
  const after = noteSlow(before, instant(NOW + 1_000));
  assert.deepEqual(linesOf(before, after), [
    "a: still stopping (stop-slow) stop of server was asked and is not over; SIGKILL follows 10 s after SIGTERM",
  ]);
  assert.equal(noteSlow(after, instant(NOW + 2_000)), after);
});

test("a stop that failed is tried again, and after the second time only a reset helps: that is told once", () => {
  const once = failStop(newRun(CONFIG, NOW));
  const twice = failStop(once);
  assert.deepEqual(linesOf(stateWith(newRun(CONFIG, NOW)), stateWith(once)), [
    "a: not stopped (stop-failed) process 7 is still alive after SIGKILL; tried again in 5 s",
  ]);
  assert.deepEqual(linesOf(stateWith(once), stateWith(twice)), [
    "a: cannot be stopped (stuck) process 7 is still alive after SIGKILL, for the second time; only a fence or reset of a makes certain that it ends",
  ]);
  assert.deepEqual(linesOf(stateWith(twice), stateWith(failStop(twice))), []);
});

test("with an armed watchdog the journal says that it resets the node, and within which time", () => {
  const once = failStop(newRun(CONFIG, NOW));
  const [line] = linesOf(stateWith(once), stateWith(failStop(once), { stage: "armed", timeout: 10_000 }));
  assert.match(line ?? "", /; its watchdog is not fed any more and resets it within 10 s$/);
});
