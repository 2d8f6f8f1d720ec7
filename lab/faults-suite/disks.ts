// Row 6: the state directory of one member is full, read-only, torn or gone. What operators were promised stays true.
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { command, foldersOf, isDaemonRunning, killDaemon, lastWords, SERVICE, statusOf } from "../cluster.ts";
import { must, run, sleep, until } from "../shell.ts";
import { hostOf } from "../world.ts";
import type { Must, Played, Row, Scenario, Turn } from "./scenario.ts";
import { membersOf, type Stage, settle, start } from "./stage.ts";

type Mend = () => Promise<void>;

type Harm = {
  readonly name: string;
  readonly does: string;
  /** While the daemon runs, then while it is down; each answers how to mend it. */
  readonly running?: (turn: Turn, stateDir: string) => Promise<Mend>;
  readonly down?: (turn: Turn, stateDir: string) => Promise<Mend>;
  /** What a daemon that refuses to start has to say. */
  readonly reason: RegExp;
};

const WITHIN_MS = 120_000;
/** How long a started daemon has to answer, or to end with its reason. */
const START_WITHIN_MS = 15_000;
const REMOUNT_WITHIN_MS = 3_000;
const ENOUGH_MS = 300;
const FILLER = "filler";
const DOCUMENTS = /\.doc$/;

/** The member is killed on the way; when it was the active one the service moves. */
const MUST: Must = { moves: [0, 2], outage: null };

const FULL: Harm = {
  name: "disk-full",
  does: "the disk of one member's state directory is full",
  running: async (_, stateDir) => {
    fill(join(stateDir, FILLER));
    return async () => rmSync(join(stateDir, FILLER));
  },
  reason: /disk is full/,
};

/** The kernel makes no disk read-only while a file is open for writing: until then nothing may change in it. */
const READ_ONLY: Harm = {
  name: "disk-read-only",
  does: "one member's state directory is immutable while its daemon runs, its disk read-only when it starts again",
  running: async (_, stateDir) => {
    // Kernels before 6.6 have no such flag for this file system: then only the start is tried.
    await run(["chattr", "+i", stateDir]);
    return async () => void (await run(["chattr", "-i", stateDir]));
  },
  down: async (_, stateDir) => {
    // The last thread of a killed process closes its files a moment later.
    const remount = () => run(["mount", "-o", "remount,ro", stateDir]);
    const isDone = await until(async () => (await remount()).code === 0, { withinMs: REMOUNT_WITHIN_MS });
    if (isDone === null)
      throw new Error(`the disk cannot be made read-only: ${(await remount()).stderr.trim()}`);
    return async () => void (await must(["mount", "-o", "remount,rw", stateDir]));
  },
  reason: /read-only/,
};

const TORN: Harm = {
  name: "disk-torn",
  does: "one of the files in one member's state directory is cut short while its daemon is down, and removed later",
  down: async ({ random }, stateDir) => {
    const file = join(stateDir, random.pick(readdirSync(stateDir).filter((name) => DOCUMENTS.test(name))));
    truncateSync(file, random.int(statSync(file).size));
    return async () => rmSync(file);
  },
  reason: /(vote|voters|pair|boot|intents)\.doc (is empty|has|does not)/,
};

const DELETED: Harm = {
  name: "disk-deleted",
  does: "one member's state directory is deleted while its daemon runs",
  running: async (_, stateDir) => {
    rmSync(stateDir, { recursive: true, force: true });
    return async () => {};
  },
  reason: /state directory/,
};

export const DISKS_OWN: Row = {
  title: "state directory",
  needs: { links: 1, ownDisks: true },
  scenarios: [FULL, READ_ONLY].map(scenarioOf),
};

export const DISKS_PLAIN: Row = {
  title: "state directory",
  needs: { links: 1, ownDisks: false },
  scenarios: [TORN, DELETED].map(scenarioOf),
};

function scenarioOf(harm: Harm): Scenario {
  const more = "; it is killed and started in that state, a wish is accepted before it and one during it";
  return {
    name: harm.name,
    does: `${harm.does}${more}`,
    must: MUST,
    play: (turn) => endure(turn, harm),
    withinMs: WITHIN_MS,
  };
}

/**
 * Two wishes: a drain before, then during the harm either its end (then any member may be the one harmed), or
 * maintenance of the service (nothing can move then, so the active is spared).
 */
async function endure(turn: Turn, harm: Harm): Promise<Played> {
  const { stage, random, standby } = turn;
  const isEnded = random.chance(0.5);
  const target = random.pick(membersOf(stage).filter((name) => isEnded || name !== turn.active));
  const other = random.pick(membersOf(stage).filter((name) => name !== target));
  const { stateDir } = foldersOf(stage.cluster, target);
  const trouble: string[] = [];

  const drained = await command(stage.cluster, other, ["drain", standby, "--yes"]);
  if (drained.code !== 0) trouble.push(`drain ended with ${drained.code}: ${drained.stderr.trim()}`);
  const mends: Mend[] = [];
  const hurt = async (how: Harm["running"]) => {
    if (how !== undefined) mends.unshift(await how(turn, stateDir));
  };
  let start: Started;
  let second: number | null;
  try {
    await hurt(harm.running);
    await sleep(ENOUGH_MS);
    const wish = isEnded ? ["undrain", standby, "--yes"] : ["maintenance", "on", SERVICE];
    second = (await command(stage.cluster, other, wish)).code;
    await killDaemon(stage.cluster, target);
    await hurt(harm.down);
    start = await startAgain(stage, target);
  } finally {
    for (const mend of mends) await mend();
  }
  if (start.kind === "refused" && !harm.reason.test(start.words)) {
    trouble.push(`${target} refused to start without a clear reason: ${start.words}`);
  }
  if (start.kind === "neither") trouble.push(`${target} neither started nor ended with a reason`);
  await settle(stage);
  const promised = { standby, isEnded, isSecondAccepted: second === 0 };
  trouble.push(...(await brokenPromises(stage, promised)));
  await undo(stage, standby);
  const answer = second === 0 ? "accepted" : `not accepted (${second})`;
  const wish = isEnded ? "undrain" : "maintenance";
  return { trouble, note: `${target} ${start.kind}, ${wish} meanwhile ${answer}` };
}

type Started =
  | { readonly kind: "carried on" }
  | { readonly kind: "refused"; readonly words: string }
  | { readonly kind: "neither" };

/** Starts the daemon in its present state: it answers, or ends and has said why. */
async function startAgain(stage: Stage, target: string): Promise<Started> {
  const { cluster } = stage;
  const log = join(hostOf(cluster.world, target).folder, "understudy.log");
  const said = existsSync(log) ? statSync(log).size : 0;
  start(stage, target);
  const isUp = async () => (await statusOf(cluster, target)) !== null;
  await until(async () => !isDaemonRunning(cluster, target) || (await isUp()), {
    withinMs: START_WITHIN_MS,
    everyMs: 50,
  });
  if (!isDaemonRunning(cluster, target)) {
    const words = readFileSync(log).subarray(said).toString("utf8").trim();
    return { kind: "refused", words: words === "" ? "(no word)" : words };
  }
  return (await isUp()) ? { kind: "carried on" } : { kind: "neither" };
}

/** What was accepted and is not there now; a wish that was not accepted may be there or not. */
async function brokenPromises(
  { cluster }: Stage,
  {
    standby,
    isEnded,
    isSecondAccepted,
  }: { readonly standby: string; readonly isEnded: boolean; readonly isSecondAccepted: boolean },
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const name of cluster.nodes) {
    const intents = (await statusOf(cluster, name, 2_000))?.intents;
    if (intents === undefined || intents === null) {
      problems.push(`${name} knows of no wishes:\n${lastWords(cluster, name, 3)}`);
      continue;
    }
    const isDrained = intents.drained.includes(standby);
    const version = `${intents.version.term}.${intents.version.number}`;
    if (!isEnded && !isDrained) problems.push(`the accepted drain is lost on ${name}, version ${version}`);
    if (isEnded && isSecondAccepted && isDrained) {
      problems.push(`the accepted undrain is lost on ${name}, version ${version}`);
    }
    if (!isEnded && isSecondAccepted && !intents.maintenance_services.includes(SERVICE)) {
      problems.push(`the accepted maintenance is lost on ${name}, version ${version}`);
    }
  }
  return problems;
}

async function undo({ cluster }: Stage, standby: string): Promise<void> {
  for (const wish of [
    ["maintenance", "off", SERVICE],
    ["undrain", standby, "--yes"],
  ]) {
    const { code, stderr } = await command(cluster, standby, wish);
    if (code !== 0) throw new Error(`${wish.join(" ")} ended with ${code}: ${stderr.trim()}`);
  }
}

/** Until not one more byte fits. */
function fill(file: string): void {
  const fd = openSync(file, "w");
  try {
    for (let size = 1 << 20; size >= 1; ) {
      try {
        writeSync(fd, Buffer.alloc(size));
      } catch {
        size = size === 1 ? 0 : size >> 1;
      }
    }
  } finally {
    closeSync(fd);
  }
}
