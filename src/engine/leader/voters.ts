// The leader's configuration names other voters than are in effect: what it asks the keeper for, and why not.

import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import { LEAST_CHANGED, listDistance, sameList } from "#model/voters.ts";
import type { WorkerState } from "../worker.ts";

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
  Math.min(news?.voters.list.voters.length ?? 0, config.voters.length) < LEAST_CHANGED;

export interface VotersFacts {
  readonly config: Pick<WorkerState["config"], "voters">;
  readonly news: LeaseNews;
}

/** Why this list is not to be had from the one in effect, without a full stop; null: it may be, or it is in effect. */
export function whyNotVoters(facts: VotersFacts): string | null {
  const why = whyNever(facts);
  return why === null ? null : `the voters in effect are ${facts.news.voters.list.voters.join(", ")}: ${why}`;
}

/** Why the voters that this node's file names do not come into effect by themselves; null: they do, or they are. */
export function whyVotersStay({ config, news }: VotersFacts, self: NodeId): string | null {
  const { voters } = news.voters.list;
  if (listDistance(voters, config.voters) === 0) return null;
  const never = whyNever({ config, news });
  if (never !== null) return never;
  if (news.leader === null) return "no node leads";
  const leader = news.members.find(({ node }) => node === news.leader);
  if (leader?.foreignConfig === true) return `${leader.node} leads and has another configuration`;
  const isHeard = (id: NodeId) =>
    id === self || news.members.some(({ node, links }) => node === id && links.some(({ up }) => up));
  const silent = config.voters.filter((id) => !isHeard(id));
  const isQuorum = config.voters.length - silent.length > config.voters.length / 2;
  return isQuorum ? null : `no quorum of them is heard (${silent.join(", ")} missing)`;
}

function whyNever({ config, news }: VotersFacts): string | null {
  const { voters } = news.voters.list;
  const distance = listDistance(voters, config.voters);
  if (distance === 0) return null;
  if (distance > 1) return "they are changed one at a time, so name a list that differs by one voter";
  if (Math.min(voters.length, config.voters.length) < LEAST_CHANGED)
    return "from or to two voters they are changed only with all daemons stopped";
  return null;
}
