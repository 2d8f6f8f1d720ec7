// Between two voters, `split: eager`: how long two actives were possible. Said when it is over, with the time measured
// from this node's first lead without a proof until the other one follows, or is proved dead, or leads instead.

import type { Instant } from "#model/units.ts";
import { between } from "#model/units.ts";
import { journalLine } from "../leader/command.ts";
import { listNames } from "../planner/facts.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";

export function noteEager(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  const leads = state.news?.pair?.leadsEagerly === true;
  const since = state.fencing.eagerSince;
  if (leads === (since !== null)) return state;
  if (since !== null) {
    const { self } = state.identity;
    const services = state.config.services.filter(({ split }) => split === "eager").map(({ name }) => name);
    const time = `${(between(since, now) / 1000).toFixed(1)} s`;
    const why = `for ${time} ${self} led without a proof about ${state.news?.pair?.peer ?? "the other node"}; ${listNames(services)} may have been active on both`;
    effects.push(
      journalLine("lease", self, "two actives possible -> over", "double-over", why, state.node.term),
    );
  }
  return { ...state, fencing: { ...state.fencing, eagerSince: leads ? now : null } };
}
