// The clocks, and who changes their rate.

import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { readClock } from "#drivers/sys/libc.ts";
import type { ClockDaemon, ClockFacts, Process } from "#ports/host.ts";
import { readText } from "./processes.ts";

const CLOCK_MONOTONIC = 1;
const CLOCK_MONOTONIC_RAW = 4;
const CLOCK_BOOTTIME = 7;

/** Millionths. chrony.conf(5), maxslewrate. */
const CHRONY_SLEW = 83_333.333;
/** Files included by files. */
const DEPTH = 5;

/**
 * Millionths. ntpd(8): "the maximum slew rate possible is limited to 500 parts-per-million". systemd-timesyncd hands
 * at most 0.4 s to the kernel's loop (timesyncd-manager.c), which at its shortest time constant works off an eighth
 * of the rest each second (kernel/time/ntp.c): 5 %.
 */
const SLEWS: Readonly<Record<string, number>> = {
  ntpd: 500,
  openntpd: 500,
  "systemd-timesyn": 50_000,
  "systemd-timesyncd": 50_000,
};
const DAEMONS = ["chronyd", "ntpd", "ntpsec", "openntpd", "systemd-timesyn", "ptp4l", "phc2sys"];
const NAMES: Readonly<Record<string, string>> = { "systemd-timesyn": "systemd-timesyncd" };

/** Takes `over` milliseconds: the rate is measured between two readings. */
export async function readClocks(processes: readonly Process[], over: number): Promise<ClockFacts> {
  const first = pair();
  await new Promise((resolve) => setTimeout(resolve, over));
  const second = pair();
  const monotonic = readClock(CLOCK_MONOTONIC);
  const boottime = readClock(CLOCK_BOOTTIME);
  const elapsed = second.raw - first.raw;
  const rate = elapsed > 0 ? ((second.monotonic - first.monotonic) / elapsed - 1) * 1e6 : Number.NaN;
  return { monotonic, boottime, rate: Number.isFinite(rate) ? rate : null, daemons: daemonsAmong(processes) };
}

/** Both clocks at one moment: the closest of several readings, since this process may be held up in between. */
function pair(): { readonly monotonic: number; readonly raw: number } {
  let best = { monotonic: Number.NaN, raw: Number.NaN };
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 20; tries++) {
    const before = readClock(CLOCK_MONOTONIC);
    const raw = readClock(CLOCK_MONOTONIC_RAW);
    const after = readClock(CLOCK_MONOTONIC);
    if (after - before >= least) continue;
    least = after - before;
    best = { monotonic: (before + after) / 2, raw };
  }
  return best;
}

function daemonsAmong(processes: readonly Process[]): readonly ClockDaemon[] {
  const running = processes.filter(({ name }) => DAEMONS.includes(name));
  // chronyd runs as two processes.
  const names = [...new Set(running.map(({ name }) => name))];
  return names.map((name) => {
    if (name === "chronyd") return chrony(running.find((each) => each.name === name));
    const slew = SLEWS[name] ?? null;
    const source =
      slew === null ? "it is for precise clocks: see its documentation" : "what it does by default";
    return { name: NAMES[name] ?? name, slew, source };
  });
}

function chrony(process: Process | undefined): ClockDaemon {
  const argv = process?.argv ?? [];
  const at = argv.indexOf("-f");
  const named = at < 0 ? undefined : argv[at + 1];
  const files = named === undefined ? ["/etc/chrony/chrony.conf", "/etc/chrony.conf"] : [named];
  for (const file of files) {
    const text = readText(file);
    if (text === null) continue;
    const found = slewIn(text, { file, depth: DEPTH });
    return { name: "chronyd", slew: found ?? CHRONY_SLEW, source: found === null ? "its default" : file };
  }
  return { name: "chronyd", slew: null, source: `its configuration ${files.join(" or ")} cannot be read` };
}

/** The last `maxslewrate` of a chrony.conf and of what it includes; null: none. */
export function slewIn(
  text: string,
  { file, depth }: { readonly file: string; readonly depth: number },
): number | null {
  let slew: number | null = null;
  for (const line of text.split("\n")) {
    const [word = "", value = ""] = line.trim().split(/\s+/);
    const directive = word.toLowerCase();
    if (directive === "maxslewrate" && Number.isFinite(Number.parseFloat(value)))
      slew = Number.parseFloat(value);
    if (depth === 0 || !["include", "confdir"].includes(directive)) continue;
    for (const other of included(directive, value)) {
      if (other !== file) slew = slewIn(readText(other) ?? "", { file: other, depth: depth - 1 }) ?? slew;
    }
  }
  return slew;
}

function included(directive: string, value: string): readonly string[] {
  if (directive === "include" && !value.includes("*")) return [value];
  const folder = directive === "confdir" ? value : dirname(value);
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".conf"))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
