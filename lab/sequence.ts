// The demonstration without a terminal: every event in turn, each followed by its undoing, all of it measured.
import { type Cluster, command, killDaemon, SERVICE, startDaemon, untilWhole } from "./cluster.ts";
import { cut, cutPair, freeze, heal, thaw } from "./faults.ts";
import { monotonicMs, sleep, until } from "./shell.ts";
import { summarize, summarizeAsks } from "./summary.ts";
import type { Expectation, Observed } from "./verdict.ts";
import { REQUEST_TIMEOUT_MS, type Watch } from "./watch.ts";

/** One thing that happens to the cluster. */
export type Step = {
  readonly event: string;
  readonly expected: Expectation;
  /** Does it to the node that is active (or was, before the step that this one undoes); answers trouble. */
  readonly act: (cluster: Cluster, active: string) => Promise<string | null>;
  /** It undoes the step before: the cluster need not be whole for it. */
  readonly isUndo?: boolean;
  /** How long it is watched, after the service has moved if it should, before the next step. */
  readonly watchMs: number;
};

const MOVES: Expectation = { outage: "failover", active: "moves" };
const NOTHING: Expectation = { outage: "none", active: "stays" };

const FREEZE_MS = 3_000;
/** After a step that moves the service the new node is watched that long; a move back would show. */
const WATCH_MS = 2_000;
/** A daemon that has just come back mutes itself for a lease, is readmitted, and could then break something. */
const UNDO_WATCH_MS = 3_000;
const SETTLE_WITHIN_MS = 30_000;
const MOVE_WITHIN_MS = 20_000;

export const SEQUENCE: readonly Step[] = [
  {
    event: "switch over",
    expected: { outage: "switchover", active: "moves" },
    act: async (cluster, active) => {
      const outcome = await command(cluster, active, ["switchover", SERVICE, "--yes"]);
      return outcome.code === 0
        ? null
        : `understudy switchover ended with ${outcome.code}: ${outcome.stderr.trim()}`;
    },
    watchMs: WATCH_MS,
  },
  { event: "kill the active daemon", expected: MOVES, act: doing(killDaemon), watchMs: WATCH_MS },
  {
    event: "start it again",
    expected: NOTHING,
    act: async (cluster, active) => {
      startDaemon(cluster, active);
      return null;
    },
    isUndo: true,
    watchMs: UNDO_WATCH_MS,
  },
  {
    event: "cut the active host off",
    expected: MOVES,
    act: doing((cluster, active) => cut(cluster.world, active)),
    watchMs: WATCH_MS,
  },
  { event: "heal", expected: NOTHING, act: healing, isUndo: true, watchMs: UNDO_WATCH_MS },
  {
    event: "freeze the active host",
    expected: MOVES,
    act: doing((cluster, active) => freeze(cluster.world, active)),
    watchMs: FREEZE_MS,
  },
  {
    event: "thaw it",
    expected: NOTHING,
    act: async (cluster, active) => {
      thaw(cluster.world, active);
      return null;
    },
    isUndo: true,
    watchMs: UNDO_WATCH_MS,
  },
  {
    event: "part the two nodes",
    expected: { outage: "failover", active: "either" },
    act: doing(({ world, nodes: [a = "", b = ""] }) => cutPair(world, { from: a, to: b })),
    watchMs: UNDO_WATCH_MS,
  },
  { event: "join them again", expected: NOTHING, act: healing, isUndo: true, watchMs: UNDO_WATCH_MS },
];

export type Play = {
  readonly cluster: Cluster;
  readonly client: Watch;
  readonly arp: Watch;
  /** Told before each step. */
  readonly tell: (sentence: string) => void;
};

type Mark = { readonly step: Step; readonly atMs: number; readonly trouble: readonly string[] };

/** Plays the steps, ends the probes, and answers what was observed: a row lasts until the next event. */
export async function play(
  steps: readonly Step[],
  { cluster, client, arp, tell }: Play,
): Promise<readonly Observed[]> {
  const marks: Mark[] = [];
  let active = await settledActive(client);
  for (const step of steps) {
    const trouble: string[] = [];
    if (!step.isUndo) {
      if ((await untilWhole(cluster, SETTLE_WITHIN_MS)) === null) {
        trouble.push(`the cluster was not whole again ${SETTLE_WITHIN_MS / 1000} s after the event before`);
      }
      active = await settledActive(client);
    }
    tell(`${step.event} (${active ?? "nobody"} is active)`);
    const atMs = monotonicMs();
    const complaint = await step.act(cluster, active ?? cluster.nodes[0] ?? "");
    if (complaint !== null) trouble.push(complaint);
    const former = active;
    if (step.expected.active === "moves") {
      await until(() => lastHost(client, atMs) !== former && lastHost(client, atMs), {
        withinMs: MOVE_WITHIN_MS,
      });
    }
    await sleep(step.watchMs);
    marks.push({ step, atMs, trouble });
  }
  await untilWhole(cluster, SETTLE_WITHIN_MS);
  const endMs = monotonicMs() - REQUEST_TIMEOUT_MS;
  const [requests, asks] = await Promise.all([client.stop(), arp.stop()]);
  return marks.map(({ step, atMs, trouble }, index) => {
    const stretch = { fromMs: atMs, toMs: marks[index + 1]?.atMs ?? endMs };
    return {
      event: step.event,
      expected: step.expected,
      summary: summarize(requests, stretch),
      asks: summarizeAsks(asks, stretch),
      trouble,
    };
  });
}

/** Waits until one host has answered every request of the last second; null when that does not come. */
export function settledActive(client: Watch): Promise<string | null> {
  return until(
    () => {
      const now = monotonicMs();
      const recent = client.entries().filter(({ sentMs }) => sentMs > now - REQUEST_TIMEOUT_MS - 1_000);
      const hosts = new Set(recent.map((entry) => (entry.kind === "request" ? entry.host : "")));
      const [host] = hosts;
      return hosts.size === 1 && recent.length > 100 && host ? host : null;
    },
    { withinMs: SETTLE_WITHIN_MS, everyMs: 100 },
  );
}

/** Who answered last, among the requests sent since. */
function lastHost(client: Watch, sinceMs: number): string | null {
  const last = client
    .entries()
    .findLast((entry) => entry.kind === "request" && entry.rttMs !== null && entry.sentMs >= sinceMs);
  return last?.kind === "request" ? last.host : null;
}

function doing(fault: (cluster: Cluster, active: string) => Promise<void>): Step["act"] {
  return async (cluster, active) => {
    await fault(cluster, active);
    return null;
  };
}

async function healing({ world }: Cluster): Promise<null> {
  await heal(world);
  return null;
}
