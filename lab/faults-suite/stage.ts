// A cluster with its onlookers on which scenarios are played one after the other: starting one takes seconds.
import { spawnSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync } from "node:fs";
import {
  type Cluster,
  FLOATING,
  foldersOf,
  lastWords,
  membersOf as membersOfCluster,
  startCluster,
  startDaemon,
  type TimingName,
  untilWhole,
} from "../cluster.ts";
import { heal } from "../faults.ts";
import { signal } from "../namespaces.ts";
import { settledActive } from "../sequence.ts";
import { type Watch, watchAddress } from "../watch.ts";
import { createWorld, down, type World } from "../world.ts";
import { type HolderWatch, watchHolders } from "./holders.ts";
import { type TermWatch, watchTerms } from "./terms.ts";

export type StageNeeds = {
  readonly links: 1 | 2;
  /** Each member's state directory is a small file system of its own, which can be full or read-only. */
  readonly ownDisks: boolean;
};

export type Stage = {
  readonly cluster: Cluster;
  readonly client: Watch;
  readonly arp: Watch;
  readonly holders: HolderWatch;
  readonly terms: TermWatch;
  /** Variables for a member's next starts: libfaketime's. */
  readonly env: Map<string, Readonly<Record<string, string>>>;
  readonly power?: Power;
};

/** Where hosts can be without power. */
export type Power = {
  readonly isOn: (host: string) => boolean;
  /** Everybody has power again, and boards do what they are asked. */
  readonly restore: () => Promise<void>;
  /** What was found wrong since the last call, each as a sentence. */
  readonly problems: () => readonly string[];
  readonly stop: () => void;
};

const READY_WITHIN_MS = 40_000;
/** The client's pace: finer than any bound, little enough to leave the cores to the daemons. */
const ASK_EVERY_MS = 2;
/** So that what failed in one run does not count in the next. */
const FAILURE_AGE = "5s";
/** Of a member's state directory with a disk of its own; a journal file grows to 8 MiB. */
const DISK_SIZE = "4m";

/** Starts everything and waits until all is well. */
export async function openStage(timing: TimingName, needs: StageNeeds): Promise<Stage> {
  guardMounts();
  const world = await createWorld({ links: needs.links });
  let stage: Stage | null = null;
  try {
    if (needs.ownDisks) for (const name of ["chip", "dale", "witness"]) mountDisk(world, name);
    const cluster = startCluster(world, timing, { failureAge: FAILURE_AGE });
    stage = {
      cluster,
      client: watchAddress(world, { mode: "udp", address: FLOATING, everyMs: ASK_EVERY_MS }),
      arp: watchAddress(world, { mode: "arp", address: FLOATING }),
      holders: watchHolders(cluster),
      terms: watchTerms(cluster),
      env: new Map(),
    };
    await settle(stage);
    return stage;
  } catch (error) {
    await (stage === null ? closeWorld(world) : closeStage(stage));
    throw error;
  }
}

export async function closeStage(stage: Stage): Promise<void> {
  stage.holders.stop();
  stage.terms.stop();
  stage.power?.stop();
  await closeWorld(stage.cluster.world);
}

/** Undoes what a scenario may have left, waits until all is well, and answers where the service is. */
export async function settle(stage: Stage): Promise<string> {
  const { cluster } = stage;
  await heal(cluster.world);
  await stage.power?.restore();
  for (const daemon of cluster.daemons.values()) signal(daemon.pid, "SIGCONT");
  for (const name of membersOf(stage)) start(stage, name);
  if ((await untilWhole(cluster, READY_WITHIN_MS)) === null) {
    throw new Error(`the cluster is not whole after ${READY_WITHIN_MS / 1000} s:\n${lastWordsOfAll(stage)}`);
  }
  const active = await settledActive(stage.client);
  if (active === null) throw new Error(`nobody answers the client steadily:\n${lastWordsOfAll(stage)}`);
  return active;
}

/** Starts a member's daemon with the environment that is set for it; not on a host without power. */
export function start(stage: Stage, name: string): void {
  if (stage.power?.isOn(name) !== false) startDaemon(stage.cluster, name, stage.env.get(name));
}

export function membersOf({ cluster }: Stage): readonly string[] {
  return membersOfCluster(cluster);
}

/** The process of a member's daemon. */
export function pidOf({ cluster }: Stage, name: string): number {
  const daemon = cluster.daemons.get(name);
  if (daemon === undefined || daemon.pid <= 0) throw new Error(`${name} has no daemon`);
  return daemon.pid;
}

/** Who answered the client last. */
export function lastAnswering({ client }: Stage): string | null {
  const last = client.entries().findLast((entry) => entry.kind === "request" && entry.rttMs !== null);
  return last?.kind === "request" ? last.host : null;
}

/** Copies every log, journal and stored document of a stage; sockets stay behind. */
export function keepEvidence({ cluster }: Stage, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const filter = (path: string) => lstatSync(path).isFile() || lstatSync(path).isDirectory();
  cpSync(cluster.world.folder, folder, { recursive: true, filter });
}

function lastWordsOfAll(stage: Stage): string {
  return membersOf(stage)
    .map((name) => `--- ${name}\n${lastWords(stage.cluster, name, 6)}`)
    .join("\n");
}

// --- disks ----------------------------------------------------------------------------------------

const mounted = new Set<string>();
let areMountsGuarded = false;

/** Before the daemon starts: its mount namespace copies what is mounted then. */
function mountDisk(world: World, name: string): void {
  const { stateDir } = foldersOf({ world }, name);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const { status, stderr } = spawnSync(
    "mount",
    ["-t", "tmpfs", "-o", `size=${DISK_SIZE},mode=0700`, "understudy-faults", stateDir],
    { encoding: "utf8", timeout: 10_000 },
  );
  if (status !== 0) throw new Error(`no small disk for ${name}: ${stderr.trim()}`);
  mounted.add(stateDir);
}

async function closeWorld(world: World): Promise<void> {
  unmount([...mounted].filter((path) => path.startsWith(`${world.folder}/`)));
  await down(world);
}

function unmount(paths: readonly string[]): void {
  for (const path of paths) {
    spawnSync("umount", ["-l", path], { stdio: "ignore", timeout: 10_000 });
    mounted.delete(path);
  }
}

/** Before the world's own guard removes the folders: what is mounted there would keep them. */
function guardMounts(): void {
  if (areMountsGuarded) return;
  areMountsGuarded = true;
  process.prependListener("exit", () => unmount([...mounted]));
}
