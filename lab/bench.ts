// `npm run bench`: understudy and keepalived in the same measuring lab, one at a time, side by side.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compareEvents, compareIdle, parseCsv, type Row } from "./bench-table.ts";

const HELP = `npm run bench [-- options]

  --lab DIR          folder with the measuring lab (its program: measure); default ../shared/lab
  --runs N           runs of each scenario and peer, 15
  --scenario LIST    cut,switchover,crash,partition,freeze,idle (all by default); also stop, load
  --timing LIST      default,fast (both by default); also wan
  --peers LIST       understudy,keepalived
  --seconds N        how long idle and load last, 60
  --out DIR          where the rows go as CSV; a temporary folder by default

Prints Markdown tables for docs/benchmarks.md. Exit codes: 0 measured, 1 a measurement failed, 64 wrong
usage, 77 something is missing here.
Example: npm run bench -- --runs 3 --scenario cut,switchover --timing default`;

const FAILED = 1;
const USAGE = 64;
const NOT_ALLOWED = 77;

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const US = "understudy";
const THEM = "keepalived";
const SCENARIOS = ["cut", "switchover", "crash", "partition", "freeze", "idle"];
const ALL_SCENARIOS = [...SCENARIOS, "stop", "load"];

/** Peers take turns after so many runs, so that what else the machine does meets both of them. */
const TURN = 5;
/** How long an interrupted lab may take to end what it started. */
const LAB_END_MS = 30_000;
/** What each peer needs: hosts, the lab's name for its timing, and how long a heal has to be watched. */
const PEERS: Readonly<Record<string, Peer>> = {
  [US]: { hosts: 3, timing: (profile) => profile, undoSeconds: 4 },
  // At its shortest interval keepalived is only stable with real-time priority: that is the fair rival. Its
  // black holes after a heal last up to 7 s, so it is watched longer.
  [THEM]: { hosts: 2, timing: (profile) => (profile === "fast" ? "fastrt" : "default"), undoSeconds: 9 },
};

type Peer = {
  readonly hosts: number;
  readonly timing: (profile: string) => string;
  readonly undoSeconds: number;
};

type Options = {
  readonly lab: string;
  readonly runs: number;
  readonly scenarios: readonly string[];
  readonly timings: readonly string[];
  readonly peers: readonly string[];
  readonly seconds: number;
  readonly out: string | null;
};

const ENVIRONMENT = {
  ...process.env,
  UNDERSTUDY: process.env.UNDERSTUDY ?? join(ROOT, "bin", "understudy"),
  // A lab of its own beside any other; the folder may be another user's, so nothing is cached there.
  LAB_PREFIX: `b${process.pid}-`,
  PYTHONDONTWRITEBYTECODE: "1",
};

/** The measurement that runs now. */
let present: ChildProcess | null = null;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  if (typeof options === "string") {
    console.error(`${options}\n\n${HELP}`);
    return USAGE;
  }
  const obstacle = findObstacle(options);
  if (obstacle !== null) {
    console.error(obstacle);
    return NOT_ALLOWED;
  }
  const folder = options.out ?? mkdtempSync(join(tmpdir(), "understudy-bench-"));
  console.error(`rows go to ${folder}`);
  guardExit(options.lab);
  const failures: string[] = [];
  const rows: Row[] = [];
  for (const turn of turnsOf(options)) {
    const measured = await measure(turn, options, join(folder, `${turn.name}.csv`));
    if (typeof measured === "string") failures.push(measured);
    else rows.push(...measured);
  }
  printReport(rows, argv);
  for (const failure of failures) console.error(failure);
  return failures.length === 0 ? 0 : FAILED;
}

type Turn = {
  readonly name: string;
  readonly peer: string;
  readonly profile: string;
  readonly scenario: string;
  readonly runs: number;
};

/** Every measurement in its order: the peers alternate within each scenario. */
function turnsOf({ timings, scenarios, peers, runs }: Options): readonly Turn[] {
  return timings.flatMap((profile) =>
    scenarios.flatMap((scenario) => {
      // An idle run already is a mean over a minute.
      const wanted = scenario === "idle" || scenario === "load" ? 1 : runs;
      return Array.from({ length: Math.ceil(wanted / TURN) }, (_, index) =>
        peers.map((peer) => ({
          name: `${profile}-${scenario}-${peer}-${index + 1}`,
          peer,
          profile,
          scenario,
          runs: Math.min(TURN, wanted - index * TURN),
        })),
      ).flat();
    }),
  );
}

/** Runs the lab once; answers its rows, or what went wrong. */
async function measure(
  turn: Turn,
  { lab, seconds }: Options,
  file: string,
): Promise<readonly Row[] | string> {
  const peer = PEERS[turn.peer];
  if (peer === undefined) return `no such peer: ${turn.peer}`;
  const words = [turn.peer, peer.timing(turn.profile), turn.scenario, String(turn.runs), file];
  const undo = ["-n", String(peer.hosts), "--undo", String(peer.undoSeconds), "-s", String(seconds)];
  console.error(`measure ${words.slice(0, 4).join(" ")}`);
  const child = spawn(join(lab, "measure"), [...words, ...undo], {
    env: ENVIRONMENT,
    stdio: ["ignore", 2, 2],
  });
  present = child;
  const limitMs = (180 + turn.runs * 120 + seconds) * 1000;
  const timer = setTimeout(() => child.kill("SIGINT"), limitMs);
  const code = await new Promise<number | string>((end) => {
    child.on("error", (error) => end(error.message));
    child.on("exit", (status, by) => end(status ?? by ?? "unknown"));
  });
  clearTimeout(timer);
  present = null;
  if (code !== 0) {
    takeDown(lab);
    return `measure ${words.slice(0, 4).join(" ")} ended with ${code}`;
  }
  return parseCsv(readFileSync(file, "utf8")).map((row) => ({ ...row, profile: turn.profile }));
}

function printReport(rows: readonly Row[], argv: readonly string[]): void {
  const quiet = (row: Row) => "cpu_s_per_min" in row;
  const command = `npm run bench${argv.length === 0 ? "" : ` -- ${withoutPaths(argv).join(" ")}`}`;
  console.log(`\`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${machine()}\n`);
  const events = rows.filter((row) => !quiet(row));
  if (events.length > 0) console.log(`${compareEvents(events, US, THEM).join("\n")}\n`);
  for (const scenario of ["idle", "load"]) {
    const these = rows.filter((row) => quiet(row) && row.scenario === scenario);
    if (these.length > 0) console.log(`${scenario}:\n\n${compareIdle(these).join("\n")}\n`);
  }
}

function machine(): string {
  return `Linux ${release().split("-")[0]}, ${cpus().length} cores, Node ${process.versions.node}`;
}

/** The command as a reader can repeat it: folders of this machine are left out. */
function withoutPaths(argv: readonly string[]): readonly string[] {
  const own = (word: string | undefined) => word === "--lab" || word === "--out";
  return argv.filter((word, index) => !own(word) && !own(argv[index - 1]));
}

function findObstacle({ lab, peers }: Options): string | null {
  if (!existsSync(join(lab, "measure"))) {
    return `the measuring lab is not at ${lab}: it is a folder with a program named measure, which brings up
hosts in network namespaces and times what a client sees. Give it with --lab DIR. What needs no lab:
npm start -- --once`;
  }
  if (process.getuid?.() !== 0) return "npm run bench needs root: the lab makes network namespaces";
  const needed = ["ip", "nft", "python3", ...(peers.includes(THEM) ? ["keepalived"] : [])];
  const missing = needed.filter((program) => !isOnPath(program));
  if (missing.length > 0) {
    const packages = missing.map((program) => ({ ip: "iproute2", nft: "nftables" })[program] ?? program);
    return `missing: ${missing.join(", ")}. On Debian: apt-get install --no-install-recommends ${packages.join(" ")}
(a keepalived that the package starts by itself does no harm, but needs none: systemctl disable --now keepalived)`;
  }
  if (peers.includes(US) && process.env.UNDERSTUDY === undefined) {
    const built = spawnSync(process.execPath, [join(ROOT, "scripts", "build.ts")], {
      cwd: ROOT,
      encoding: "utf8",
    });
    if (built.status !== 0) return `the program could not be built:\n${built.stderr.trim()}`;
  }
  return null;
}

function isOnPath(program: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}

/** Interrupted, the lab ends its probes and goes down by itself, given some seconds; then it is taken down. */
function guardExit(lab: string): void {
  process.on("exit", () => takeDown(lab));
  for (const [name, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(name, () => {
      const exit = () => process.exit(128 + number);
      if (present === null || !present.kill("SIGINT")) exit();
      present?.on("exit", exit);
      setTimeout(exit, LAB_END_MS);
    });
  }
}

function takeDown(lab: string): void {
  spawnSync(join(lab, "lab"), ["down"], { env: ENVIRONMENT, stdio: "ignore", timeout: 30_000 });
}

function parseOptions(argv: readonly string[]): Options | "help" | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        lab: { type: "string", default: join(ROOT, "..", "shared", "lab") },
        runs: { type: "string", default: "15" },
        scenario: { type: "string", default: SCENARIOS.join(",") },
        timing: { type: "string", default: "default,fast" },
        peers: { type: "string", default: `${US},${THEM}` },
        seconds: { type: "string", default: "60" },
        out: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return "help";
    const options = {
      lab: resolve(values.lab),
      runs: Number(values.runs),
      scenarios: values.scenario.split(","),
      timings: values.timing.split(","),
      peers: values.peers.split(","),
      seconds: Number(values.seconds),
      out: values.out === undefined ? null : resolve(values.out),
    };
    return complaintAbout(options) ?? options;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function complaintAbout({ runs, seconds, scenarios, timings, peers }: Options): string | null {
  const unknown = (given: readonly string[], known: readonly string[]) =>
    given.find((each) => !known.includes(each));
  if (!Number.isInteger(runs) || runs < 1) return "--runs is a number from 1 on";
  if (!Number.isFinite(seconds) || seconds < 1) return "--seconds is a number from 1 on";
  const scenario = unknown(scenarios, ALL_SCENARIOS);
  if (scenario !== undefined) return `no such scenario: ${scenario}; there are ${ALL_SCENARIOS.join(", ")}`;
  const timing = unknown(timings, ["default", "fast", "wan"]);
  if (timing !== undefined) return `no such timing: ${timing}; there are default, fast, wan`;
  const peer = unknown(peers, Object.keys(PEERS));
  if (peer !== undefined) return `no such peer: ${peer}; there are ${Object.keys(PEERS).join(", ")}`;
  return null;
}
