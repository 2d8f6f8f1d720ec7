// What a new configuration may change while the daemon runs, and whom it talks to until the change is complete.

import { isProvedDead } from "#engine/fencing/proofs.ts";
import { whyNotVoters } from "#engine/leader/voters.ts";
import type { WorkerState } from "#engine/worker.ts";
import type { Config, MemberConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import { listDistance } from "#model/voters.ts";

export interface Running {
  readonly config: Config;
  /** Those that the daemon talks to. */
  readonly members: readonly MemberConfig[];
  /** Null: the daemon has just started. */
  readonly state: WorkerState | null;
}

/** Why the configuration cannot be taken in now, a sentence each; none: it can. */
export function whyNotReload(running: Running, after: Config): readonly string[] {
  const fixed = whatNeedsRestart(running.config, after);
  const restart =
    fixed.length === 0
      ? []
      : [`a change of ${fixed.join(", ")} needs a restart of the daemon, one node after the other`];
  const news = running.state?.news ?? null;
  const voters = news === null ? null : whyNotVoters({ config: after, news });
  return [...restart, ...(voters === null ? [] : [voters]), ...goneTooSoon(running, after)];
}

/** What follows from a file that names other voters than count, without a full stop; null: it names those. */
export function changeOfVoters({ config, state }: Running): string | null {
  const voters = state?.news?.voters.list.voters ?? config.voters;
  if (listDistance(voters, config.voters) === 0) return null;
  const leader = state?.news?.leader ?? "the leader";
  const who = state?.news?.leads === true ? "this node leads and" : `${leader}, once it has this file,`;
  return `${who} changes the voters from ${voters.join(", ")} to ${config.voters.join(", ")}: see \`understudy status\``;
}

function whatNeedsRestart(before: Config, after: Config): readonly string[] {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const parts: Record<string, boolean> = {
    "the cluster's name": before.cluster === after.cluster,
    "the key file": before.keyFile === after.keyFile,
    "the port": before.port === after.port,
    "the timing": same(before.timing, after.timing),
    "the watchdog": same(before.watchdog, after.watchdog),
  };
  const changed = Object.keys(parts).filter((part) => parts[part] !== true);
  const moved = after.members.filter((member) => {
    const known = before.members.find(({ id }) => id === member.id);
    return known !== undefined && !same([known.kind, known.links], [member.kind, member.links]);
  });
  return [...changed, ...moved.map(({ id }) => `what ${id} is or where it is`)];
}

/** A node that may still run services must not be forgotten: nobody would wait for its proof any more. */
function goneTooSoon({ config, state }: Running, after: Config): readonly string[] {
  const gone = config.members.filter(
    ({ id, kind }) => kind === "node" && !after.members.some((m) => m.id === id),
  );
  return gone
    .filter(({ id }) => {
      const standing = state?.news?.members.find(({ node }) => node === id)?.standing;
      return standing !== "left" && (state === null || !isProvedDead(state, id));
    })
    .map(({ id }) => `${id} may still run services: stop its daemon in good order before it leaves the file`);
}

/** Whom to talk to: the members of the file, and voters that still count though the file names them no more. */
export function membersInEffect(
  config: Config,
  { members, state }: Pick<Running, "members" | "state">,
): readonly MemberConfig[] {
  const voters: readonly NodeId[] = state?.news?.voters.list.voters ?? config.voters;
  const kept = members.filter(({ id }) => voters.includes(id) && !config.members.some((m) => m.id === id));
  return [...config.members, ...kept];
}
