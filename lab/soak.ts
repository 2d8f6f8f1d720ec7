// `npm run soak`: does anything move that should not? Clusters of several profiles side by side, left alone while
// both cores are saturated, or while every member loses part of its datagrams.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { JournalEntry } from "#model/journal.ts";
import { type Cluster, startCluster, type TimingName, untilWhole } from "./cluster.ts";
import { loss } from "./faults.ts";
import { createWorld, down, hostOf, type World } from "./world.ts";

const HELP = `npm run soak [-- options]

  --timing LIST    default,fast
  --load SECONDS   both cores saturated by two busy loops each for so long; 0: not
  --external       with --load: something else keeps the cores busy
  --loss SECONDS   every member loses --percent of what it sends and of what it gets, for so long; 0: not
  --percent N      20

Prints, for each profile and phase, how often services moved, the right to act lapsed, leaders changed and members
fell silent; and the longest times that the machine itself stood still, measured at a higher priority. Exit codes: 0 nothing moved, 1 something did, 64 wrong usage, 77 not root.
Example: npm run soak -- --load 600 --loss 300`;

type Counts = {
  readonly moves: number;
  readonly lapses: number;
  readonly leaders: number;
  readonly silent: number;
};

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      timing: { type: "string", default: "default,fast" },
      load: { type: "string", default: "0" },
      loss: { type: "string", default: "0" },
      percent: { type: "string", default: "20" },
      external: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const [load, lossy, percent] = [values.load, values.loss, values.percent].map(Number);
  if (
    values.help ||
    load === undefined ||
    lossy === undefined ||
    percent === undefined ||
    load + lossy === 0
  ) {
    console.log(HELP);
    return values.help ? 0 : 64;
  }
  if (process.getuid?.() !== 0) {
    console.error("npm run soak needs root: it makes network namespaces");
    return 77;
  }
  const worlds: World[] = [];
  let moves = 0;
  try {
    const clusters: Cluster[] = [];
    for (const timing of values.timing.split(",")) {
      const world = await createWorld({});
      worlds.push(world);
      const cluster = startCluster(world, timing as TimingName);
      if ((await untilWhole(cluster, 30_000)) === null)
        throw new Error(`the ${timing} cluster does not form`);
      clusters.push(cluster);
    }
    console.log("profile  phase           seconds  moves  lapses  leader changes  silent");
    if (load > 0) moves += await phase("full load", load, clusters, () => busy(values.external));
    if (lossy > 0) {
      moves += await phase(`${percent} % loss`, lossy, clusters, async () => {
        for (const { world } of clusters) {
          for (const host of ["chip", "dale", "witness"]) await loss(world, host, percent);
        }
        return () => {};
      });
    }
  } finally {
    for (const world of worlds) await down(world);
  }
  return moves === 0 ? 0 : 1;
}

async function phase(
  name: string,
  seconds: number,
  clusters: readonly Cluster[],
  begin: () => Promise<() => void>,
): Promise<number> {
  await pause(3);
  const since = Date.now();
  const end = await begin();
  const pauses = watchPauses();
  await pause(seconds);
  const longest = await pauses();
  const until = Date.now();
  end();
  let moves = 0;
  for (const cluster of clusters) {
    const counts = countIn(cluster, since, until);
    moves += counts.moves;
    const cells = [cluster.timing.padEnd(8), name.padEnd(15), String(seconds).padEnd(8)];
    console.log(
      `${cells.join(" ")} ${counts.moves}      ${counts.lapses}       ${counts.leaders}               ${counts.silent}`,
    );
  }
  console.log(`longest pauses of the machine during ${name}, ms: ${longest.map(Math.round).join(", ")}`);
  return moves;
}

/** Begins to measure; the function ends it and answers the five longest pauses, in ms. */
function watchPauses(): () => Promise<readonly number[]> {
  let longest: number[] = [];
  const thread = new Worker(new URL("./pause-thread.ts", import.meta.url));
  thread.on("message", (late: number) => {
    if (longest.length < 5 || late > (longest.at(-1) ?? 0)) {
      longest = [...longest, late].toSorted((a, b) => b - a).slice(0, 5);
    }
  });
  return async () => {
    await thread.terminate();
    return longest;
  };
}

/** From the journals of all members, as they stand on disk a moment later. */
function countIn(cluster: Cluster, since: number, until: number): Counts {
  const entries = [...cluster.nodes, cluster.witness].flatMap((member) => journalOf(cluster, member));
  const during = entries.filter((e) => e.at_ms >= since && e.at_ms <= until);
  const count = (is: (entry: JournalEntry) => boolean): number => during.filter(is).length;
  return {
    moves: count((e) => e.area === "service" && e.what.includes("-> active")),
    lapses: count((e) => e.area === "lease" && e.what.includes("-> lapsed")),
    leaders: count((e) => e.code === "elected" && e.node === e.subject),
    silent: count((e) => e.area === "member" && e.code === "silent"),
  };
}

function journalOf(cluster: Cluster, member: string): readonly JournalEntry[] {
  const file = join(hostOf(cluster.world, member).folder, "state", "journal.jsonl");
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as JournalEntry);
}

/** Two busy loops for each core. */
async function busy(isExternal: boolean): Promise<() => void> {
  if (isExternal) return () => {};
  const loops: ChildProcess[] = [];
  for (let i = 0; i < cpus().length * 2; i++) loops.push(spawn("yes", { stdio: "ignore" }));
  return () => {
    for (const loop of loops) loop.kill("SIGKILL");
  };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
