// The leader's turn: begin and end with the leadership, collect, plan, order, tell.

import type { NodeId } from "#model/ids.ts";
import type { Message } from "#model/order.ts";
import type { Instant } from "#model/units.ts";
import { noteExcluded } from "../fencing/fired.ts";
import { outlookOf } from "../fencing/outlook.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import { foldReport, markOutdated, startLeading } from "./collect.ts";
import { giveOrders, paint, planIfChanged, tellMembers } from "./command.ts";
import { finishCollecting, foldAsk, foldStoredBy, pushProposal, startProposals } from "./propose.ts";
import type { LeaderState } from "./state.ts";

type ForLeader = Extract<Message, { kind: "report" | "intents-stored" | "ask" }>;

/** Reports, confirmations and wishes; whoever does not lead ignores them. */
export function foldLeaderMessage(
  state: WorkerState,
  from: NodeId,
  message: ForLeader,
  now: Instant,
  effects: WorkerEffect[],
): WorkerState {
  const { leader, identity, config } = state;
  if (leader === null) return state;
  switch (message.kind) {
    case "report":
      return message.report.node === from
        ? { ...state, leader: foldReport(leader, message.report, config, now) }
        : state;
    case "intents-stored": {
      if (message.term !== leader.term) return state;
      const step = foldStoredBy(leader, identity, from, message.version);
      effects.push(...step.effects);
      return { ...state, leader: step.leader };
    }
    case "ask": {
      if (message.term !== leader.term) return state;
      const step = foldAsk(leader, { id: message.id, from, intent: message.intent });
      effects.push(...step.effects);
      return { ...state, leader: step.leader };
    }
  }
}

/** Looked at anew only when something that it is made of changed. */
function withOutlook(state: WorkerState, leader: LeaderState, now: Instant): LeaderState {
  const from = [state.config, state.fencing, state.news, leader.excludedSince];
  // That an hour is over shows in nothing but the clock.
  const isTimeless = state.fencing.history.length === 0;
  const isSame = leader.outlook !== null && from.every((input, i) => input === leader.outlookFrom[i]);
  if (isTimeless && isSame) return leader;
  return { ...leader, outlook: outlookOf(state, leader.outlook, now), outlookFrom: from };
}

export function leaderTurn(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const { news, config, identity } = state;
  if (news === null || !news.leads) return state.leader === null ? state : { ...state, leader: null };
  const isSameTerm = state.leader !== null && state.leader.term === news.term;
  let leader: LeaderState = isSameTerm ? state.leader : startLeading(config, news, now);
  leader = noteExcluded(markOutdated(leader, news, now), news.members, now);
  leader = withOutlook({ ...state, leader }, leader, now);
  leader = finishCollecting(leader, identity, news, now);
  const steps = [
    (l: LeaderState) => startProposals(l, config, identity, news, now),
    (l: LeaderState) => pushProposal(l, identity, now),
    (l: LeaderState) => planIfChanged(l, state, news, now),
    (l: LeaderState) => ({ leader: paint(giveOrders(l, news), state, news), effects: [] }),
    (l: LeaderState) => tellMembers(l, identity, news, now),
  ];
  for (const step of steps) {
    const done = step(leader);
    effects.push(...done.effects);
    leader = done.leader;
  }
  return { ...state, leader };
}
