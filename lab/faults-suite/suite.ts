// Plays the scenarios: on one stage as long as it holds, each run judged, a line of the table for each scenario.
import { join } from "node:path";
import { Prng } from "#lib/prng.ts";
import type { TimingName } from "../cluster.ts";
import { monotonicMs, sleep } from "../shell.ts";
import { REQUEST_TIMEOUT_MS } from "../watch.ts";
import { hostOf } from "../world.ts";
import { CHAOS_ROW } from "./chaos.ts";
import { CLOCKS } from "./clocks.ts";
import { DISKS_OWN, DISKS_PLAIN } from "./disks.ts";
import { EAGER } from "./eager.ts";
import { FENCING, FENCING_INSIDE, FENCING_LEVELS } from "./fencing.ts";
import { PAIR_HOSTS } from "./hosts.ts";
import { judge, type LetGo, type Seen, see } from "./judge.ts";
import { MEDDLING_ROW } from "./meddling.ts";
import { PAIR, PAIR_WEATHER } from "./pair.ts";
import { ONE_WAY_PARTITIONS, PARTITIONS } from "./partitions.ts";
import { PROCESSES } from "./processes.ts";
import { RACE } from "./race.ts";
import type { Part, Played, Row, Scenario, Turn } from "./scenario.ts";
import { closeStage, keepEvidence, openStage, type Stage, settle } from "./stage.ts";
import { STORM_ROW } from "./storm.ts";
import { addRun, emptyTally, type Tally } from "./table.ts";
import { journalOf } from "./terms.ts";
import { WEATHER_ONE_LINK, WEATHER_TWO_LINKS } from "./weather.ts";

export const ROWS: readonly Row[] = [
  PROCESSES,
  PARTITIONS,
  ONE_WAY_PARTITIONS,
  WEATHER_ONE_LINK,
  WEATHER_TWO_LINKS,
  STORM_ROW,
  CLOCKS,
  DISKS_OWN,
  DISKS_PLAIN,
  MEDDLING_ROW,
  PAIR,
  PAIR_HOSTS,
  PAIR_WEATHER,
  RACE,
  CHAOS_ROW,
  EAGER,
  FENCING,
  FENCING_LEVELS,
  FENCING_INSIDE,
];

export type SuiteOptions = {
  readonly seed: number;
  /** Names of scenarios; null: all. */
  readonly only: readonly string[] | null;
  /** Rows about one kind of cluster; null: all. */
  readonly part: Part | null;
  readonly runs: readonly { readonly timing: TimingName; readonly count: number }[];
  readonly isShort: boolean;
  /** How many rows may be played at once, each on a stage of its own. */
  readonly jobs: number;
  /** Where logs and journals of failed runs go. */
  readonly evidence: string;
  readonly tell: (tally: Tally) => void;
};

/** Of each scenario no more than this is kept. */
const EVIDENCE_MOST = 2;
/** After the cluster is whole again, for what would come late. */
const TAIL_MS = 300;
/** What the harness itself may wait for around a scenario: twice until whole, and the client's last answers. */
const AROUND_MS = 120_000;
/** A fault begins at any moment of a pulse's interval. */
const PHASE_MS = 250;

type Task = { readonly row: Row; readonly timing: TimingName; readonly count: number };

/** Plays everything wanted and answers the table. Never throws for what a run does. */
export async function playSuite(options: SuiteOptions): Promise<readonly Tally[]> {
  const tasks = options.runs.flatMap(({ timing, count }) =>
    ROWS.filter(({ part = "three" }) => options.part === null || part === options.part).map(
      (row): Task => ({ row: selected(row, options.only), timing, count }),
    ),
  );
  const waiting = tasks.filter(({ row }) => row.scenarios.length > 0);
  // Several at once are over soonest when the longest begin first.
  if (options.jobs > 1) waiting.sort((a, b) => lengthOf(b) - lengthOf(a));
  const tallies: Tally[] = [];
  const work = async () => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      await playRow(task, options, (tally) => {
        tallies.push(tally);
        options.tell(tally);
      });
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return inOrder(tallies);
}

/** As `--list` has them, each profile for itself. */
function inOrder(tallies: readonly Tally[]): readonly Tally[] {
  const names = allScenarios().map(({ scenario }) => scenario.name);
  const timings = [...new Set(tallies.map(({ timing }) => timing))].sort();
  const place = ({ scenario, timing }: Tally) =>
    timings.indexOf(timing) * names.length + names.indexOf(scenario.name);
  return tallies.toSorted((a, b) => place(a) - place(b));
}

function lengthOf({ row, count }: Task): number {
  return count * row.scenarios.reduce((sum, { withinMs }) => sum + withinMs, 0);
}

export function allScenarios(): readonly { readonly row: Row; readonly scenario: Scenario }[] {
  return ROWS.flatMap((row) => row.scenarios.map((scenario) => ({ row, scenario })));
}

function selected(row: Row, only: readonly string[] | null): Row {
  if (only === null) return row;
  return { ...row, scenarios: row.scenarios.filter(({ name }) => only.includes(name)) };
}

async function playRow(task: Task, options: SuiteOptions, tell: (tally: Tally) => void): Promise<void> {
  const stages = new StageKeeper(task);
  try {
    for (const scenario of task.row.scenarios) tell(await playScenario(scenario, task, options, stages));
  } finally {
    await stages.close();
  }
}

async function playScenario(
  scenario: Scenario,
  task: Task,
  options: SuiteOptions,
  stages: StageKeeper,
): Promise<Tally> {
  const random = Prng.from(options.seed).split(`${scenario.name} ${task.timing}`);
  let tally = emptyTally(scenario, task.timing);
  for (let run = 0; run < task.count; run += 1) {
    const around = { scenario, task, options, random: random.split(String(run)) };
    const result = await playGuarded(stages, around);
    if (result.problems.length > 0 && tally.failures.length < EVIDENCE_MOST) {
      await stages.keep(join(options.evidence, `${scenario.name}-${task.timing}-${run}`));
    }
    if (result.isBroken) await stages.close();
    tally = addRun(tally, result.seen, { number: run, problems: result.problems, note: result.note });
  }
  await stages.restore(scenario);
  return tally;
}

type Around = {
  readonly scenario: Scenario;
  readonly task: Task;
  readonly options: SuiteOptions;
  readonly random: Prng;
};

type Result = {
  readonly seen: Seen | null;
  readonly problems: readonly string[];
  readonly note: string | null;
  /** The stage cannot be used any more. */
  readonly isBroken: boolean;
};

/** One run with its deadline; what is thrown on the way is a problem, and the end of the stage. */
async function playGuarded(stages: StageKeeper, around: Around): Promise<Result> {
  const { scenario } = around;
  const deadlineMs = scenario.withinMs + AROUND_MS;
  try {
    return await within(deadlineMs, playOnce(stages, around));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { seen: null, problems: [problem], note: null, isBroken: true };
  }
}

async function playOnce(stages: StageKeeper, { scenario, task, options, random }: Around): Promise<Result> {
  const stage = await stages.open();
  const { timing } = task;
  const active = await settle(stage);
  const first: Turn = { stage, timing, random, isShort: options.isShort, ...sides(stage, active) };
  const turn = await stages.prepare(scenario, first);
  await sleep(random.between(0, PHASE_MS));
  const before = stage.holders.counts();
  const fromMs = monotonicMs();
  const played: Played = await scenario.play(turn);
  await settle(stage);
  await sleep(TAIL_MS);
  const toMs = monotonicMs();
  await sleep(REQUEST_TIMEOUT_MS + 100);
  const seen = see(stage.client.entries(), stage.arp.entries(), {
    stretch: { fromMs, toMs },
    timing,
    letGo: whoLetGo(stage),
  });
  const problems = [...judge(seen, scenario.must, { played, timing, isShort: options.isShort })];
  const after = stage.holders.counts();
  if (after.twice > before.twice && scenario.must.mayDouble !== true)
    problems.push("the address was live on two hosts, by what the hosts hold");
  if (after.looks === before.looks) problems.push("nobody looked at what the hosts hold");
  problems.push(...stage.terms.problems(), ...(stage.power?.problems() ?? []));
  for (const watch of [stage.client, stage.arp]) watch.forget(toMs);
  // What was wrong with terms stays in the journals: the next run would be blamed for it.
  const isBroken = stage.terms.problems().length > 0;
  return { seen, problems, note: played.note ?? null, isBroken };
}

/** From the nodes' journals, on the clock of the client. */
function whoLetGo({ cluster }: Stage): LetGo {
  const aheadMs = Date.now() - monotonicMs();
  const gone = new Map<string, readonly number[]>();
  for (const node of cluster.nodes) {
    const own = journalOf(cluster, node).filter(
      (entry) => entry.area === "service" && entry.code === "stopped",
    );
    const atMs = own.map((entry) => entry.at_ms - aheadMs);
    gone.set(node, atMs).set(hostOf(cluster.world, node).mac, atMs);
  }
  return gone;
}

function sides({ cluster }: Stage, active: string): Pick<Turn, "active" | "standby"> {
  return { active, standby: cluster.nodes.find((node) => node !== active) ?? active };
}

/** Opens a stage when one is needed, and knows what the present scenario did to it. */
class StageKeeper {
  readonly #task: Task;
  #stage: Stage | null = null;
  #prepared: Scenario | null = null;

  constructor(task: Task) {
    this.#task = task;
  }

  async open(): Promise<Stage> {
    const { timing, row } = this.#task;
    this.#stage ??= await (row.open ?? openStage)(timing, row.needs);
    return this.#stage;
  }

  /** The scenario's own preparation, once a stage; where the service is may be another place afterwards. */
  async prepare(scenario: Scenario, turn: Turn): Promise<Turn> {
    if (scenario.prepare === undefined || this.#prepared === scenario) return turn;
    await scenario.prepare(turn);
    this.#prepared = scenario;
    return { ...turn, ...sides(turn.stage, await settle(turn.stage)) };
  }

  async restore(scenario: Scenario): Promise<void> {
    if (this.#stage === null || this.#prepared !== scenario) return;
    this.#prepared = null;
    try {
      await within(AROUND_MS, scenario.finish?.(this.#stage) ?? Promise.resolve());
    } catch {
      await this.close();
    }
  }

  async keep(folder: string): Promise<void> {
    if (this.#stage !== null) keepEvidence(this.#stage, folder);
  }

  async close(): Promise<void> {
    const stage = this.#stage;
    this.#stage = null;
    this.#prepared = null;
    if (stage !== null) await closeStage(stage);
  }
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
