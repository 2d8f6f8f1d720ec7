// What operators ask on this node, on its way to the leader and back.

import type { Intent } from "#model/intents.ts";
import type { IntentAnswer } from "#model/order.ts";
import type { Instant, Term } from "#model/units.ts";
import { between, NEVER, NO_TERM } from "#model/units.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";

export interface PendingAsk {
  readonly id: string;
  readonly intent: Intent;
  readonly since: Instant;
  readonly sentAt: Instant;
  /** To the leader of which term it went last; NO_TERM: to none yet. */
  readonly sentTo: Term;
}

/** After this nothing is known about a wish any more, ms. */
const PATIENCE = 10_000;
const RESEND = 300;
/** More than an operator can type. */
const PENDING_LIMIT = 64;

export function foldLocalAsk(state: WorkerState, id: string, intent: Intent, now: Instant): WorkerState {
  const ask: PendingAsk = { id, intent, since: now, sentAt: NEVER, sentTo: NO_TERM };
  return { ...state, asks: [...state.asks, ask].slice(-PENDING_LIMIT) };
}

export function answerAsk(
  state: WorkerState,
  id: string,
  term: Term,
  answer: IntentAnswer,
  effects: WorkerEffect[],
): WorkerState {
  // An earlier leader's answer comes too late: the wish went on to a newer one, which may carry it out.
  if (!state.asks.some((a) => a.id === id && a.sentTo === term)) return state;
  effects.push({ kind: "answer", id, answer });
  return { ...state, asks: state.asks.filter((a) => a.id !== id) };
}

export function expireAsks(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const late = state.asks.filter((a) => between(a.since, now) > PATIENCE);
  if (late.length === 0) return state;
  for (const { id } of late) {
    const reason =
      state.news?.leader === null
        ? "there is no leader: a quorum of voters does not answer"
        : "the leader did not answer in time; it may or may not have accepted it";
    effects.push({ kind: "answer", id, answer: { kind: "unknown", reason } });
  }
  return { ...state, asks: state.asks.filter((a) => !late.includes(a)) };
}

/** To whoever leads now; again until answered, since the leader knows a wish by its id. */
export function resendAsks(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const leader = state.news?.leader ?? null;
  if (leader === null || state.asks.every((a) => between(a.sentAt, now) < RESEND)) return state;
  const term = state.news?.term ?? NO_TERM;
  const asks = state.asks.map((ask) => {
    if (between(ask.sentAt, now) < RESEND) return ask;
    effects.push({
      kind: "send",
      to: leader,
      message: { kind: "ask", id: ask.id, term, intent: ask.intent },
    });
    return { ...ask, sentAt: now, sentTo: term };
  });
  return { ...state, asks };
}
