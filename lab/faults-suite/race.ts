// Two nodes without a witness lose each other: either of them could have the other one switched off. One survives,
// with the services; the other boots anew, still without having heard its peer, and is standby in the end.
import { cutPair, heal } from "../faults.ts";
import { sleep, until } from "../shell.ts";
import { judgeOrder, openPoweredStage, type PoweredStage, runners } from "./powered.ts";
import { lasting, type Played, type Row, type Turn } from "./scenario.ts";
import { lastAnswering, settle } from "./stage.ts";

/** Fifty cuts in the ten runs of the full form. */
const CUTS = { fullMs: 5, shortMs: 2 };
const FENCED_WITHIN_MS = 40_000;
const BACK_WITHIN_MS = 40_000;
/** So long both have power and do not hear each other. */
const ALONE = { fullMs: 6_000, shortMs: 2_000 };

export const RACE: Row = {
  title: "fence race",
  part: "two",
  needs: { links: 1, ownDisks: false },
  open: (timing, { links }) => openPoweredStage({ timing, links, hasWitness: false, fencing: "ipmi" }),
  scenarios: [
    {
      name: "race",
      does: "two nodes alone lose each other, five times in a run: one is switched off, the other has the services; the first boots before they have each other again",
      // The one that was active stays, since the other one waits; where it does not, the service moves.
      must: { moves: null, outage: null },
      play: race,
      withinMs: 600_000,
    },
  ],
};

async function race(turn: Turn): Promise<Played> {
  const trouble: string[] = [];
  const cuts = lasting(turn, CUTS);
  let stayed = 0;
  for (let cut = 0; cut < cuts; cut += 1) {
    const { problems, hasStayed } = await cutOnce(turn);
    trouble.push(...problems.map((problem) => `cut ${cut + 1}: ${problem}`));
    if (hasStayed) stayed += 1;
  }
  return { trouble, note: `${stayed} of ${cuts} times the active survived` };
}

async function cutOnce(
  turn: Turn,
): Promise<{ readonly problems: readonly string[]; readonly hasStayed: boolean }> {
  const stage = turn.stage as PoweredStage;
  const { cluster, events } = stage;
  const active = await settle(stage);
  const before = events.all().length;
  const since = () => events.all().slice(before);
  await sleep(turn.random.between(0, 250));
  await cutPair(cluster.world, { from: "chip", to: "dale" });
  const on = await until(() => since().find((line) => line.startsWith("on ")), {
    withinMs: FENCED_WITHIN_MS,
  });
  if (typeof on !== "string")
    return { problems: [`nobody was fenced: ${since().join(", ")}`], hasStayed: false };
  const lost = on.split(" ")[1] ?? "";
  const survivor = cluster.nodes.find((node) => node !== lost) ?? "";
  const problems: string[] = [];
  const isServed = () => lastAnswering(stage) === survivor && runners(stage).join() === survivor;
  const served = await until(isServed, { withinMs: BACK_WITHIN_MS });
  if (served === null)
    problems.push(
      `${survivor} survived and has not both services: ${runners(stage).join() || "no host"} runs the exclusive one`,
    );
  await sleep(lasting(turn, ALONE));
  if (!isServed()) problems.push(`${survivor} lost a service while ${lost} booted alone`);
  await heal(cluster.world);
  await settle(stage);
  const off = since().filter((line) => line.startsWith("off "));
  if (off.join() !== `off ${lost}`) problems.push(`switched off: ${off.join(", ")}`);
  if (!isServed()) problems.push(`${survivor} lost a service when ${lost} was back`);
  problems.push(...judgeOrder(since()));
  return { problems, hasStayed: survivor === active };
}
