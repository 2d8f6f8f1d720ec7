// A stage whose hosts have management boards: they can lose their power, and boot anew when they have it again. What
// happens to the power and to the exclusive service is written to one file, by whoever does it, so that its order is
// certain.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Bmc,
  type Power as BoardPower,
  powerOf,
  pressPower,
  restartBmc,
  setManner,
  startBmc,
  thawBmc,
} from "../bmc.ts";
import { type Cluster, FLOATING, linksOf, SERVICE, startDaemon, type TimingName } from "../cluster.ts";
import { setLink, thaw } from "../faults.ts";
import { pidsIn, signal } from "../namespaces.ts";
import { until } from "../shell.ts";
import { watchAddress } from "../watch.ts";
import { BOOT_ID, createWorld, down, hostOf, isRunning, type World } from "../world.ts";
import { watchHolders } from "./holders.ts";
import { closeStage, type Power, type Stage, settle } from "./stage.ts";
import { watchTerms } from "./terms.ts";

/** The exclusive service: a process that must never run twice. */
export const EXCLUSIVE = "db";
/** A router that both nodes reach, whatever is between them. */
export const GATE = "gate";

export type PoweredStage = Stage & {
  readonly boards: ReadonlyMap<string, Bmc>;
  readonly password: { readonly set: (text: string) => void; readonly right: string };
  readonly events: Events;
  /** Everything on a host dies, and its links with it; the board says that the power is on. */
  readonly crash: (host: string) => Promise<void>;
  /** Its power off and on again, by hand. */
  readonly boot: (host: string) => Promise<void>;
  /** What stands still on a host goes on. */
  readonly thaw: () => void;
};

/** `start`, `stop`, `double` of the exclusive service; `off` and `on` of power; `dead`: an operator said so. */
export type Events = {
  readonly all: () => readonly string[];
  readonly add: (line: string) => void;
};

export type PoweredOptions = {
  readonly timing: TimingName;
  readonly links: 1 | 2;
  readonly hasWitness: boolean;
  /** Which boards there are, where they stand, and what the file says below `fencing:` of a node. */
  readonly fencing: "none" | "ipmi" | "ipmi, then an outlet" | "ipmi in the host itself";
  readonly isEager?: boolean;
};

const NODES = ["chip", "dale"] as const;
const ASK_EVERY_MS = 2;
const LOOK_EVERY_MS = 50;
const DEAD_WITHIN_MS = 5_000;
/** On a busy machine one call of fence_ipmilan takes a second or two. */
const DEVICE_TIMEOUT = "10s";
const RIGHT_PASSWORD = "secret";

/** Starts everything and waits until all is well. */
export async function openPoweredStage(options: PoweredOptions): Promise<PoweredStage> {
  const others = [...(options.hasWitness ? ["witness"] : []), "chip-bmc", "dale-bmc", GATE];
  const inHost = options.fencing === "ipmi in the host itself";
  // The board in a host has an address of its own, on the second link.
  const world = await createWorld({ hosts: [...NODES, ...others], links: inHost ? 2 : options.links });
  let stage: PoweredStage | null = null;
  try {
    const events = openEvents(world);
    const boards = await startBoards(world, options);
    stage = startAll(world, boards, events, options);
    await settle(stage);
    return stage;
  } catch (error) {
    // Who looks at power, terms and holders must not do so when the world is gone.
    await (stage === null ? down(world) : closeStage(stage));
    throw error;
  }
}

/** Nodes on which the exclusive process runs at this moment. */
export function runners({ cluster }: Stage): readonly string[] {
  return cluster.nodes.filter((node) =>
    pidsIn(hostOf(cluster.world, node).namespace).some((pid) =>
      commandLine(pid).includes(programOf(cluster.world)),
    ),
  );
}

/** What is written about power and the exclusive service must be in this order: never two, off before started. */
export function judgeOrder(lines: readonly string[]): readonly string[] {
  const problems: string[] = [];
  let holder: string | null = null;
  for (const line of lines) {
    const [what, node = ""] = line.split(" ");
    if (what === "double") problems.push(`${EXCLUSIVE} was started on ${node} while it ran elsewhere`);
    if (what === "start" && holder !== null && holder !== node)
      problems.push(`${EXCLUSIVE} was started on ${node}, and nothing had ended it on ${holder}`);
    if (what === "start") holder = node;
    else if ((what === "stop" || what === "off" || what === "dead") && holder === node) holder = null;
  }
  return problems;
}

function startAll(
  world: World,
  boards: ReadonlyMap<string, Bmc>,
  events: Events,
  options: PoweredOptions,
): PoweredStage {
  const secret = join(world.folder, "ipmi.secret");
  const password = {
    right: RIGHT_PASSWORD,
    set: (text: string) => writeFileSync(secret, `${text}\n`, { mode: 0o600 }),
  };
  password.set(RIGHT_PASSWORD);
  writeFileSync(join(world.folder, "cluster.key"), `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  writePrograms(world);
  const config = join(world.folder, "understudy.yaml");
  writeFileSync(config, configText(world, boards, secret, options));
  const { timing } = options;
  const cluster: Cluster = {
    world,
    timing,
    nodes: NODES,
    witness: "witness",
    config,
    daemons: new Map(),
    responders: new Map(),
  };
  const crashed = new Set<string>();
  const power = watchPower({ cluster, boards, events, crashed, password });
  if (options.hasWitness) startDaemon(cluster, "witness");
  return {
    cluster,
    client: watchAddress(world, { mode: "udp", address: FLOATING, everyMs: ASK_EVERY_MS }),
    arp: watchAddress(world, { mode: "arp", address: FLOATING }),
    holders: watchHolders(cluster),
    terms: watchTerms(cluster),
    env: new Map(),
    power,
    boards,
    password,
    events,
    thaw: () => {
      for (const node of NODES) thaw(world, node);
    },
    boot: async (host) => {
      const board = boards.get(host);
      if (board === undefined) throw new Error(`${host} has no board`);
      await pressPower(board, "off");
      await pressPower(board, "on");
    },
    crash: async (host) => {
      crashed.add(host);
      const { namespace, ports } = hostOf(world, host);
      await until(
        () => {
          const left = pidsIn(namespace);
          for (const pid of left) signal(pid, "SIGKILL");
          return left.length === 0;
        },
        { withinMs: DEAD_WITHIN_MS, everyMs: 5 },
      );
      for (const link of ports.keys()) await setLink(world, host, link === 0 ? 0 : 1, "down");
    },
  };
}

type Powered = {
  readonly cluster: Cluster;
  readonly boards: ReadonlyMap<string, Bmc>;
  readonly events: Events;
  /** By `crash`, and not booted since. */
  readonly crashed: Set<string>;
  readonly password: PoweredStage["password"];
};

/** Boots what has power: its daemon starts with the host, as a service manager sees to it. */
function watchPower({ cluster, boards, events, crashed, password }: Powered): Power {
  const booted = new Map<string, string>();
  const stateOf = (host: string): BoardPower => {
    const board = boards.get(host);
    return board === undefined ? "on" : powerOf(board);
  };
  const bootWhatHasPower = () => {
    for (const node of cluster.nodes) {
      const kernel = bootIdOf(cluster.world, node);
      if (stateOf(node) !== "on" || kernel === booted.get(node)) continue;
      booted.set(node, kernel);
      crashed.delete(node);
      startDaemon(cluster, node);
    }
  };
  bootWhatHasPower();
  const timer = setInterval(bootWhatHasPower, LOOK_EVERY_MS).unref();
  let told = 0;
  return {
    isOn: (host) => stateOf(host) === "on" && !crashed.has(host),
    restore: async () => {
      password.set(password.right);
      for (const node of cluster.nodes) thaw(cluster.world, node);
      for (const board of boards.values()) {
        thawBmc(board);
        setManner(board, "honest");
        if (crashed.has(board.of)) await pressPower(board, "off");
        if (powerOf(board) === "off") await pressPower(board, "on");
        if (!isRunning(board.running)) await restartBmc(board);
      }
      bootWhatHasPower();
    },
    problems: () => {
      const problems = judgeOrder(events.all());
      const news = problems.slice(told);
      told = problems.length;
      return news;
    },
    stop: () => clearInterval(timer),
  };
}

async function startBoards(world: World, { fencing }: PoweredOptions): Promise<ReadonlyMap<string, Bmc>> {
  if (fencing === "none") return new Map();
  const events = eventsFile(world);
  const boards = NODES.map(async (of): Promise<[string, Bmc]> => {
    const own = { of, at: of, address: `10.78.0.${hostOf(world, of).number}` };
    const apart = { of, at: `${of}-bmc` };
    const place = fencing === "ipmi in the host itself" ? own : apart;
    return [of, await startBmc(world, { ...place, password: RIGHT_PASSWORD, events })];
  });
  return new Map(await Promise.all(boards));
}

// --- files ----------------------------------------------------------------------------------------

const eventsFile = (world: World): string => join(world.folder, "events");
const programOf = (world: World): string => join(world.folder, "db.sh");

function openEvents(world: World): Events {
  const file = eventsFile(world);
  mkdirSync(world.folder, { recursive: true });
  writeFileSync(file, "");
  return {
    all: () =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
    add: (line) => writeFileSync(file, `${line}\n`, { flag: "a" }),
  };
}

/** The exclusive process holds a lock as long as it lives: a second one, on whatever host, finds it taken. */
function writePrograms(world: World): void {
  const events = eventsFile(world);
  const exclusive = `#!/bin/sh
exec 9>> '${join(world.folder, "lock")}'
flock -n 9 || { echo "double $UNDERSTUDY_NODE" >> '${events}'; exit 1; }
trap 'echo "stop $UNDERSTUDY_NODE" >> '"'${events}'"'; exit 0' TERM
echo "start $UNDERSTUDY_NODE" >> '${events}'
sleep 86401 &
wait
`;
  writeFileSync(programOf(world), exclusive, { mode: 0o755 });
  const responder = fileURLToPath(new URL("../responder.ts", import.meta.url));
  const web = `#!/bin/sh
exec '${process.execPath}' '${responder}' --name "$UNDERSTUDY_NODE" --address ${FLOATING}
`;
  writeFileSync(join(world.folder, "web.sh"), web, { mode: 0o755 });
}

function configText(
  world: World,
  boards: ReadonlyMap<string, Bmc>,
  secret: string,
  { timing, hasWitness, fencing, isEager = false }: PoweredOptions,
): string {
  const exclusive = `  ${EXCLUSIVE}:
    place: [${NODES.join(", ")}]
    failure_age: 5s
    resources:
      - process: [${programOf(world)}]
`;
  return `version: 1
cluster: demo
timing: ${timing}
key_file: ${join(world.folder, "cluster.key")}
nodes:
${NODES.map((node) => `  ${node}: ${fencing === "ipmi in the host itself" ? hostOf(world, node).address : linksOf(world, node)}`).join("\n")}
${hasWitness ? `witness: ${linksOf(world, "witness")}\n` : ""}${isEager ? `reach: [${hostOf(world, GATE).address}]\n` : ""}${fencingText(boards, secret, fencing)}
services:
  ${SERVICE}:
    place: [${NODES.join(", ")}]
    failback: manual
    failure_age: 5s
${isEager ? "    split: eager\n" : ""}    resources:
      - process: [${join(world.folder, "web.sh")}]
        exclusive: false
      - address: ${FLOATING}/24
    checks:
      - http: http://localhost:7777/
${isEager ? "" : exclusive}`;
}

function fencingText(
  boards: ReadonlyMap<string, Bmc>,
  secret: string,
  fencing: PoweredOptions["fencing"],
): string {
  if (boards.size === 0) return "";
  const nodes = [...boards.values()].map((board) => {
    const { of, address, user } = board;
    const ipmi = `{ ipmi: ${address}, user: ${user}, password_file: ${secret}, timeout: ${DEVICE_TIMEOUT} }`;
    const last = fencing === "ipmi, then an outlet" ? outletText(board) : "operator";
    // With an operator as the last level the file says what happens when the board is gone with its host.
    return `  ${of}: ${fencing === "ipmi" ? ipmi : `[${ipmi}, ${last}]`}`;
  });
  return `fencing:\n${nodes.join("\n")}\nfence_policy: { delay: 3s, per_hour: 1000 }\n`;
}

function outletText(board: Bmc): string {
  const call = (verb: string): string => `[${join(board.folder, "chassis")}, outlet, ${verb}]`;
  return `{ command: { off: ${call("off")}, status: ${call("status")}, on: ${call("on")} } }`;
}

function bootIdOf(world: World, node: string): string {
  const file = join(hostOf(world, node).folder, BOOT_ID);
  return existsSync(file) ? readFileSync(file, "utf8") : "the machine's";
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
