// Which cluster is simulated: its members, links, services and timing, from the seed and the options.

import { hash64 } from "#lib/hash.ts";
import type { Prng } from "#lib/prng.ts";
import type {
  CheckConfig,
  Config,
  Failback,
  MemberConfig,
  ResourceConfig,
  ServiceConfig,
  WatchdogConfig,
} from "#model/config.ts";
import { NO_WATCHDOG } from "#model/config.ts";
import { type FenceDevice, type FencingConfig, NO_FENCING } from "#model/fencing.ts";
import type { NodeId } from "#model/ids.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import { ms, ratio } from "#model/units.ts";

export type VoterCount = 2 | 3 | 4 | 5;

/** Short, so that a minute holds many leases; five pulses in a lease, four in what may be used of it. */
export const LEASE = 500;
export const PULSE = 100;
export const DRIFT = 0.2;
/** A worker that is stuck for longer costs the lease. */
const WORKER_SILENCE = 2_000;
/** Ops that take longer are unknown. */
export const OP_TIMEOUT = 2_000;

const MEMBERS: Record<
  VoterCount,
  { readonly nodes: readonly string[]; readonly witnesses: readonly string[] }
> = {
  2: { nodes: ["a", "b"], witnesses: [] },
  3: { nodes: ["a", "b"], witnesses: ["w"] },
  4: { nodes: ["a", "b", "c"], witnesses: ["w"] },
  5: { nodes: ["a", "b", "c"], witnesses: ["w1", "w2"] },
};

/** How many voters most clusters have: three, and two where there is no place for a witness. Percent. */
const SIZES: readonly (readonly [VoterCount, number])[] = [
  [3, 60],
  [2, 25],
  [4, 8],
  [5, 7],
];

export function drawVoters(chance: Prng): VoterCount {
  let left = chance.float() * 100;
  for (const [voters, share] of SIZES) {
    left -= share;
    if (left < 0) return voters;
  }
  return 3;
}

export interface ClusterOptions {
  readonly voters: VoterCount;
  /** The drift bound that the nodes assume; DRIFT holds for the clocks of the virtual world. */
  readonly drift: number;
  /** Every service holds something exclusive. */
  readonly exclusiveOnly: boolean;
  /** Every node can be fenced; null: by the seed. */
  readonly fencing: boolean | null;
  /** Operators change the list of voters meanwhile. */
  readonly rosters: boolean;
  /** Null: by the seed. */
  readonly watchdog: WatchdogConfig["mode"] | null;
  /** Between two voters: its addresses prefer two actives to none, and no other service does; null: by the seed. */
  readonly eager: boolean | null;
}

/** The holder's head start, ms: longer than a device takes at its worst, unless it is slow. */
const FENCE_DELAY = 2_500;
const FENCE_TIMEOUT = 2_000;
/** Longer than a stop that is tried twice. */
const WATCHDOG_TIMEOUT = 4_000;

export function makeCluster(chance: Prng, options: ClusterOptions): Config {
  const { nodes, witnesses } = MEMBERS[options.voters];
  const links = chance.chance(0.3) ? 2 : 1;
  const members: MemberConfig[] = [...nodes, ...witnesses].map((name, i) => ({
    id: nodeId(name),
    kind: nodes.includes(name) ? "node" : "witness",
    links: Array.from({ length: links }, (_, link) => `10.${link}.0.${i + 1}`),
    site: null,
  }));
  const places = nodes.map(nodeId);
  const isPair = options.voters === 2;
  const hasReach = chance.chance(isPair ? 0.6 : 0.3) || (isPair && options.eager === true);
  const hasFencing = options.fencing ?? chance.chance(isPair ? 0.75 : 0.4);
  const watchdog = options.watchdog ?? chance.pick(["none", "none", "best-effort", "required"] as const);
  const services: ServiceConfig[] = [];
  if (!options.exclusiveOnly) {
    const bare = bareService(chance, places);
    const isEager = isPair && hasReach && (options.eager ?? chance.chance(0.4));
    services.push(isEager ? { ...bare, split: "eager" } : bare);
  }
  if (options.exclusiveOnly || options.eager === true || chance.chance(0.4))
    services.push(processService(chance, places));
  if (!options.exclusiveOnly && chance.chance(0.2)) services.push(promotedService(chance, places));
  // Witnesses that do not vote yet: for those who change the list of voters.
  const spares = options.rosters ? ["x1", "x2"] : [];
  const all = [...members, ...spares.map((name, i) => witness(name, members.length + i + 1, links))];
  return {
    version: 1,
    cluster: "sim",
    keyFile: "/key",
    port: 5407,
    timing: {
      profile: "default",
      lease: ms(LEASE),
      pulse: ms(PULSE),
      drift: ratio(options.drift),
      workerSilence: ms(WORKER_SILENCE),
    },
    members: all,
    voters: members.map((m) => m.id),
    reach: hasReach ? ["10.9.9.9"] : [],
    fencing: hasFencing ? fencing(chance, places) : NO_FENCING,
    watchdog: { ...NO_WATCHDOG, mode: watchdog, timeout: ms(WATCHDOG_TIMEOUT) },
    services,
    hash: "c0ffee",
    votersHash: hash64(JSON.stringify(members.map((m) => m.id))),
  };
}

function witness(name: string, number: number, links: number): MemberConfig {
  const addresses = Array.from({ length: links }, (_, link) => `10.${link}.0.${number}`);
  return { id: nodeId(name), kind: "witness", links: addresses, site: null };
}

/** Each node by one device, or by a first one and another when that fails. */
function fencing(chance: Prng, places: readonly NodeId[]): FencingConfig {
  const levels = chance.chance(0.4) ? 2 : 1;
  return {
    nodes: places.map((node) => ({
      node,
      levels: Array.from({ length: levels }, (_, level) => [device(level)]),
    })),
    delay: ms(FENCE_DELAY),
    perHour: chance.split("limit").chance(0.3) ? 2 : 1_000,
    testEvery: ms(20_000),
  };
}

function device(level: number): FenceDevice {
  const [off, status, on] = [["off"], ["status"], ["on"]];
  return { kind: "command", id: `device ${level + 1}`, timeout: ms(FENCE_TIMEOUT), off, status, on };
}

/** Nothing but addresses: what a lapse revokes. */
function bareService(chance: Prng, places: readonly NodeId[]): ServiceConfig {
  const count = chance.chance(0.3) ? 2 : 1;
  const resources = Array.from({ length: count }, (_, i) => address(`ip${i + 1}`, `10.77.0.${100 + i}`));
  const all = isGuarded(chance, "web") ? [...resources, ports(8080)] : resources;
  return service(chance, "web", places, all, chance.chance(0.4) ? [check()] : []);
}

/** An exclusive process behind an address: a lapse proves nothing about it. */
function processService(chance: Prng, places: readonly NodeId[]): ServiceConfig {
  const process: ResourceConfig = {
    id: "server",
    kind: "process",
    run: ["/server"],
    user: null,
    directory: null,
    env: {},
    restarts: { limit: 2, within: ms(10_000) },
    stopTimeout: ms(OP_TIMEOUT),
    exclusive: true,
  };
  const resources = [
    process,
    address("ip", "10.77.1.100"),
    ...(isGuarded(chance, "db") ? [ports(3306)] : []),
  ];
  return service(chance, "db", places, resources, chance.chance(0.4) ? [check()] : []);
}

/** Runs as standby everywhere; promoted on one node. Copies do no harm. */
function promotedService(chance: Prng, places: readonly NodeId[]): ServiceConfig {
  const command: ResourceConfig = {
    id: "store",
    kind: "command",
    start: ["start"],
    stop: ["stop"],
    probe: null,
    promote: ["promote"],
    demote: ["demote"],
    timeouts: {
      start: ms(OP_TIMEOUT),
      stop: ms(OP_TIMEOUT),
      probe: ms(OP_TIMEOUT),
      promote: ms(OP_TIMEOUT),
      demote: ms(OP_TIMEOUT),
    },
    exclusive: false,
  };
  return service(chance, "store", places, [command, address("ip", "10.77.2.100")], []);
}

function service(
  chance: Prng,
  name: string,
  places: readonly NodeId[],
  resources: readonly ResourceConfig[],
  checks: readonly CheckConfig[],
): ServiceConfig {
  return {
    name: serviceName(name),
    place: chance.shuffle(places),
    failback: chance.pick(FAILBACKS),
    resources,
    checks,
    restarts: { limit: 1, within: ms(10_000) },
    failureAge: ms(8_000),
    split: "proof",
  };
}

const FAILBACKS: readonly Failback[] = [
  { kind: "manual" },
  { kind: "auto" },
  { kind: "after", delay: ms(3_000) },
];

function address(id: string, ip: string): ResourceConfig {
  return { id, kind: "address", address: { ip, prefix: 24, family: 4, device: null } };
}

/** Drawn beside the other choices, which stay what they were for each seed. */
function isGuarded(chance: Prng, name: string): boolean {
  return chance.split(`guard ${name}`).chance(0.4);
}

function ports(port: number): ResourceConfig {
  return {
    id: "guard",
    kind: "ports",
    ports: [
      { protocol: "tcp", port },
      { protocol: "udp", port },
    ],
  };
}

function check(): CheckConfig {
  return {
    id: "alive",
    kind: "command",
    run: ["/check"],
    every: ms(1_000),
    timeout: ms(300),
    rise: 2,
    fall: 2,
    grace: ms(1_000),
  };
}
