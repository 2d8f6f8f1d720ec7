// What operators ask of this node: to fence another one, to take their word that it is dead, to test its devices.

import { unreachable } from "#lib/unreachable.ts";
import type { Deed } from "#model/deeds.ts";
import { UNHEARD } from "#model/fencing.ts";
import type { NodeId } from "#model/ids.ts";
import type { Instant } from "#model/units.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import { fencingOf } from "./decide.ts";
import { askStatus } from "./devices.ts";
import { isProvedDead, lastSession } from "./proofs.ts";
import { recordProof, startFence } from "./turn.ts";

/** Done here and now, whoever leads: it is about what this node may believe, or can do. */
export function foldDeed(
  state: WorkerState,
  id: string,
  deed: Deed,
  now: Instant,
  effects: WorkerEffect[],
): WorkerState {
  const refuse = (reason: string): WorkerState => {
    effects.push({ kind: "deed-done", id, answer: { kind: "refused", reason } });
    return state;
  };
  switch (deed.kind) {
    case "fence-test": {
      const devices = state.config.fencing.nodes
        .filter(({ node }) => deed.node === null || node === deed.node)
        .flatMap(({ node, levels }) => levels.flat().map((device) => ({ node, device })));
      const next = askStatus(state, devices, { id, node: deed.node }, effects);
      return next.fencing.lastCallId === state.fencing.lastCallId
        ? refuse(`${deed.node ?? "no node"} has no fence device that can be asked`)
        : next;
    }
    case "confirm-dead": {
      const why = whyNotDead(state, deed.node);
      if (why !== null) return refuse(why);
      const sentence = `${deed.who} said that it is dead (confirm-dead)`;
      const boot = lastSession(state.news, deed.node)?.boot ?? UNHEARD;
      effects.push({ kind: "deed-done", id, answer: { kind: "done", text: `${deed.node} counts as dead` } });
      return recordProof(state, { node: deed.node, boot, lapses: null, kind: "confirmed-dead", sentence });
    }
    case "fence": {
      const why = whyNotFenced(state, deed.node);
      if (why !== null) return refuse(why);
      return startFence(state, { node: deed.node, why: `${deed.who} asked for it`, deed: id }, now, effects);
    }
    default:
      return unreachable(deed);
  }
}

function whyNotDead(state: WorkerState, node: NodeId): string | null {
  const { self } = state.identity;
  const member = state.news?.members.find((each) => each.node === node);
  if (node === self) return `this is ${self}: it lives`;
  if (!state.config.members.some((each) => each.id === node)) return `there is no member ${node}`;
  if (member === undefined) return "the daemon has just started; try again";
  if (member.standing === "alive") return `${node} is alive: its pulses come in time`;
  if (isProvedDead(state, node)) return `${node} is known to be dead already`;
  // Kept by who does not act on it now, such a word could be about a life that others followed by then.
  const isUnheard = lastSession(state.news, node) === null;
  if (isUnheard && state.news?.pair === null && state.news.leads !== true)
    return `${self} has not heard ${node} since it started; say it on ${state.news.leader ?? "the leader, once there is one"}`;
  return null;
}

function whyNotFenced(state: WorkerState, node: NodeId): string | null {
  const { running } = state.fencing;
  if (node === state.identity.self) return `this is ${node} itself; ask another node`;
  if (fencingOf(state, node) === null) return `${node} has no fence device that could prove anything`;
  return running === null
    ? null
    : `${running.node} is being fenced at this moment, and one at a time is enough`;
}
