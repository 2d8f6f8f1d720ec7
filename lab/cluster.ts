// Two nodes and a witness of understudy in a world, with one service behind a floating address.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type MemberStatus, ROUTES, SOCKET_NAME, type StatusDocument } from "#api/protocol.ts";
import type { JournalEntry } from "#model/journal.ts";
import { type Outcome, run, until } from "./shell.ts";
import { startResponder } from "./watch.ts";
import { end, hostOf, isRunning, type Running, startIn, type World } from "./world.ts";

export type TimingName = "default" | "fast" | "wan";

export type Cluster = {
  readonly world: World;
  readonly timing: TimingName;
  readonly nodes: readonly string[];
  readonly witness: string;
  readonly config: string;
  /** The daemons by host; replaced when one is started again. */
  readonly daemons: Map<string, Running>;
  /** One per node: it answers on every address, the floating one too. */
  readonly responders: ReadonlyMap<string, Running>;
};

export const FLOATING = "10.77.0.100";
export const SERVICE = "web";
const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The program of this checkout, or the one that UNDERSTUDY names. */
export function programPath(): string {
  return process.env.UNDERSTUDY ?? join(ROOT, "bin", "understudy");
}

/**
 * Writes the configuration and a fresh cluster key, and starts the web service and the daemons. `failureAge` is the
 * service's `failure_age`; null: the default.
 */
export function startCluster(
  world: World,
  timing: TimingName,
  { failureAge = null }: { readonly failureAge?: string | null } = {},
): Cluster {
  const nodes = ["chip", "dale"];
  const witness = "witness";
  const key = join(world.folder, "cluster.key");
  writeFileSync(key, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  const config = join(world.folder, "understudy.yaml");
  writeFileSync(config, configText({ world, timing, nodes, witness, key, failureAge }));
  const responders = new Map(nodes.map((node) => [node, startResponder(world, node, [FLOATING])]));
  const cluster: Cluster = { world, timing, nodes, witness, config, daemons: new Map(), responders };
  for (const node of [...nodes, witness]) startDaemon(cluster, node);
  return cluster;
}

/** Nodes, and the witness where there is one: between two voters no host has its name. */
export function membersOf({ nodes, witness, world }: Cluster): readonly string[] {
  return world.hosts.has(witness) ? [...nodes, witness] : nodes;
}

/**
 * Starts the daemon of a node or of the witness, with more variables in its environment if need be; one that
 * runs already is left alone.
 */
export function startDaemon(
  cluster: Cluster,
  name: string,
  env: Readonly<Record<string, string>> = {},
): void {
  const old = cluster.daemons.get(name);
  if (old !== undefined && isRunning(old)) return;
  const { stateDir, runDir } = foldersOf(cluster, name);
  for (const folder of [stateDir, runDir]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Who is no node is a witness: the cluster's own, or one that came later.
  const verb = [cluster.nodes.includes(name) ? "up" : "witness", "--node", name];
  const places = ["--config", cluster.config, "--state-dir", stateDir, "--run-dir", runDir];
  const words = [programPath(), ...verb, ...places];
  const daemon = startIn(cluster.world, name, words, { name: "understudy", env });
  cluster.daemons.set(name, daemon);
}

/** SIGKILL to the daemon's whole process group, and its end. What it started in groups of their own lives on. */
export async function killDaemon(cluster: Cluster, name: string): Promise<void> {
  const daemon = cluster.daemons.get(name);
  if (daemon !== undefined) await end(daemon, "SIGKILL");
}

/** An orderly stop (SIGTERM) of one daemon. */
export async function stopDaemon(cluster: Cluster, name: string): Promise<void> {
  const daemon = cluster.daemons.get(name);
  if (daemon !== undefined) await end(daemon, "SIGTERM", 10_000);
}

export function isDaemonRunning(cluster: Cluster, name: string): boolean {
  const daemon = cluster.daemons.get(name);
  return daemon !== undefined && isRunning(daemon);
}

/** Runs an operator's command against one member, as `understudy ARGS --run-dir ...`. */
export function command(cluster: Cluster, name: string, args: readonly string[]): Promise<Outcome> {
  const { runDir } = foldersOf(cluster, name);
  return run([programPath(), ...args, "--run-dir", runDir], { timeoutMs: 15_000 });
}

/** What a member says of the cluster; null when it does not answer within `withinMs`. */
export function statusOf(cluster: Cluster, name: string, withinMs = 500): Promise<StatusDocument | null> {
  const socketPath = join(foldersOf(cluster, name).runDir, SOCKET_NAME);
  return new Promise((resolve) => {
    const give = (document: StatusDocument | null) => {
      clearTimeout(timer);
      resolve(document);
    };
    const request = http.get({ socketPath, path: ROUTES.status, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (more: string) => {
        text += more;
      });
      response.on("error", () => give(null));
      response.on("end", () => give(response.statusCode === 200 ? parseStatus(text) : null));
    });
    const timer = setTimeout(() => request.destroy(), withinMs);
    request.on("error", () => give(null));
    request.on("close", () => give(null));
  });
}

/**
 * Whether a node finds everybody there and the service where it should be. Warnings do not count: a machine
 * that gives no real-time priority can still be shown a failover.
 */
export function isWhole({ lease, picture, members, services }: StatusDocument): boolean {
  return (
    lease?.may_act === true &&
    picture?.phase === "leading" &&
    picture.leader === lease.leader &&
    members.every(isAlive) &&
    services.every(({ active, wanted, waiting }) => active !== null && active === wanted && waiting === null)
  );
}

/** To the leader and to this node alike; of a witness the leader's picture says nothing. */
function isAlive({ standing, heard }: MemberStatus): boolean {
  return heard === "alive" && (standing === null || standing === "alive");
}

/** Waits until both nodes find the cluster whole; null when it does not come to that in time. */
export function untilWhole(cluster: Cluster, withinMs: number): Promise<true | null> {
  return until(
    async () => {
      const documents = await Promise.all(cluster.nodes.map((name) => statusOf(cluster, name)));
      return documents.every((document) => document !== null && isWhole(document)) || null;
    },
    { withinMs, everyMs: 100 },
  );
}

/** Calls back with each journal line of a member, across its restarts; ends with the returned function. */
export function followJournal(
  cluster: Cluster,
  name: string,
  tell: (entry: JournalEntry) => void,
): () => void {
  const socketPath = join(foldersOf(cluster, name).runDir, SOCKET_NAME);
  let hasEnded = false;
  // Numbers start over with a daemon, dates do not: they tell what was told before.
  let newest = { at_ms: 0, number: 0 };
  let request: http.ClientRequest | null = null;
  let pause: NodeJS.Timeout | null = null;
  const connect = () => {
    let rest = "";
    request = http.get({ socketPath, path: `${ROUTES.follow}?since_number=0`, agent: false }, (response) => {
      response.setEncoding("utf8");
      response.on("error", () => {});
      response.on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const entry of lines.map(parseJournal)) {
          if (entry === null || entry.at_ms < newest.at_ms) continue;
          if (entry.at_ms === newest.at_ms && entry.number <= newest.number) continue;
          newest = entry;
          tell(entry);
        }
      });
    });
    request.on("error", () => {});
    request.on("close", () => {
      if (!hasEnded) pause = setTimeout(connect, FOLLOW_AGAIN_MS);
    });
  };
  connect();
  return () => {
    hasEnded = true;
    if (pause !== null) clearTimeout(pause);
    request?.destroy();
  };
}

/** The last lines that a daemon printed, for messages about one that did not start. */
export function lastWords(cluster: Cluster, name: string, lines = 12): string {
  const log = join(hostOf(cluster.world, name).folder, "understudy.log");
  if (!existsSync(log)) return "(no output)";
  return readFileSync(log, "utf8").trimEnd().split("\n").slice(-lines).join("\n") || "(no output)";
}

const FOLLOW_AGAIN_MS = 500;

/** Where a member keeps what it must remember, and its socket. */
export function foldersOf(
  cluster: Pick<Cluster, "world">,
  name: string,
): { readonly stateDir: string; readonly runDir: string } {
  const { folder } = hostOf(cluster.world, name);
  return { stateDir: join(folder, "state"), runDir: join(folder, "run") };
}

type ConfigParts = Pick<Cluster, "world" | "timing" | "nodes" | "witness"> & {
  readonly key: string;
  readonly failureAge: string | null;
};

function configText({ world, timing, nodes, witness, key, failureAge }: ConfigParts): string {
  return `version: 1
cluster: demo
timing: ${timing}
key_file: ${key}

nodes:
${nodes.map((node) => `  ${node}: ${linksOf(world, node)}`).join("\n")}
witness: ${linksOf(world, witness)}

services:
  ${SERVICE}:
    place: [${nodes.join(", ")}]
    failback: manual
${failureAge === null ? "" : `    failure_age: ${failureAge}\n`}    resources:
      - address: ${FLOATING}/24
    checks:
      - http: http://localhost:7777/
`;
}

/** A member's entry in the file: its one address, or one for each of its links. */
export function linksOf(world: World, name: string): string {
  const { number, address } = hostOf(world, name);
  return world.links === 2 ? `{ links: [${address}, 10.78.0.${number}] }` : address;
}

function parseStatus(text: string): StatusDocument | null {
  try {
    return JSON.parse(text) as StatusDocument;
  } catch {
    return null;
  }
}

function parseJournal(line: string): JournalEntry | null {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch {
    return null;
  }
}
