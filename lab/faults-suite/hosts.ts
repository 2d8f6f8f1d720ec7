// Whole hosts of two nodes alone that die, hang or lose their power: a holder that is dead is switched off before the
// other one takes over, and a kernel that has just booted starts nothing before it has heard its peer.
import { cutPair, freeze, heal } from "../faults.ts";
import { monotonicMs, sleep, until } from "../shell.ts";
import { EXCLUSIVE, openPoweredStage, type PoweredStage, runners } from "./powered.ts";
import { lasting, type Must, type Played, type Row, type Turn } from "./scenario.ts";
import { lastAnswering, settle } from "./stage.ts";

const WITHIN_MS = 120_000;
const STARTED_WITHIN_MS = 60_000;
const BEFORE_MS = 200;
/** Longer than lease, head start and fencing together: whoever wanted to act would have. */
const ALONE = { fullMs: 10_000, shortMs: 6_000 };
const ONE_MOVE: Must = { moves: [1, 1], outage: null };

export const PAIR_HOSTS: Row = {
  title: "two nodes, hosts",
  part: "two",
  needs: { links: 1, ownDisks: false },
  open: (timing, { links }) => openPoweredStage({ timing, links, hasWitness: false, fencing: "ipmi" }),
  scenarios: [
    {
      name: "two-dead",
      does: "two nodes alone: the active's host dies; it is switched off before the other one takes over, and comes back as standby",
      must: ONE_MOVE,
      play: (turn) => lose(turn, (stage) => stage.crash(turn.active)),
      withinMs: WITHIN_MS,
    },
    {
      name: "two-hung",
      does: "two nodes alone: every process of the active's host stands still; it is switched off before the other one takes over",
      must: ONE_MOVE,
      play: (turn) => lose(turn, ({ cluster }) => freeze(cluster.world, turn.active)),
      withinMs: WITHIN_MS,
    },
    {
      name: "two-blackout",
      does: "two nodes alone: both hosts lose their power and each other; one boots, and starts nothing before it hears its peer",
      must: { moves: [0, 1], outage: null },
      play: blackout,
      withinMs: WITHIN_MS,
    },
  ],
};

async function lose(turn: Turn, fault: (stage: PoweredStage) => Promise<void>): Promise<Played> {
  const stage = turn.stage as PoweredStage;
  const { active, standby } = turn;
  const before = stage.events.all().length;
  const since = () => stage.events.all().slice(before);
  // The client shall have seen whom it leaves.
  await sleep(BEFORE_MS);
  await fault(stage);
  const start = `start ${standby}`;
  const hasStarted = await until(() => since().includes(start), { withinMs: STARTED_WITHIN_MS });
  if (hasStarted === null)
    return { trouble: [`${EXCLUSIVE} did not start on ${standby}: ${since().join()}`] };
  const isFencedFirst = since().slice(0, since().indexOf(start)).includes(`off ${active}`);
  const trouble = isFencedFirst ? [] : [`${standby} took over without a proof: ${since().join(", ")}`];
  if (since().includes(`off ${standby}`)) trouble.push(`${standby} was switched off too`);
  return { trouble };
}

async function blackout(turn: Turn): Promise<Played> {
  const stage = turn.stage as PoweredStage;
  const { cluster } = stage;
  const nodes = turn.random.shuffle(cluster.nodes);
  const [first = ""] = nodes;
  await cutPair(cluster.world, { from: "chip", to: "dale" });
  for (const node of nodes) await stage.crash(node);
  const before = stage.events.all().length;
  const darkMs = monotonicMs();
  await stage.boot(first);
  await sleep(lasting(turn, ALONE));
  const trouble: string[] = [];
  const others = nodes.filter((node) => node !== first);
  if (runners(stage).length > 0) trouble.push(`${first} booted alone and started ${EXCLUSIVE}`);
  const fenced = stage.events
    .all()
    .slice(before)
    .filter((line) => others.some((node) => line === `off ${node}`));
  if (fenced.length > 0) trouble.push(`${first} booted alone and had ${others.join()} switched off`);
  for (const node of others) await stage.boot(node);
  await sleep(lasting(turn, ALONE));
  if (runners(stage).length > 0)
    trouble.push(`${EXCLUSIVE} started on ${runners(stage).join()}, unheard by its peer`);
  const off = stage.events
    .all()
    .slice(before)
    .filter((line) => line.startsWith("off ")).length;
  if (off > nodes.length) trouble.push("a node that had just booted had the other one switched off");
  const isAnswered = stage.client
    .entries()
    .some((entry) => entry.kind === "request" && entry.sentMs > darkMs && entry.rttMs !== null);
  if (isAnswered) trouble.push("a client was answered by a node that had just booted and heard nobody");
  await heal(cluster.world);
  await settle(stage);
  if (runners(stage).length !== 1 || lastAnswering(stage) === null)
    trouble.push("not both services came back");
  return { trouble };
}
