// Row 7: somebody meddles with the active node ten times a second: its rules, its address, its link, its device's name.

import { FLOATING } from "../cluster.ts";
import { flushRuleset, setLink } from "../faults.ts";
import { monotonicMs, sleep } from "../shell.ts";
import { hostOf, mustIn, runIn, type World } from "../world.ts";
import { lasting, type Must, type Played, type Row, type Scenario, type Turn } from "./scenario.ts";
import { lastAnswering, type Stage } from "./stage.ts";
import { journalOf } from "./terms.ts";

const MEDDLING = { fullMs: 20_000, shortMs: 3_000 };
const EVERY_MS = 100;
const HALF_MS = 40;
/** How soon the journal has to have a word on it. */
const TOLD_WITHIN_MS = 2_000;
/** The journal's dates are whole milliseconds. */
const ROUNDING_MS = 1;
const WITHIN_MS = 60_000;
const OTHER_NAME = "lan0";

type Meddling = {
  /** Does it; false: there was nothing to do it to. */
  readonly act: (world: World, node: string) => Promise<boolean>;
  /** Codes of the journal that tell of it. */
  readonly told: RegExp;
};

export const FLUSH: Meddling = {
  act: async (world, node) => {
    await flushRuleset(world, node);
    return true;
  },
  told: /^guard-/,
};

export const DELETE: Meddling = {
  act: async (world, node) => {
    const words = ["ip", "address", "delete", `${FLOATING}/24`, "dev", "eth0"];
    return (await runIn(world, node, words)).code === 0;
  },
  told: /^address-removed$/,
};

export const BLINK: Meddling = {
  act: async (world, node) => {
    await setLink(world, node, 0, "down");
    await sleep(HALF_MS);
    await setLink(world, node, 0, "up");
    return true;
  },
  told: /^device-/,
};

const RENAME: Meddling = {
  act: async (world, node) => {
    await rename(world, node, { from: "eth0", to: OTHER_NAME });
    await sleep(HALF_MS);
    await rename(world, node, { from: OTHER_NAME, to: "eth0" });
    return true;
  },
  told: /^device-/,
};

const ALL = [FLUSH, DELETE, BLINK, RENAME] as const;
/** Whether the service moves away from such a node is stated, not judged; two must never answer. */
const STATED: Must = { moves: null, outage: null };

export const MEDDLING_ROW: Row = {
  title: "meddling",
  needs: { links: 1, ownDisks: false },
  scenarios: [
    // The address goes on working without its guard, which stands again soon.
    meddle("flush", "`nft flush ruleset`", [FLUSH], { moves: [0, 0], outage: null }),
    meddle("delete", "the floating address is deleted", [DELETE], STATED),
    meddle("blink", "the link goes down, and up again 40 ms later", [BLINK], STATED),
    meddle("rename", "the device is renamed, and back 40 ms later", [RENAME], STATED),
    meddle("meddle", "one of these four at random", ALL, STATED),
  ],
};

function meddle(name: string, does: string, among: readonly Meddling[], must: Must): Scenario {
  return {
    name,
    does: `${does}, on the active, every 100 ms for 20 s`,
    must,
    play: (turn) => play(turn, among),
    withinMs: WITHIN_MS,
  };
}

type Deed = { readonly node: string; readonly atMs: number; readonly told: RegExp };

export async function play(turn: Turn, among: readonly Meddling[]): Promise<Played> {
  const { stage, random } = turn;
  const { world } = stage.cluster;
  const deeds: Deed[] = [];
  const endMs = monotonicMs() + lasting(turn, MEDDLING);
  try {
    while (monotonicMs() < endMs) {
      const nextMs = monotonicMs() + EVERY_MS;
      const { act, told } = random.pick(among);
      // Wherever it is by now: it may have moved away.
      const node = lastAnswering(stage) ?? turn.active;
      const atMs = Date.now();
      if (await act(world, node)) deeds.push({ node, atMs, told });
      await sleep(Math.max(0, nextMs - monotonicMs()));
    }
  } finally {
    for (const node of stage.cluster.nodes) await putRight(world, node);
  }
  await sleep(TOLD_WITHIN_MS);
  const untold = deeds.filter((deed) => !isTold(stage, deed));
  const [first] = untold;
  const trouble =
    first === undefined
      ? []
      : [
          `${untold.length} of ${deeds.length} deeds are not in the journal, first ${first.told} at ${first.atMs} on ${first.node}`,
        ];
  return { trouble, note: `${deeds.length} times` };
}

function isTold(stage: Stage, { node, atMs, told }: Deed): boolean {
  return journalOf(stage.cluster, node).some(
    ({ code, at_ms }) => told.test(code) && at_ms >= atMs - ROUNDING_MS && at_ms <= atMs + TOLD_WITHIN_MS,
  );
}

async function rename(
  world: World,
  node: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  await mustIn(world, node, ["ip", "link", "set", from, "name", to]);
}

/** The device has its name, is up and has the host's own address. */
async function putRight(world: World, node: string): Promise<void> {
  await runIn(world, node, ["ip", "link", "set", OTHER_NAME, "name", "eth0"]);
  await setLink(world, node, 0, "up");
  await mustIn(world, node, ["ip", "address", "replace", `${hostOf(world, node).address}/24`, "dev", "eth0"]);
}
