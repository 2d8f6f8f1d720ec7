// Row 1: daemons that are killed, and daemons (or the keeper's thread alone) that stand still for a while.
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { killDaemon } from "../cluster.ts";
import { signal, stateOf } from "../namespaces.ts";
import { sleep, until } from "../shell.ts";
import {
  FINE,
  lasting,
  NOTHING,
  ONE_MOVE,
  type Played,
  type Row,
  type Scenario,
  type Turn,
} from "./scenario.ts";
import { membersOf, pidOf, type Stage, start } from "./stage.ts";

/** How long a killed daemon stays away, and how long a stopped one stands still. */
const AWAY = { fullMs: 3_000, shortMs: 1_500 };
const STILL = { fullMs: 10_000, shortMs: 2_000 };
/** A start of three daemons, the lease that each is mute for, an election and the service's start. */
const BACK_MS = 5_000;
const WITHIN_MS = 30_000;
const HELD_WITHIN_MS = 5_000;

export type Whom = (turn: Turn) => readonly string[];

export const ACTIVE: Whom = ({ active }) => [active];
const WITNESS: Whom = ({ stage }) => [stage.cluster.witness];
export const ALL: Whom = ({ stage }) => membersOf(stage);

export const PROCESSES: Row = {
  title: "processes",
  needs: { links: 1, ownDisks: false },
  scenarios: [
    {
      name: "kill-active",
      does: "the active's daemon (and so its keeper's thread) is killed, SIGKILL; started again 3 s later",
      must: ONE_MOVE,
      play: (turn) => kill(turn, ACTIVE),
      withinMs: WITHIN_MS,
    },
    {
      name: "stop-active",
      does: "the active's daemon stands still for 10 s, SIGSTOP and SIGCONT",
      must: ONE_MOVE,
      play: (turn) => stop(turn, ACTIVE),
      withinMs: WITHIN_MS,
    },
    {
      name: "stop-keeper",
      does: "the keeper's thread of the active alone stands still for 10 s (ptrace; a signal stops all threads)",
      must: ONE_MOVE,
      play: holdKeeper,
      withinMs: WITHIN_MS,
    },
    {
      name: "kill-witness",
      does: "the witness is killed, SIGKILL; started again 3 s later",
      must: NOTHING,
      play: (turn) => kill(turn, WITNESS),
      withinMs: WITHIN_MS,
    },
    {
      name: "stop-witness",
      does: "the witness stands still for 10 s, SIGSTOP and SIGCONT",
      must: NOTHING,
      play: (turn) => stop(turn, WITNESS),
      withinMs: WITHIN_MS,
    },
    {
      name: "kill-all",
      does: "all three are killed, SIGKILL, and started again at once",
      must: { moves: [0, 1], outage: BACK_MS },
      play: killAll,
      withinMs: WITHIN_MS,
    },
    {
      name: "stop-all",
      does: "all three stand still for 10 s, SIGSTOP and SIGCONT",
      must: { moves: [0, 1], outage: BACK_MS },
      play: async (turn) => ({ ...(await stop(turn, ALL)), excusedMs: lasting(turn, STILL) }),
      withinMs: WITHIN_MS,
    },
  ] satisfies readonly Scenario[],
};

export async function kill(turn: Turn, whom: Whom): Promise<Played> {
  const { stage } = turn;
  const names = whom(turn);
  await Promise.all(names.map((name) => killDaemon(stage.cluster, name)));
  await sleep(lasting(turn, AWAY));
  for (const name of names) start(stage, name);
  return FINE;
}

export async function killAll({ stage }: Turn): Promise<Played> {
  const names = membersOf(stage);
  for (const name of names) signal(-pidOf(stage, name), "SIGKILL");
  await Promise.all(names.map((name) => killDaemon(stage.cluster, name)));
  for (const name of names) start(stage, name);
  return FINE;
}

export async function stop(turn: Turn, whom: Whom): Promise<Played> {
  const pids = whom(turn).map((name) => pidOf(turn.stage, name));
  for (const pid of pids) signal(pid, "SIGSTOP");
  const stopped = await until(() => pids.every((pid) => stateOf(pid) === "T"), {
    withinMs: 1_000,
    everyMs: 5,
  });
  await sleep(lasting(turn, STILL));
  for (const pid of pids) signal(pid, "SIGCONT");
  return stopped ? FINE : { trouble: ["the processes did not stop"] };
}

async function holdKeeper(turn: Turn): Promise<Played> {
  const { stage, active } = turn;
  const thread = keeperThreadOf(stage, active);
  if (thread === null) return { trouble: [`${active} has no thread with real-time priority`] };
  const holder = spawn(
    process.execPath,
    [fileURLToPath(new URL("hold-thread.ts", import.meta.url)), "--thread", String(thread)],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  try {
    const problem = await held(holder);
    if (problem !== null) return { trouble: [problem] };
    await sleep(lasting(turn, STILL));
    const isStill = readState(pidOf(stage, active), thread) === "t";
    return isStill ? FINE : { trouble: ["the keeper's thread went on by itself"] };
  } finally {
    holder.stdin.end();
    await until(() => holder.exitCode !== null, { withinMs: 2_000, everyMs: 5 });
    holder.kill("SIGKILL");
  }
}

/** Waits for the word that the thread is held; answers what was said instead. */
function held(holder: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    let words = "";
    const timer = setTimeout(() => resolve("the keeper's thread was not held in time"), HELD_WITHIN_MS);
    const give = (answer: string | null) => {
      clearTimeout(timer);
      resolve(answer);
    };
    holder.stdout?.on("data", (text: Buffer) => {
      if (text.toString().includes("held")) give(null);
    });
    holder.stderr?.on("data", (text: Buffer) => {
      words += text.toString();
    });
    holder.on("error", (error) => give(error.message));
    holder.on("exit", () => give(`the keeper's thread cannot be held: ${words.trim()}`));
  });
}

/** The thread that asked for SCHED_RR: policy 2 in field 41 of proc(5)'s stat. */
function keeperThreadOf(stage: Stage, name: string): number | null {
  const pid = pidOf(stage, name);
  const threads = readdirSync(`/proc/${pid}/task`).map(Number);
  return threads.find((thread) => fieldsOf(pid, thread)[38] === "2") ?? null;
}

function readState(pid: number, thread: number): string | undefined {
  return fieldsOf(pid, thread)[0];
}

/** What follows the name in parentheses: the state is the first of them, field 3 of the whole. */
function fieldsOf(pid: number, thread: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
