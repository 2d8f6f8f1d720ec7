// `npm run sim`: many seeds on all cores, or one seed again with everything that happened.

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { VoterCount } from "./cluster.ts";
import { FAULT_KINDS } from "./faults.ts";
import { PROFILES, type ProfileName } from "./profiles.ts";
import { DEFAULTS, type SimOptions, type SimResult, simulate } from "./simulate.ts";
import { addUp, type Batch, formatFailure, formatSummary, newTotals, type Totals } from "./summary.ts";
import { optionsFor, WRONG_VARIANTS } from "./wrong.ts";

const HELP = `npm run sim -- [options]

  --seeds N             how many seeds (1000)
  --from S              the first seed (1)
  --seed S              this seed alone, with everything that happened
  --seconds N           virtual seconds with faults (60)
  --voters 2|3|4|5      how many voters (by the seed: mostly 3, a quarter 2, some 4 and 5)
  --profile NAME        ${Object.keys(PROFILES).join(", ")} (all)
  --wrong NAME          with a known mistake: ${WRONG_VARIANTS.map((v) => v.name).join(", ")}
  --jobs N              threads (one per core)
  --check-determinism   every seed twice, the traces compared; otherwise one in 50
  --keep-going          go on after the first failing seed

Exit code: 0 all seeds held, 1 one did not, 64 usage.
`;

interface Arguments {
  readonly seeds: number;
  readonly from: number;
  readonly seed: number | null;
  readonly seconds: number;
  readonly voters: VoterCount | null;
  readonly profile: ProfileName | null;
  readonly wrong: string | null;
  readonly jobs: number;
  readonly isTwice: boolean;
  readonly keepsGoing: boolean;
}

/** Seeds that a thread does before it reports. */
const BATCH = 10;
/** Ms between two lines of progress, on stderr. */
const TELL_EVERY = 30_000;
/** One in so many seeds is run twice in any case. */
const SAMPLE = 50;

function readArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      seed: { type: "string" },
      seconds: { type: "string" },
      voters: { type: "string" },
      profile: { type: "string" },
      wrong: { type: "string" },
      jobs: { type: "string" },
      "check-determinism": { type: "boolean" },
      "keep-going": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    process.exit(0);
  }
  const number = (text: string | undefined, otherwise: number): number => {
    if (text === undefined) return otherwise;
    if (!/^\d+$/.test(text)) throw new TypeError(`${text} is not a whole number`);
    return Number(text);
  };
  const voters = values.voters === undefined ? null : number(values.voters, 3);
  if (voters !== null && voters !== 2 && voters !== 3 && voters !== 4 && voters !== 5)
    throw new TypeError("2, 3, 4 or 5 voters");
  const profile = values.profile ?? null;
  if (profile !== null && !(profile in PROFILES)) throw new TypeError(`there is no profile ${profile}`);
  const wrong = values.wrong ?? null;
  if (wrong !== null && !WRONG_VARIANTS.some((v) => v.name === wrong)) {
    throw new TypeError(`there is no wrong variant ${wrong}`);
  }
  return {
    seeds: number(values.seeds, 1_000),
    from: number(values.from, 1),
    seed: values.seed === undefined ? null : number(values.seed, 1),
    seconds: number(values.seconds, DEFAULTS.seconds),
    voters,
    profile: profile as ProfileName | null,
    wrong,
    jobs: number(values.jobs, availableParallelism()),
    isTwice: values["check-determinism"] === true,
    keepsGoing: values["keep-going"] === true,
  };
}

/** Explicit arguments win over what a wrong variant brings with it. */
function simOptions(args: Arguments): Omit<SimOptions, "seed"> {
  const variant = WRONG_VARIANTS.find((v) => v.name === args.wrong);
  const base = variant === undefined ? DEFAULTS : optionsFor(variant, true);
  return {
    ...base,
    seconds: args.seconds,
    voters: args.voters ?? base.voters,
    profile: args.profile === null ? base.profile : PROFILES[args.profile],
  };
}

function runSeed(args: Arguments, seed: number): SimResult {
  const options = { ...simOptions(args), seed };
  const result = simulate(options);
  if (!args.isTwice && seed % SAMPLE !== 0) return result;
  const again = simulate(options);
  if (again.hash === result.hash && again.events === result.events) return result;
  const text = `the same seed gave ${result.hash} with ${result.events} events, then ${again.hash} with ${again.events}`;
  return { ...result, violation: { invariant: "not-deterministic", text, at: 0 } };
}

/** A thread: does the batches that it is given. */
function work(args: Arguments): void {
  parentPort?.on("message", (from: number) => {
    const results: SimResult[] = [];
    const last = Math.min(from + BATCH, args.from + args.seeds);
    for (let seed = from; seed < last; seed++) results.push(runSeed(args, seed));
    parentPort?.postMessage({ from, results } satisfies Batch);
  });
}

function replay(args: Arguments, seed: number): number {
  const result = simulate({ ...simOptions(args), seed, keepsLines: true });
  for (const line of result.lines) console.log(line);
  console.log(`\nseed ${seed}: trace ${result.hash}, ${result.events} events`);
  if (result.violation !== null) console.log(`${result.violation.invariant}: ${result.violation.text}`);
  else console.log("everything held");
  return result.violation === null ? 0 : 1;
}

/** Batches in order to whichever thread is free; the lowest failing seed is the one that is shown. */
async function runAll(args: Arguments): Promise<Totals> {
  const totals = newTotals();
  let next = args.from;
  const end = args.from + args.seeds;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const thread = new Worker(new URL(import.meta.url), { workerData: args });
      const give = () => {
        const isOver = next >= end || (totals.failures.length > 0 && !args.keepsGoing);
        if (isOver) {
          void thread.terminate().then(() => resolve());
          return;
        }
        thread.postMessage(next);
        next += BATCH;
      };
      thread.on("error", reject);
      thread.on("message", (batch: Batch) => {
        addUp(totals, batch);
        give();
      });
      give();
    });
  const progress = setInterval(() => {
    const failed = totals.failures.length === 0 ? "all held" : `${totals.failures.length} did not hold`;
    console.error(`${totals.seeds} of ${args.seeds} seeds, ${failed}`);
  }, TELL_EVERY);
  try {
    await Promise.all(Array.from({ length: Math.max(1, args.jobs) }, one));
  } finally {
    clearInterval(progress);
  }
  return totals;
}

function commandFor(args: Arguments, seed: number): string {
  const parts = [`npm run sim -- --seed ${seed}`];
  if (args.seconds !== DEFAULTS.seconds) parts.push(`--seconds ${args.seconds}`);
  if (args.voters !== null) parts.push(`--voters ${args.voters}`);
  if (args.profile !== null) parts.push(`--profile ${args.profile}`);
  if (args.wrong !== null) parts.push(`--wrong ${args.wrong}`);
  return parts.join(" ");
}

async function main(): Promise<number> {
  let args: Arguments;
  try {
    args = readArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    return 64;
  }
  if (args.seed !== null) return replay(args, args.seed);
  const { from, seeds, seconds, jobs } = args;
  const shape = `${args.voters ?? simOptions(args).voters ?? "2 to 5"} voters, profile ${args.profile ?? "default"}`;
  const mistake = args.wrong === null ? "" : `, wrong variant ${args.wrong}`;
  console.log(
    `seeds ${from} to ${from + seeds - 1}, ${seconds} virtual seconds each, ${shape}${mistake}, ${jobs} threads`,
  );
  const began = process.hrtime.bigint();
  const totals = await runAll(args);
  const took = Number(process.hrtime.bigint() - began) / 1e9;
  for (const line of formatSummary(totals, { took, jobs, kinds: FAULT_KINDS })) console.log(line);
  const [first] = totals.failures.sort((a, b) => a.seed - b.seed);
  if (first === undefined) return 0;
  const again = simulate({ ...simOptions(args), seed: first.seed, keepsLines: true });
  for (const line of formatFailure(first, again.lines, commandFor(args, first.seed))) console.log(line);
  return 1;
}

if (isMainThread) process.exitCode = await main();
else work(workerData as Arguments);
