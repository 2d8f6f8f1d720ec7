// `npm start`: a cluster of two nodes and a witness in namespaces of this machine, a client that asks every
// millisecond, and things to do to them. At a terminal it is a live screen, otherwise a sequence and a table.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  type Cluster,
  FLOATING,
  lastWords,
  programPath,
  startCluster,
  type TimingName,
  untilWhole,
} from "./cluster.ts";
import { runLive } from "./live.ts";
import { play, SEQUENCE, settledActive } from "./sequence.ts";
import { formatReport, judge } from "./verdict.ts";
import { watchAddress } from "./watch.ts";
import { createWorld, down } from "./world.ts";

const HELP = `npm start [-- options]     live: chip, dale and a witness keep ${FLOATING} alive

  --once             no screen: play every event in turn, print a table; also without a terminal
  --timing PROFILE   default, fast or wan
  --keep             leave every log in a folder and say where
  --verbose          with --once: also what the daemons printed
  --help

Exit codes: 0 everything held, 1 something did not, 64 wrong usage, 77 not allowed or not possible here.
Example: npm start -- --once --timing fast`;

const DONE = 0;
const FAILED = 1;
const USAGE = 64;
const NOT_ALLOWED = 77;

const READY_WITHIN_MS = 30_000;
const ROOT = fileURLToPath(new URL("..", import.meta.url));

type Options = {
  readonly once: boolean;
  readonly keep: boolean;
  readonly verbose: boolean;
  readonly timing: TimingName;
};

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options === "help") {
    console.log(HELP);
    return DONE;
  }
  if (typeof options === "string") {
    console.error(`${options}\n\n${HELP}`);
    return USAGE;
  }
  const obstacle = findObstacle();
  if (obstacle !== null) {
    console.error(obstacle);
    return NOT_ALLOWED;
  }
  const isLive = !options.once && process.stdin.isTTY === true && process.stdout.isTTY === true;
  const world = await createWorld();
  const logs = join(tmpdir(), `understudy-logs-${process.pid}`);
  try {
    const cluster = startCluster(world, options.timing);
    console.log("chip, dale and a witness are starting ...");
    if (!(await isReady(cluster))) return FAILED;
    return isLive ? await showLive(cluster) : await playOnce(cluster, options);
  } finally {
    await down(world, { keepAs: options.keep ? logs : null });
    if (options.keep) console.log(`logs: ${logs}`);
  }
}

async function showLive(cluster: Cluster): Promise<number> {
  const [client, arp] = startWatches(cluster);
  await settledActive(client);
  await runLive(cluster, client, arp);
  return DONE;
}

async function playOnce(cluster: Cluster, { timing, verbose }: Options): Promise<number> {
  const [client, arp] = startWatches(cluster);
  const rows = await play(SEQUENCE, {
    cluster,
    client,
    arp,
    tell: (sentence) => console.log(`  ${sentence}`),
  });
  console.log(`\n${formatReport(rows, timing).join("\n")}\n`);
  const problems = rows.flatMap((row) => judge(row, timing));
  for (const problem of problems) console.log(problem);
  if (verbose) {
    for (const name of cluster.daemons.keys()) console.log(`\n${name}:\n${lastWords(cluster, name, 200)}`);
  }
  const held = problems.length === 0;
  console.log(
    held
      ? `Everything held: the service was back within its bounds each time, never on two hosts.`
      : `${problems.length} of these expectations did not hold.`,
  );
  return held ? DONE : FAILED;
}

function startWatches({ world }: Cluster) {
  return [
    watchAddress(world, { mode: "udp", address: FLOATING }),
    watchAddress(world, { mode: "arp", address: FLOATING }),
  ] as const;
}

async function isReady(cluster: Cluster): Promise<boolean> {
  if ((await untilWhole(cluster, READY_WITHIN_MS)) !== null) return true;
  console.error(
    `the cluster was not ready after ${READY_WITHIN_MS / 1000} s; the last lines of each daemon:`,
  );
  for (const name of cluster.daemons.keys()) console.error(`\n${name}:\n${lastWords(cluster, name)}`);
  return false;
}

/** What keeps the demonstration from running here; null: nothing. Builds the program and installs what is missing. */
function findObstacle(): string | null {
  if (process.getuid?.() !== 0) {
    return `npm start needs root: it makes network namespaces, a bridge and nftables rules, and gives a thread
real-time priority. All of it stays in namespaces of its own; your network is not touched, and everything
is removed at the end. Try: sudo npm start`;
  }
  if (process.env.UNDERSTUDY === undefined) {
    const bootstrap = join(ROOT, "scripts", "bootstrap.mjs");
    const built = spawnSync(process.execPath, [bootstrap, "--packages", "scripts/build.ts"], {
      cwd: ROOT,
      encoding: "utf8",
      timeout: 300_000,
    });
    if (built.status !== 0) return `the program could not be built:\n${built.stderr.trim()}`;
  }
  const missing = ["ip", "nft"].filter((program) => !isOnPath(program));
  if (missing.length > 0) {
    return `missing: ${missing.join(", ")}. On Debian: apt-get install iproute2 nftables`;
  }
  if (!existsSync(programPath())) return `${programPath()} is not there: npm run build`;
  return null;
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

function parseOptions(argv: readonly string[]): Options | "help" | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        once: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        verbose: { type: "boolean", default: false },
        timing: { type: "string", default: "default" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return "help";
    const { timing } = values;
    if (timing !== "default" && timing !== "fast" && timing !== "wan") {
      return `--timing is default, fast or wan, not ${timing}`;
    }
    return { once: values.once, keep: values.keep, verbose: values.verbose, timing };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
