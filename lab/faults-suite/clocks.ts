// Row 5: one daemon's clocks. libfaketime changes what that process reads, and how long its timers take; the machine's
// clock is left alone. Which member it is changes from run to run.
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, SERVICE, stopDaemon } from "../cluster.ts";
import { sleep } from "../shell.ts";
import { hostOf } from "../world.ts";
import { FINE, lasting, NOTHING, type Played, type Row, type Scenario, type Turn } from "./scenario.ts";
import { membersOf, pidOf, type Stage, settle, start } from "./stage.ts";

const AFTER_STEP = { fullMs: 4_000, shortMs: 1_500 };
const SKEWED = { fullMs: 20_000, shortMs: 3_000 };
const WITHIN_MS = 60_000;
const LIBRARY_FOLDER = "/usr/lib";
const LIBRARY = join("faketime", "libfaketimeMT.so.1");

export const CLOCKS: Row = {
  title: "clocks",
  needs: { links: 1, ownDisks: false },
  scenarios: [
    step("hour", "1 hour", ["+1h", "+0", "-1h", "+0"]),
    step("decade", "10 years", ["+10y", "+0", "-10y", "+0"]),
    skew("fast", "8 % fast", 1.08),
    skew("slow", "8 % slow", 0.92),
  ],
};

/** Only the wall clock (CLOCK_REALTIME): the monotonic one stays the kernel's. */
function step(name: string, by: string, offsets: readonly string[]): Scenario {
  return {
    name: `clock-${name}`,
    does: `one daemon's wall clock is stepped by ${by} forth, back, back and forth`,
    must: NOTHING,
    prepare: async (turn) => {
      const target = targetOf(turn);
      setOffset(turn.stage, target, "+0");
      await restart(turn, target, {
        FAKETIME_TIMESTAMP_FILE: offsetFile(turn.stage, target),
        // Both names: the library's versions differ. One second: how soon a new offset is read.
        DONT_FAKE_MONOTONIC: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
        FAKETIME_CACHE_DURATION: "1",
      });
    },
    play: async (turn): Promise<Played> => {
      const [target = ""] = turn.stage.env.keys();
      for (const offset of offsets) {
        setOffset(turn.stage, target, offset);
        await sleep(lasting(turn, AFTER_STEP));
      }
      return { ...libraryIsThere(turn.stage, target), note: target };
    },
    finish: restore,
    withinMs: WITHIN_MS,
  };
}

/** Every clock of the process runs at another rate, and its timers with them. */
function skew(name: string, by: string, rate: number): Scenario {
  return {
    name: `clock-${name}`,
    does: `one daemon's monotonic clock (and its timers) runs ${by} for 20 s`,
    must: NOTHING,
    prepare: (turn) => restart(turn, targetOf(turn), { FAKETIME: `+0 x${rate}` }),
    play: async (turn) => {
      const [target = ""] = turn.stage.env.keys();
      await sleep(lasting(turn, SKEWED));
      return { ...libraryIsThere(turn.stage, target), note: target };
    },
    finish: restore,
    withinMs: WITHIN_MS,
  };
}

function targetOf({ stage, random }: Turn): string {
  return random.pick(membersOf(stage));
}

/** Starts the member again with the library; the service goes where it was, so that the member is active in turn. */
async function restart(turn: Turn, target: string, env: Readonly<Record<string, string>>): Promise<void> {
  const { stage, active } = turn;
  stage.env.clear();
  stage.env.set(target, { LD_PRELOAD: libraryPath(), ...env });
  await stopDaemon(stage.cluster, target);
  start(stage, target);
  if ((await settle(stage)) !== active) {
    await command(stage.cluster, active, ["switchover", SERVICE, "--to", active, "--yes"]);
    await settle(stage);
  }
}

async function restore(stage: Stage): Promise<void> {
  const targets = [...stage.env.keys()];
  stage.env.clear();
  for (const name of targets) {
    await stopDaemon(stage.cluster, name);
    start(stage, name);
  }
  await settle(stage);
}

function offsetFile({ cluster }: Stage, name: string): string {
  return join(hostOf(cluster.world, name).folder, "clock-offset");
}

/** In one step, so that no half of it is read. */
function setOffset(stage: Stage, name: string, offset: string): void {
  const file = offsetFile(stage, name);
  writeFileSync(`${file}.new`, `${offset}\n`);
  renameSync(`${file}.new`, file);
}

/** Debian keeps it in a folder of the architecture's name. */
function libraryPath(): string {
  for (const folder of readdirSync(LIBRARY_FOLDER)) {
    const folderPath = join(LIBRARY_FOLDER, folder);
    if (folder.endsWith("-linux-gnu") && readdirSync(folderPath).includes("faketime")) {
      return join(folderPath, LIBRARY);
    }
  }
  throw new Error("libfaketime is missing; on Debian: apt-get install faketime");
}

/** A preloaded library that is not found is left out without a word but on stderr. */
function libraryIsThere(stage: Stage, name: string): Played {
  const maps = readFileSync(`/proc/${pidOf(stage, name)}/maps`, "utf8");
  return maps.includes("libfaketime") ? FINE : { trouble: [`${name} runs without libfaketime`] };
}
