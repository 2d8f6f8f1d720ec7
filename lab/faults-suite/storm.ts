// Row 4: every daemon is killed again and again, at random, and started again at once.
import type { Prng } from "#lib/prng.ts";
import { killDaemon } from "../cluster.ts";
import { monotonicMs, sleep, until } from "../shell.ts";
import { lasting, type Played, type Row, type Turn } from "./scenario.ts";
import { membersOf, type Stage, start } from "./stage.ts";

const STORM = { fullMs: 300_000, shortMs: 20_000 };
const PAUSE_MS = { from: 1_000, to: 5_000 };
/** How soon the service answers when the last daemon has been started. */
const BACK_WITHIN_MS = 5_000;
/** It answers when nothing of so long was lost. */
const STEADY_MS = 300;

export const STORM_ROW: Row = {
  title: "restart storm",
  needs: { links: 1, ownDisks: false },
  scenarios: [
    {
      name: "storm",
      does: "each daemon is killed every 1 to 5 s at random, SIGKILL, and started at once, for 5 minutes",
      must: { moves: null, outage: null },
      play: storm,
      withinMs: 330_000,
    },
  ],
};

export async function storm(turn: Turn): Promise<Played> {
  const { stage, random } = turn;
  const endMs = monotonicMs() + lasting(turn, STORM);
  const kills = await Promise.all(
    membersOf(stage).map((name) => killAgainAndAgain(stage, name, { random: random.split(name), endMs })),
  );
  const overMs = monotonicMs();
  const isBack = await until(() => isAnsweredSince(stage, overMs), { withinMs: BACK_WITHIN_MS, everyMs: 20 });
  const backMs = monotonicMs() - overMs;
  const late = `the service did not answer within ${BACK_WITHIN_MS / 1000} s after the storm`;
  const total = kills.reduce((sum, count) => sum + count, 0);
  return {
    trouble: isBack === null ? [late] : [],
    note: `${total} kills, back ${backMs.toFixed(0)} ms after the last`,
  };
}

async function killAgainAndAgain(
  stage: Stage,
  name: string,
  { random, endMs }: { readonly random: Prng; readonly endMs: number },
): Promise<number> {
  for (let count = 0; ; count += 1) {
    const pauseMs = random.between(PAUSE_MS.from, PAUSE_MS.to);
    if (monotonicMs() + pauseMs > endMs) return count;
    await sleep(pauseMs);
    await killDaemon(stage.cluster, name);
    start(stage, name);
  }
}

/** For a moment already, without a loss. */
function isAnsweredSince({ client }: Stage, sinceMs: number): boolean {
  const entries = client.entries().filter((entry) => entry.sentMs >= sinceMs && entry.kind === "request");
  const lost = entries.findLast((entry) => entry.kind === "request" && entry.rttMs === null);
  const last = entries.findLast((entry) => entry.kind === "request" && entry.rttMs !== null);
  const fromMs = lost?.sentMs ?? entries[0]?.sentMs;
  return last !== undefined && fromMs !== undefined && last.sentMs - fromMs >= STEADY_MS;
}
