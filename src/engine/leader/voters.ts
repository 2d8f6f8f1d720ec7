// The leader's configuration names other voters than are in effect: what it asks the keeper for, and why not.

import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import { listDistance, sameList } from "#model/voters.ts";
import type { WorkerState } from "../worker.ts";

/** Between fewer voters than this, or to fewer, another rule holds (two voters): it is changed only while all stand. */
const LEAST = 3;

/** The voters to go to from here, one more or one fewer; null: none, or not now. */
export function nextVoters(state: WorkerState): readonly NodeId[] | null {
  const { leader, news, config } = state;
  if (leader === null || news === null || !news.leads || leader.phase !== "leading") return null;
  if (leader.proposal !== null || isPairInvolved(state)) return null;
  const { list } = news.voters;
  const distance = listDistance(list.voters, config.voters);
  if (distance === 0 || !state.identity.clauses.changesOneVoter(distance)) return null;
  // What operators asked for has to be with a quorum of these voters before it can be with one of the next.
  const isSettled = leader.settledUnder !== null && sameList(leader.settledUnder, list.id);
  return isSettled ? config.voters : null;
}

const isPairInvolved = ({ config, news }: WorkerState): boolean =>
  Math.min(news?.voters.list.voters.length ?? 0, config.voters.length) < LEAST;

/** Why the voters that the configuration names do not come into effect, a sentence; null: they may, or they are. */
export function whyNotVoters({
  config,
  news,
}: {
  readonly config: WorkerState["config"];
  readonly news: LeaseNews | null;
}): string | null {
  const list = news?.voters.list ?? null;
  if (list === null || listDistance(list.voters, config.voters) === 0) return null;
  const now = `the voters in effect are ${list.voters.join(", ")}`;
  if (listDistance(list.voters, config.voters) > 1)
    return `${now}: they are changed one at a time, so name a list that differs from it by one`;
  if (Math.min(list.voters.length, config.voters.length) < LEAST)
    return `${now}: from or to two voters they are changed only with all daemons stopped`;
  return null;
}
