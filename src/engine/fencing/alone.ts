// Between two voters, without a leader: the planner, which would say what a service waits for, runs nowhere. So the
// one that is left says by itself, once, what an operator has to do.

import type { NodeId } from "#model/ids.ts";
import type { Instant } from "#model/units.ts";
import { FOREVER, ms, plus } from "#model/units.ts";
import { journalLine } from "../leader/command.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import { outlookOf } from "./outlook.ts";
import { isProvedDead } from "./proofs.ts";

/** Two daemons that are started one after the other have found each other by then. ms */
const PATIENCE = 5_000;

/** Whom this node waits for, and from when on that is worth a line; null: nobody, or somebody leads. */
function awaited(state: WorkerState): { readonly peer: NodeId; readonly at: Instant } | null {
  const { news } = state;
  const pair = news?.pair ?? null;
  if (news === null || pair === null || pair.silentSince === null || news.leader !== null) return null;
  if (state.stopping !== null || isProvedDead(state, pair.peer)) return null;
  return { peer: pair.peer, at: plus(pair.silentSince, ms(PATIENCE)) };
}

export function sayAlone(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const wait = awaited(state);
  const isDue = wait !== null && now >= wait.at;
  const remedy = isDue ? outlookOf(state, null, now).remedies.get(wait.peer) : undefined;
  const saysNow = remedy?.state === "blocked";
  if (state.fencing.saidAlone === saysNow || (isDue && remedy?.state !== "blocked")) return state;
  if (saysNow) {
    const { node, text } = remedy;
    const why = `no node leads while ${node} is silent; ${text}`;
    effects.push(journalLine("fence", node, "has to be proved dead", "unproved", why, state.node.term));
  }
  return { ...state, fencing: { ...state.fencing, saidAlone: saysNow } };
}

/** FOREVER: nothing is to be said by itself. */
export function nextAloneAt(state: WorkerState, now: Instant): Instant {
  const at = awaited(state)?.at ?? FOREVER;
  return at > now ? at : FOREVER;
}
