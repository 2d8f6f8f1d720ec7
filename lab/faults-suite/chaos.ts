// Two nodes alone, everything at once and at random: cuts of all lengths, one-way too, around the head start of a fence
// race; daemons killed, hosts that hang and go on, hosts that die. Nobody knows where the services are afterwards; what
// is certain is that they never ran twice.
import { killDaemon } from "../cluster.ts";
import { cutPair, freeze, heal } from "../faults.ts";
import { monotonicMs, sleep } from "../shell.ts";
import { openPoweredStage, type PoweredStage } from "./powered.ts";
import { lasting, type Played, type Row, type Turn } from "./scenario.ts";
import { start } from "./stage.ts";

const CHAOS = { fullMs: 120_000, shortMs: 20_000 };
/** Shorter than a lease to longer than lease, head start and fencing together. */
const FAULT_MS = { from: 200, to: 6_000 };
const PAUSE_MS = { from: 100, to: 3_000 };

export const CHAOS_ROW: Row = {
  title: "two nodes, everything at random",
  part: "two",
  needs: { links: 1, ownDisks: false },
  open: (timing, { links }) => openPoweredStage({ timing, links, hasWitness: false, fencing: "ipmi" }),
  scenarios: [
    {
      name: "two-chaos",
      does: "two nodes alone: cuts, one-way cuts, killed daemons, hanging and dying hosts, each for 0.2 to 6 s, one after the other for 2 minutes",
      must: { moves: null, outage: null },
      play: chaos,
      withinMs: 240_000,
    },
  ],
};

type Fault = (turn: Turn, stage: PoweredStage, node: string) => Promise<void>;

const FAULTS: Readonly<Record<string, Fault>> = {
  cut: (_turn, { cluster }) => cutPair(cluster.world, { from: "chip", to: "dale" }),
  "one-way": (_turn, { cluster }, node) => {
    const to = cluster.nodes.find((each) => each !== node) ?? node;
    return cutPair(cluster.world, { from: node, to, oneWay: true });
  },
  kill: ({ stage }, { cluster }, node) => killDaemon(cluster, node).then(() => start(stage, node)),
  hang: (_turn, { cluster }, node) => freeze(cluster.world, node),
  die: (_turn, stage, node) => stage.crash(node),
};

async function chaos(turn: Turn): Promise<Played> {
  const stage = turn.stage as PoweredStage;
  const { random } = turn;
  const endMs = monotonicMs() + lasting(turn, CHAOS);
  const before = stage.events.all().length;
  let faults = 0;
  while (monotonicMs() < endMs) {
    const [, act] = random.pick(Object.entries(FAULTS));
    const node = random.pick(stage.cluster.nodes);
    // A host without power, or one that is being switched off, has nothing left that could be hit.
    if (stage.power?.isOn(node) === true) await act(turn, stage, node).catch(() => {});
    faults += 1;
    await sleep(random.between(FAULT_MS.from, FAULT_MS.to));
    await heal(stage.cluster.world);
    stage.thaw();
    if (random.chance(0.5)) await sleep(random.between(PAUSE_MS.from, PAUSE_MS.to));
  }
  const events = stage.events.all().slice(before);
  const count = (what: string) => events.filter((line) => line.startsWith(`${what} `)).length;
  return {
    trouble: [],
    note: `${faults} faults, ${count("off")} times switched off, ${count("start")} starts`,
  };
}
