// A small network on one machine: hosts are network namespaces, joined by a switch in a namespace of its own.
// Nothing leaves these namespaces; `down` removes them, and so do the exit of this process and the next run.

import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  isAlive,
  leftoversAmong,
  listNamespaces,
  nextPrefix,
  pidsIn,
  removeNamespaces,
  signal,
  sweepLeftovers,
} from "./namespaces.ts";
import { must, type Outcome, type RunOptions, run, until } from "./shell.ts";

/**
 * File in a host's folder: the identity of its kernel's boot, see random(4). Processes that start while there is one
 * find it where the machine's own is; without it all hosts are as the machine.
 */
export const BOOT_ID = "boot_id";

/** One host: a network namespace with eth0 (and eth1 with two links) and a folder for its files. */
export type Host = {
  readonly name: string;
  readonly namespace: string;
  /** Its number in every address: 10.77.0.N, fd77::N, and 02:77:00:00:00:NN. */
  readonly number: number;
  readonly address: string;
  readonly address6: string;
  readonly mac: string;
  /** Its ports in the switch, eth0 first. */
  readonly ports: readonly string[];
  readonly folder: string;
};

/** A process that the lab started in a host. */
export type Running = {
  readonly pid: number;
  readonly host: string;
  /** File that takes what it prints. */
  readonly log: string;
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly child: ChildProcess;
};

export type World = {
  readonly prefix: string;
  readonly folder: string;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly switchNamespace: string;
  readonly links: 1 | 2;
};

export type WorldOptions = {
  /** Hosts that may run daemons, numbered from 1; at most 200. */
  readonly hosts?: readonly string[];
  /** With two, every host also has eth1 in 10.78.0.0/24 and fd78::/64, on a bridge of its own. */
  readonly links?: 1 | 2;
};

/** Asks as a client does and keeps its own neighbour cache; `watch` listens without touching that cache. */
const ONLOOKERS: Readonly<Record<string, number>> = { client: 254, watch: 253 };

/** Makes the hosts, `client` and `watch` among them. Needs root, iproute2 and nftables. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  sweepLeftovers();
  sweepFolders();
  const prefix = nextPrefix();
  const links = options.links ?? 1;
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const hosts = new Map<string, Host>();
  (options.hosts ?? ["chip", "dale", "witness"]).forEach((name, index) => {
    hosts.set(name, describeHost({ name, number: index + 1, prefix, folder, links }));
  });
  for (const [name, number] of Object.entries(ONLOOKERS)) {
    hosts.set(name, describeHost({ name, number, prefix, folder, links }));
  }
  const world: World = { prefix, folder, hosts, switchNamespace: `${prefix}switch`, links };
  guardExit(world);
  try {
    await buildSwitch(world);
    await Promise.all([...hosts.values()].map(prepareHost));
    await plugIn(world);
  } catch (error) {
    await down(world);
    throw error;
  }
  return world;
}

/**
 * Kills what runs in the world and removes its namespaces and its folder. Idempotent. With `keepAs` the folder
 * (every log) is moved there instead.
 */
export async function down(
  world: World,
  { keepAs = null }: { readonly keepAs?: string | null } = {},
): Promise<void> {
  const names = namespacesOf(world);
  removeNamespaces(names);
  await until(() => names.every((name) => pidsIn(name).length === 0), { withinMs: 2_000 });
  open.delete(world);
  if (keepAs !== null && existsSync(world.folder)) cpSync(world.folder, keepAs, { recursive: true });
  rmSync(world.folder, { recursive: true, force: true });
}

/** The host of that name; throws if the world has none. */
export function hostOf(world: World, name: string): Host {
  const host = world.hosts.get(name);
  if (host === undefined)
    throw new Error(`no host ${name} here; there are ${[...world.hosts.keys()].join(", ")}`);
  return host;
}

/** Runs a command in a host (or `switch`) and waits for its end. */
export function runIn(
  world: World,
  name: string,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return run([...enter(world, name), ...argv], options);
}

/** The same for a command that has to succeed: answers its output. */
export function mustIn(
  world: World,
  name: string,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return must([...enter(world, name), ...argv], options);
}

export type StartOptions = {
  /** Names the log file in the host's folder. */
  readonly name: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Leaves its standard input open until the lab closes it or dies. */
  readonly stdin?: "pipe" | "ignore";
};

/**
 * Starts a process in a host and leaves it running, in a session of its own, so that a Ctrl-C at the
 * terminal reaches only the lab. Its output is appended to a file.
 */
export function startIn(world: World, name: string, argv: readonly string[], options: StartOptions): Running {
  const host = hostOf(world, name);
  const log = join(host.folder, `${options.name}.log`);
  const file = openSync(log, "a");
  const [program = "", ...args] = [...enter(world, name), ...withBootId(host), ...argv];
  const child = spawn(program, args, {
    stdio: [options.stdin ?? "ignore", file, file],
    env: { ...process.env, ...options.env },
    detached: true,
    cwd: host.folder,
  });
  closeSync(file);
  const ended = new Promise<number | string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, by) => resolve(code ?? by ?? "unknown"));
  });
  child.unref();
  // A program that cannot be started has no pid; `ended` tells why. Never 0: that would mean ourselves.
  return { pid: child.pid ?? -1, host: name, log, ended, child };
}

/** ip-netns(8) gives each program that it starts a mount namespace of its own. */
function withBootId({ folder }: Host): readonly string[] {
  const file = join(folder, BOOT_ID);
  if (!existsSync(file)) return [];
  return ["sh", "-ec", 'mount --bind "$0" /proc/sys/kernel/random/boot_id; exec "$@"', file];
}

/** Whether it still runs (stopped counts as running). */
export function isRunning(running: Running): boolean {
  return running.child.exitCode === null && running.child.signalCode === null && isAlive(running.pid);
}

/** Ends one process with its group: politely, or after `withinMs` with SIGKILL. */
export async function end(running: Running, how: "SIGTERM" | "SIGKILL", withinMs = 5_000): Promise<void> {
  if (running.pid <= 0 || !isRunning(running)) return;
  signal(-running.pid, how);
  if ((await until(() => !isRunning(running), { withinMs })) !== null) return;
  signal(-running.pid, "SIGKILL");
  await until(() => !isRunning(running), { withinMs: 2_000 });
}

/** Every namespace of this world that exists now. */
export function namespacesOf(world: World): readonly string[] {
  return listNamespaces().filter((name) => name.startsWith(world.prefix));
}

// --- making it -----------------------------------------------------------------------------------

type Numbered = Pick<World, "prefix" | "folder" | "links"> & {
  readonly name: string;
  readonly number: number;
};

function describeHost({ name, number, prefix, folder, links }: Numbered): Host {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  return {
    name,
    namespace: `${prefix}${name}`,
    number,
    address: `10.77.0.${number}`,
    address6: `fd77::${number.toString(16)}`,
    mac: macOf(0x77, number),
    ports: links === 2 ? [name, `${name}-b`] : [name],
    folder: own,
  };
}

function macOf(link: number, number: number): string {
  return `02:${link.toString(16)}:00:00:00:${number.toString(16).padStart(2, "0")}`;
}

function enter(world: World, name: string): readonly string[] {
  const namespace = name === "switch" ? world.switchNamespace : hostOf(world, name).namespace;
  return ["ip", "netns", "exec", namespace];
}

/**
 * Faults are elements of two sets and rules of two chains, so that each comes and goes in one atomic step.
 * A cut drops in prerouting, before the bridge learns: a host that is cut off teaches it nothing. The
 * carrier inside the host stays up, as with a power cut behind a switch.
 */
const FAULT_TABLE = `
table bridge lab {
  set cut { type ifname; }
  set pairs { type ifname . ifname; }
  chain loss_in { }
  chain loss_out { }
  chain inward {
    type filter hook prerouting priority -300;
    iifname @cut drop
    jump loss_in
  }
  chain outward {
    type filter hook forward priority 0;
    oifname @cut drop
    iifname . oifname @pairs drop
    jump loss_out
  }
}
`;

async function buildSwitch(world: World): Promise<void> {
  await must(["ip", "netns", "add", world.switchNamespace]);
  const bridges = Array.from({ length: world.links }, (_, link) => [
    `link add br${link} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set br${link} up`,
  ]).flat();
  await batch(world.switchNamespace, bridges);
  await must([...enter(world, "switch"), "nft", "-f", "-"], { input: FAULT_TABLE });
}

/**
 * Settings that every host has before its links come up. No duplicate address detection, so that IPv6
 * works at once; binding to an absent address is allowed, as servers behind floating addresses need it.
 */
const HOST_SETTINGS = [
  "net/ipv6/conf/all/accept_dad=0",
  "net/ipv6/conf/default/accept_dad=0",
  "net/ipv6/conf/default/router_solicitations=0",
  "net/ipv4/ip_nonlocal_bind=1",
  "net/ipv6/ip_nonlocal_bind=1",
];

async function prepareHost(host: Host): Promise<void> {
  await must(["ip", "netns", "add", host.namespace]);
  // A kernel without IPv6 lacks some of these files; the host then has IPv4 only.
  const script = HOST_SETTINGS.map((line) => line.split("="))
    .map(([path, value]) => `[ ! -e /proc/sys/${path} ] || echo ${value} > /proc/sys/${path}`)
    .join("\n");
  await must(["ip", "netns", "exec", host.namespace, "sh", "-ec", script]);
}

async function plugIn(world: World): Promise<void> {
  const hosts = [...world.hosts.values()];
  const cables = hosts.flatMap((host) =>
    host.ports.flatMap((port, link) => [
      `link add ${port} type veth peer name eth${link} address ${macOf(0x77 + link, host.number)} netns ${host.namespace}`,
      `link set ${port} master br${link} up`,
    ]),
  );
  await batch(world.switchNamespace, cables);
  await Promise.all(
    hosts.map((host) =>
      batch(host.namespace, [
        "link set lo up",
        ...host.ports.flatMap((_, link) => [
          `link set eth${link} up`,
          `addr add 10.${77 + link}.0.${host.number}/24 broadcast + dev eth${link}`,
          `addr add fd${77 + link}::${host.number.toString(16)}/64 dev eth${link} nodad`,
        ]),
      ]),
    ),
  );
}

async function batch(namespace: string, lines: readonly string[]): Promise<void> {
  await must(["ip", "-n", namespace, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

// --- leaving nothing behind ----------------------------------------------------------------------

const open = new Set<World>();
let guarded = false;

function guardExit(world: World): void {
  open.add(world);
  if (guarded) return;
  guarded = true;
  process.on("exit", () => {
    for (const each of open) {
      removeNamespaces(namespacesOf(each));
      rmSync(each.folder, { recursive: true, force: true });
    }
  });
  for (const [name, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.on(name, () => process.exit(128 + number));
  }
}

/** Removes the folders that dead runs left in the temporary directory. */
function sweepFolders(): void {
  for (const name of leftoversAmong(readdirSync(tmpdir()), isAlive)) {
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
