// Two nodes whose service prefers two actives to none (`split: eager`): while they do not hear each other both serve;
// when they do again, the higher term stays, the other one lets go at once, and clients are told where to.

import { FLOATING } from "../cluster.ts";
import { cutPair, heal } from "../faults.ts";
import type { Ask } from "../probe-log.ts";
import { monotonicMs, sleep, until } from "../shell.ts";
import { hostOf, mustIn } from "../world.ts";
import { isLive } from "./holders.ts";
import { openPoweredStage } from "./powered.ts";
import { lasting, type Played, type Row, type Turn } from "./scenario.ts";
import { type Stage, settle } from "./stage.ts";
import { journalOf } from "./terms.ts";

/** Longer than the announcements after a start, so that clients would not be told without a reason of its own. */
const BOTH = { fullMs: 8_000, shortMs: 2_000 };
const BOTH_WITHIN_MS = 20_000;
/** How long a client may be without an answer in all of this: it follows whom it hears. */
const OUTAGE_MS = 3_000;
/** A pulse each way, and the vote. */
const ONE_WITHIN_MS = 5_000;

export const EAGER: Row = {
  title: "two actives rather than none",
  part: "two",
  needs: { links: 1, ownDisks: false },
  open: (timing, { links }) =>
    openPoweredStage({ timing, links, hasWitness: false, fencing: "none", isEager: true }),
  scenarios: [
    {
      name: "eager-part",
      does: "two nodes alone with `split: eager` lose each other for 8 s and more: both serve, and afterwards the higher term",
      must: { moves: null, outage: OUTAGE_MS, mayDouble: true },
      play,
      withinMs: 120_000,
    },
  ],
};

async function play(turn: Turn): Promise<Played> {
  const { stage, active, standby } = turn;
  const { cluster } = stage;
  const since = journalOf(cluster, standby).length;
  await cutPair(cluster.world, { from: "chip", to: "dale" });
  const areBoth = await until(
    async () => (await isLive(cluster, active)) && (await isLive(cluster, standby)),
    { withinMs: BOTH_WITHIN_MS },
  );
  if (areBoth === null) return { trouble: [`${standby} did not take the service beside ${active}`] };
  await sleep(lasting(turn, BOTH));
  // Whom the client asks is whoever announced last. Let it be the one that will let go: it has to be told.
  const { mac } = hostOf(cluster.world, active);
  const known = ["ip", "neighbour", "replace", FLOATING, "lladdr", mac, "dev", "eth0", "nud", "reachable"];
  await mustIn(cluster.world, "client", known);
  const healedMs = monotonicMs();
  await heal(cluster.world);
  const stays = await settle(stage);
  await sleep(ONE_WITHIN_MS);
  const trouble: string[] = [];
  const twice = doubledAsks(stage);
  const last = twice.at(-1);
  const lastMs = last === undefined ? 0 : last.sentMs - healedMs;
  if (twice.length === 0) trouble.push("no ARP ask was answered by both: nothing was tried");
  if (lastMs > ONE_WITHIN_MS) trouble.push(`both answered until ${lastMs.toFixed(0)} ms after the healing`);
  if (stays !== standby) trouble.push(`${stays} stayed, although ${standby} had the higher term`);
  const told = journalOf(cluster, standby)
    .slice(since)
    .find(({ code }) => code === "double-over");
  if (told === undefined) trouble.push(`the journal of ${standby} does not say how long two were possible`);
  const moment = lastMs > 0 ? `${lastMs.toFixed(0)} ms after` : `${(-lastMs).toFixed(0)} ms before`;
  return { trouble, note: `last double answer ${moment} the healing; journal: ${told?.why ?? "nothing"}` };
}

function doubledAsks({ arp }: Stage): readonly Ask[] {
  return arp
    .entries()
    .filter((entry) => entry.kind === "ask")
    .filter(({ macs }) => macs.length > 1);
}
