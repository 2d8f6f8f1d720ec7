// `npm run test:faults`: real daemons under every fault of the table in docs/faults.md, judged by what a client, an ARP
// watcher and the hosts themselves see.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nearest } from "#lib/nearest.ts";
import type { TimingName } from "./cluster.ts";
import { PARTS, type Part } from "./faults-suite/scenario.ts";
import { allScenarios, playSuite, type SuiteOptions } from "./faults-suite/suite.ts";
import { formatFailures, formatHead, formatMarkdown, formatTally, type Tally } from "./faults-suite/table.ts";
import { monotonicMs } from "./shell.ts";

const HELP = `npm run test:faults [-- options]

  --only NAME,...    these scenarios; --list names them
  --part P           three (two nodes and a witness), two (two nodes alone) or fencing alone
  --runs N           runs of each; without it 10 with the profile default and 3 with fast
  --profile P        default or fast alone
  --short            one run of each with the profile default, shorter, four at a time
  --jobs N           how many rows are played at once, each on a cluster of its own; 1, with --short 4
  --seed N           repeats the random choices of an earlier run; it prints its own
  --markdown FILE    writes the table there too
  --list             says what each scenario does, and plays none
  --help

Prints a line for each scenario as it comes. Logs and journals of runs that did not hold are kept, and it says where.
Exit codes: 0 everything held, 1 something did not, 64 wrong usage, 77 not allowed or not possible here.
Example: npm run test:faults -- --only kill-active,part-active --runs 3`;

const DONE = 0;
const FAILED = 1;
const USAGE = 64;
const NOT_ALLOWED = 77;

/** The issue's numbers: what one run of each could miss by luck. */
const FULL_RUNS = [
  { timing: "default", count: 10 },
  { timing: "fast", count: 3 },
] as const;
/** Most of a run is waiting. */
const SHORT_JOBS = 4;
const BUILD_WITHIN_MS = 300_000;
const ROOT = fileURLToPath(new URL("..", import.meta.url));

type Options = Omit<SuiteOptions, "tell" | "evidence"> & { readonly markdown: string | null };

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options === "help" || options === "list") {
    console.log(options === "help" ? HELP : listText());
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
  const begunMs = monotonicMs();
  const evidence = join(tmpdir(), `understudy-faults-${process.pid}`);
  console.log(`seed ${options.seed}\n\n${formatHead()}`);
  const tallies = await playSuite({ ...options, evidence, tell: printTally });
  if (options.markdown !== null) writeFileSync(options.markdown, formatMarkdown(tallies, commandOf(argv)));
  const seconds = ((monotonicMs() - begunMs) / 1000).toFixed(0);
  const failed = tallies.filter(({ failures }) => failures.length > 0);
  if (failed.length === 0) {
    console.log(`\nEverything held, in ${tallies.length} rows, ${seconds} s.`);
    return DONE;
  }
  const names = failed.map(({ scenario, timing }) => `${scenario.name} (${timing})`).join(", ");
  console.log(`\n${failed.length} of ${tallies.length} rows did not hold, ${seconds} s: ${names}.`);
  console.log(`Logs and journals: ${evidence}. Again with --seed ${options.seed}.`);
  return FAILED;
}

function printTally(tally: Tally): void {
  console.log([formatTally(tally), ...formatFailures(tally)].join("\n"));
}

function listText(): string {
  return allScenarios()
    .map(({ row, scenario }) => `${scenario.name.padEnd(24)}${row.title}: ${scenario.does}`)
    .join("\n");
}

function commandOf(argv: readonly string[]): string {
  return argv.length === 0 ? "npm run test:faults" : `npm run test:faults -- ${argv.join(" ")}`;
}

/** What keeps the suite from running here; null: nothing. Builds the program. */
function findObstacle(): string | null {
  if (process.getuid?.() !== 0) {
    return "npm run test:faults needs root: it makes network namespaces, and file systems in memory. Try sudo.";
  }
  if (process.env.UNDERSTUDY !== undefined) return null;
  const bootstrap = join(ROOT, "scripts", "bootstrap.mjs");
  const built = spawnSync(process.execPath, [bootstrap, "scripts/build.ts"], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: BUILD_WITHIN_MS,
  });
  return built.status === 0 ? null : `the program could not be built:\n${built.stderr.trim()}`;
}

function parseOptions(argv: readonly string[]): Options | "help" | "list" | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        only: { type: "string" },
        part: { type: "string" },
        runs: { type: "string" },
        profile: { type: "string" },
        short: { type: "boolean", default: false },
        jobs: { type: "string" },
        seed: { type: "string" },
        markdown: { type: "string" },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return "help";
    if (values.list) return "list";
    const only = values.only?.split(",") ?? null;
    const problem = only === null ? null : unknownAmong(only);
    if (problem !== null) return problem;
    return {
      only,
      part: partOf(values.part),
      runs: runsOf(values),
      isShort: values.short,
      jobs: wholeNumber("jobs", values.jobs) ?? (values.short ? SHORT_JOBS : 1),
      seed: wholeNumber("seed", values.seed) ?? Date.now() % 1_000_000,
      markdown: values.markdown ?? null,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function unknownAmong(only: readonly string[]): string | null {
  const names = allScenarios().map(({ scenario }) => scenario.name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown === undefined) return null;
  const near = nearest(unknown, names);
  return `there is no scenario ${unknown}${near === null ? "; --list names them" : `; did you mean ${near}?`}`;
}

function partOf(text: string | undefined): Part | null {
  const part = PARTS.find((each) => each === text) ?? null;
  if (text !== undefined && part === null) throw new Error(`--part is ${PARTS.join(", ")}, not ${text}`);
  return part;
}

function runsOf(values: {
  readonly runs?: string | undefined;
  readonly profile?: string | undefined;
  readonly short: boolean;
}): SuiteOptions["runs"] {
  const count = wholeNumber("runs", values.runs);
  const { profile } = values;
  if (profile !== undefined && profile !== "default" && profile !== "fast") {
    throw new Error(`--profile is default or fast, not ${profile}`);
  }
  const wanted: SuiteOptions["runs"] = values.short
    ? [{ timing: profile ?? "default", count: 1 }]
    : FULL_RUNS;
  return wanted
    .filter(({ timing }) => profile === undefined || timing === profile)
    .map(({ timing, count: usual }): { timing: TimingName; count: number } => ({
      timing,
      count: count ?? usual,
    }));
}

function wholeNumber(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  const least = name === "seed" ? 0 : 1;
  if (!Number.isSafeInteger(value) || value < least) {
    throw new Error(`--${name} is a whole number from ${least} on, not ${text}`);
  }
  return value;
}
