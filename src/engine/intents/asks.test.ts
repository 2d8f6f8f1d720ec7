import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId, serviceName } from "#model/ids.ts";
import { instant, type Term, term } from "#model/units.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import { answerAsk, foldLocalAsk, resendAsks } from "./asks.ts";

const MOVE = { kind: "switchover", service: serviceName("web"), to: null } as const;

/** The part of a worker that asks need: who leads, in which term. */
function ledBy(leader: string, inTerm: number, asks: WorkerState["asks"] = []): WorkerState {
  return { asks, news: { leader: nodeId(leader), term: term(inTerm) } } as unknown as WorkerState;
}

function termsOf(effects: readonly WorkerEffect[]): Term[] {
  return effects.flatMap((e) => (e.kind === "send" && e.message.kind === "ask" ? [e.message.term] : []));
}

test("a wish goes to the leader with its term, and its answer ends it", () => {
  const effects: WorkerEffect[] = [];
  const asked = resendAsks(foldLocalAsk(ledBy("a", 3), "x.1", MOVE, instant(0)), instant(0), effects);
  assert.deepEqual(termsOf(effects), [3]);
  const answered = answerAsk(asked, "x.1", term(3), { kind: "refused", reason: "no" }, effects);
  assert.deepEqual(answered.asks, []);
  assert.equal(effects.at(-1)?.kind, "answer");
});

test("an earlier leader's answer is ignored once the wish went on to a newer one, which may carry it out", () => {
  const effects: WorkerEffect[] = [];
  const first = resendAsks(foldLocalAsk(ledBy("a", 3), "x.1", MOVE, instant(0)), instant(0), effects);
  const second = resendAsks(ledBy("b", 4, first.asks), instant(1_000), effects);
  assert.deepEqual(termsOf(effects), [3, 4]);
  const late = answerAsk(second, "x.1", term(3), { kind: "refused", reason: "no" }, effects);
  assert.equal(late.asks.length, 1);
  assert.ok(effects.every((e) => e.kind !== "answer"));
});
