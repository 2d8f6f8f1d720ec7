// Fencing, as it goes: begins it where it is due, and records the proof before anything is switched on again.

import { coversSession, type DeathProof, UNHEARD } from "#model/fencing.ts";
import type { NodeId } from "#model/ids.ts";
import type { Instant, Ms } from "#model/units.ts";
import { earlier, FOREVER, ms, plus } from "#model/units.ts";
import { journalLine } from "../leader/command.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import { nextAloneAt, sayAlone } from "./alone.ts";
import { fenceTargets, fencingOf, isLimitReached, nextTargetAt, recentFences } from "./decide.ts";
import { foldTested, nextTestAt, testDevices } from "./devices.ts";
import { noteEager } from "./eager.ts";
import { firedWatchdogs, nextFiringAt } from "./fired.ts";
import {
  type FenceTurn,
  foldFenceAnswer,
  isFencingOver,
  powerOnAgain,
  powerOnProblems,
  startFencing,
  wakeFencing,
} from "./procedure.ts";
import type { FenceSaid } from "./procedure-device.ts";
import { addProof, contradicted, dropUnheard, lastingProofs, lastSession } from "./proofs.ts";
import { type RunningFence, withFencing } from "./state.ts";

/** After every level failed: not before this, and twice as long each further time. ms */
const AGAIN_AFTER = 10_000;
const DOUBLINGS_MAX = 5;

/** Begins, goes on with and ends what is due. */
export function fencingTurn(before: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  let state = dropContradicted(wakeRunning(before, now, effects), now, effects);
  state = noteFiredWatchdogs(withoutUnheard(state), now);
  state = startDue(state, now, effects);
  state = testDevices(state, now, effects);
  state = noteEager(sayAlone(state, now, effects), now, effects);
  tellProofs(before, state, effects);
  return state;
}

/** The same object when there is nothing to drop. */
function withoutUnheard(state: WorkerState): WorkerState {
  const { proofs, ledTerm } = state.fencing;
  const term = state.leader?.term ?? null;
  const isOver = ledTerm !== null && ledTerm !== term;
  const kept = dropUnheard(proofs, state.news, isOver);
  return kept === proofs && ledTerm === term ? state : withFencing(state, { proofs: kept, ledTerm: term });
}

/** Whatever was learned: to the keeper (two voters need it there), and to disk. */
export function tellProofs(before: WorkerState, state: WorkerState, effects: WorkerEffect[]): void {
  const { proofs } = state.fencing;
  if (proofs === before.fencing.proofs) return;
  effects.push({ kind: "store-proofs", proofs: lastingProofs(proofs) });
  for (const proof of proofs) {
    if (before.fencing.proofs.includes(proof)) continue;
    effects.push({ kind: "to-keeper", message: { kind: "proof", proof } });
    const { node, kind, sentence } = proof;
    const what = isPast(state, proof) ? "an earlier life is proved over" : "proved dead";
    effects.push(journalLine("fence", node, what, kind, sentence, state.node.term));
  }
}

/** It is about this node, or one that lives again: nobody shall read that it is dead. */
function isPast({ identity, news }: WorkerState, proof: DeathProof): boolean {
  if (proof.node === identity.self) return true;
  const member = news?.members.find(({ node }) => node === proof.node);
  return member?.standing === "alive" && member.session !== null && !coversSession(proof, member.session);
}

/**
 * A device that lied or switches another node's power, or an operator who erred: said loudly, and not relied on. A
 * node that was just switched off still counts as alive for a lease: only one that is heard beyond that lives on.
 */
function dropContradicted(before: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const state = noteContradicted(before, now);
  const { contradictedSince } = state.fencing;
  const wrong = state.fencing.proofs.filter((proof) => {
    const since = contradictedSince.get(proof.node);
    return since !== undefined && now >= plus(since, contradictionTime(state));
  });
  if (wrong.length === 0) return state;
  for (const { node, kind, sentence } of wrong) {
    const why = `it lives on, although it was taken for proved (${kind}: ${sentence}); what it held may have been on two nodes`;
    effects.push(journalLine("fence", node, "proof was wrong", "proof-contradicted", why, state.node.term));
  }
  return withFencing(state, { proofs: state.fencing.proofs.filter((proof) => !wrong.includes(proof)) });
}

/** Twice what it takes to fall silent: pulses that were on their way come in. */
const contradictionTime = (state: WorkerState): Ms => ms(2 * state.identity.lease);

function noteContradicted(state: WorkerState, now: Instant): WorkerState {
  const known = state.fencing.contradictedSince;
  const nodes = contradicted(state.fencing.proofs, state.news).map(({ node }) => node);
  if (nodes.length === known.size && nodes.every((node) => known.has(node))) return state;
  const contradictedSince = new Map(nodes.map((node) => [node, known.get(node) ?? now]));
  return withFencing(state, { contradictedSince });
}

/** Nodes that lapsed so long ago that their watchdogs must have fired. */
function noteFiredWatchdogs(state: WorkerState, now: Instant): WorkerState {
  return firedWatchdogs(state, now).reduce(recordProof, state);
}

/** A fact that another node told. */
export function learnProofs(state: WorkerState, proofs: readonly DeathProof[]): WorkerState {
  const known = proofs.reduce(addProof, state.fencing.proofs);
  return known === state.fencing.proofs ? state : withFencing(state, { proofs: known });
}

function startDue(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  if (state.fencing.running !== null) return state;
  for (const { node, why, at } of fenceTargets(state)) {
    const failed = state.fencing.failed.get(node);
    if (now < at || fencingOf(state, node) === null) continue;
    if (failed !== undefined && now < failed.againAt) continue;
    if (isLimitReached(state, now)) return sayLimited(state, node, effects);
    return startFence(state, { node, why, deed: null }, now, effects);
  }
  return state;
}

function sayLimited(state: WorkerState, node: NodeId, effects: WorkerEffect[]): WorkerState {
  if (state.fencing.isLimited) return state;
  const { perHour } = state.config.fencing;
  const why = `${perHour} nodes were fenced within an hour, the limit; type \`understudy fence ${node} --confirm ${node}\` to go on`;
  effects.push(journalLine("fence", node, "not fenced", "limit-reached", why, state.node.term));
  return withFencing(state, { isLimited: true });
}

export function startFence(
  state: WorkerState,
  { node, why, deed }: { readonly node: NodeId; readonly why: string; readonly deed: string | null },
  now: Instant,
  effects: WorkerEffect[],
): WorkerState {
  const fencing = fencingOf(state, node);
  if (fencing === null) return state;
  effects.push(journalLine("fence", node, "being fenced", "fencing", why, state.node.term));
  const turn = startFencing(fencing, state.fencing.lastCallId + 1, now);
  const history = [...recentFences(state, now), now];
  const next = withFencing(state, { history, isLimited: false });
  const running = { node, boot: lastSession(state.news, node)?.boot ?? UNHEARD, isProved: false, deed };
  return afterTurn(next, running, turn, now, effects);
}

/** Takes in what a turn of the procedure came to. */
function afterTurn(
  state: WorkerState,
  running: Omit<RunningFence, "run" | "wakeAt">,
  turn: FenceTurn,
  now: Instant,
  effects: WorkerEffect[],
): WorkerState {
  for (const { callId, node, device, verb } of turn.calls)
    effects.push({ kind: "fence-call", callId, node, device, verb });
  const lastCallId = turn.run.nextCallId - 1;
  const kept = { ...running, run: turn.run, wakeAt: turn.wakeAt };
  const next = withFencing(state, { lastCallId, running: kept });
  const { outcome } = turn;
  if (outcome === null) return next;
  if (outcome.kind === "failed") return endFailed(next, kept, outcome.sentence, now, effects);
  if (running.isProved) return isFencingOver(turn.run) ? endProved(next, kept, effects) : next;
  // First the record, then the power: from here on the node may begin a new life.
  const { sentence } = outcome;
  const recorded = recordProof(next, {
    node: running.node,
    boot: running.boot,
    lapses: null,
    kind: "fenced",
    sentence,
  });
  if (running.deed !== null) {
    effects.push({ kind: "deed-done", id: running.deed, answer: { kind: "done", text: sentence } });
  }
  const proved = { ...running, isProved: true, deed: null };
  return afterTurn(recorded, proved, powerOnAgain(turn.run, now), now, effects);
}

/** A fact that became known here. */
export function recordProof(state: WorkerState, proof: DeathProof): WorkerState {
  return withFencing(state, { proofs: addProof(state.fencing.proofs, proof) });
}

function endFailed(
  state: WorkerState,
  { node, deed }: RunningFence,
  why: string,
  now: Instant,
  effects: WorkerEffect[],
): WorkerState {
  effects.push(journalLine("fence", node, "not proved dead", "fence-failed", why, state.node.term));
  if (deed !== null) effects.push({ kind: "deed-done", id: deed, answer: { kind: "failed", reason: why } });
  const tries = (state.fencing.failed.get(node)?.tries ?? 0) + 1;
  const pause = AGAIN_AFTER * 2 ** Math.min(tries - 1, DOUBLINGS_MAX);
  const failed = new Map(state.fencing.failed).set(node, {
    tries,
    why,
    againAt: plus(now, ms(pause)),
  });
  // A try that proved nothing took no node down: it does not count against the limit.
  const history = state.fencing.history.slice(0, -1);
  return withFencing(state, { running: null, failed, history });
}

function endProved(state: WorkerState, { node, run }: RunningFence, effects: WorkerEffect[]): WorkerState {
  for (const problem of powerOnProblems(run))
    effects.push(journalLine("fence", node, "stays off", "not-switched-on", problem, state.node.term));
  const failed = new Map(state.fencing.failed);
  failed.delete(node);
  return withFencing(state, { running: null, failed });
}

function wakeRunning(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const { running } = state.fencing;
  if (running === null || now < running.wakeAt) return state;
  return afterTurn(state, running, wakeFencing(running.run, now), now, effects);
}

/** What a device said, to a fencing or to a test. */
export function foldFenceSaid(
  state: WorkerState,
  callId: number,
  said: FenceSaid,
  now: Instant,
  effects: WorkerEffect[],
): WorkerState {
  const test = state.fencing.testing.get(callId);
  if (test !== undefined) return foldTested(state, callId, test, said, now, effects);
  const { running } = state.fencing;
  if (running === null) return state;
  return afterTurn(state, running, foldFenceAnswer(running.run, callId, said, now), now, effects);
}

/** When fencing needs a turn next. */
export function nextFencingAt(state: WorkerState, now: Instant): Instant {
  const { running } = state.fencing;
  const own = running === null ? nextTargetAt(state, now) : running.wakeAt;
  const contradiction = [...state.fencing.contradictedSince.values()]
    .map((since) => plus(since, contradictionTime(state)))
    .reduce(earlier, FOREVER);
  return [nextTestAt(state), nextFiringAt(state, now), nextAloneAt(state, now), contradiction].reduce(
    earlier,
    own,
  );
}
