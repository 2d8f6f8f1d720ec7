// Row 2: members that lose each other, both ways or one, once or five times a second.
import { cutPair, heal } from "../faults.ts";
import { monotonicMs, sleep } from "../shell.ts";
import {
  FINE,
  lasting,
  type Must,
  NOTHING,
  ONE_MOVE,
  type Played,
  type Row,
  type Scenario,
  type Turn,
} from "./scenario.ts";

const PARTED = { fullMs: 5_000, shortMs: 1_200 };
const FLAPPING = { fullMs: 30_000, shortMs: 2_000 };
const FLAP_EVERY_MS = 200;
const WITHIN_MS = 60_000;

/** Who is parted from whom; the client and the ARP watcher reach everybody all the time. */
export type Cut = (
  turn: Turn,
) => readonly { readonly from: string; readonly to: string; readonly oneWay?: boolean }[];

const witnessOf = ({ stage }: Turn): string => stage.cluster.witness;

export const NODES: Cut = ({ active, standby }) => [{ from: active, to: standby }];
const ACTIVE_WITNESS: Cut = (turn) => [{ from: turn.active, to: witnessOf(turn) }];
const STANDBY_WITNESS: Cut = (turn) => [{ from: turn.standby, to: witnessOf(turn) }];
const ACTIVE: Cut = (turn) => [...NODES(turn), ...ACTIVE_WITNESS(turn)];
export const only =
  (cut: Cut): Cut =>
  (turn) =>
    cut(turn).map((pair) => ({ ...pair, oneWay: true }));
export const turned =
  (cut: Cut): Cut =>
  (turn) =>
    cut(turn).map(({ from, to }) => ({ from: to, to: from, oneWay: true }));

/** While a quorum acknowledges the active, it stays; when none does, the service moves once. */
const KINDS: readonly {
  readonly name: string;
  readonly who: string;
  readonly to: string;
  readonly cut: Cut;
  readonly must: Must;
}[] = [
  { name: "nodes", who: "the active", to: "the standby", cut: NODES, must: NOTHING },
  { name: "active-witness", who: "the active", to: "the witness", cut: ACTIVE_WITNESS, must: NOTHING },
  { name: "standby-witness", who: "the standby", to: "the witness", cut: STANDBY_WITNESS, must: NOTHING },
  { name: "active", who: "the active", to: "both others", cut: ACTIVE, must: ONE_MOVE },
];

type Kind = (typeof KINDS)[number];

export const PARTITIONS: Row = rowOf("partitions", (kind) => [both(kind), flapping(kind)]);
export const ONE_WAY_PARTITIONS: Row = rowOf("one-way partitions", (kind) => [mute(kind), deaf(kind)]);

function rowOf(title: string, scenarios: (kind: Kind) => readonly Scenario[]): Row {
  return { title, needs: { links: 1, ownDisks: false }, scenarios: KINDS.flatMap(scenarios) };
}

function both({ name, who, to, cut, must }: Kind): Scenario {
  return {
    name: `part-${name}`,
    does: `${who} and ${to} lose each other for 5 s`,
    must,
    play: (turn) => part(turn, cut),
    withinMs: WITHIN_MS,
  };
}

function mute({ name, who, to, cut, must }: Kind): Scenario {
  const verb = to === "both others" ? "do" : "does";
  return {
    name: `mute-${name}`,
    does: `${to} ${verb} not hear ${who} for 5 s, the other way all is well`,
    must,
    play: (turn) => part(turn, only(cut)),
    withinMs: WITHIN_MS,
  };
}

function deaf({ name, who, to, cut, must }: Kind): Scenario {
  return {
    name: `deaf-${name}`,
    does: `${who} does not hear ${to} for 5 s, the other way all is well`,
    // Whoever is heard is not excluded; but who hears nobody falls silent itself.
    must,
    play: (turn) => part(turn, turned(cut)),
    withinMs: WITHIN_MS,
  };
}

function flapping({ name, who, to, cut, must }: Kind): Scenario {
  return {
    name: `flap-${name}`,
    does: `${who} and ${to} lose each other for 200 ms and have each other for 200 ms, 30 s long`,
    // Whether so short a partition lasts longer than a lease is the profile's affair.
    must: must === NOTHING ? NOTHING : { moves: null, outage: null },
    play: (turn) => flap(turn, cut),
    withinMs: WITHIN_MS,
  };
}

export async function part(turn: Turn, cut: Cut): Promise<Played> {
  const { world } = turn.stage.cluster;
  for (const pair of cut(turn)) await cutPair(world, pair);
  await sleep(lasting(turn, PARTED));
  await heal(world);
  return FINE;
}

export async function flap(turn: Turn, cut: Cut): Promise<Played> {
  const { world } = turn.stage.cluster;
  const endMs = monotonicMs() + lasting(turn, FLAPPING);
  let partitions = 0;
  while (monotonicMs() < endMs) {
    for (const pair of cut(turn)) await cutPair(world, pair);
    partitions += 1;
    await sleep(FLAP_EVERY_MS);
    await heal(world);
    await sleep(FLAP_EVERY_MS);
  }
  return { trouble: [], note: `${partitions} partitions` };
}
