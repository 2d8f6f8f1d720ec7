// Judges the clocks: every lease rests on their rates differing by less than the drift bound.

import type { Ratio } from "#model/units.ts";
import type { ClockDaemon, ClockFacts } from "#ports/host.ts";
import { type Finding, findingsOf } from "./finding.ts";

const clock = findingsOf("clock");
/** Milliseconds: what reading two clocks one after the other may differ by on a busy host. */
const SAME = 1_000;
/** Millionths: crystals and what a settled clock daemon does about them. */
const HARDWARE = 500;

/** `drift`: the configured bound; null: not known. */
export function judgeClock(facts: ClockFacts, drift: Ratio | null): readonly Finding[] {
  return [judgeClocks(facts), ...judgeDaemons(facts.daemons, drift), judgeRate(facts.rate, drift)];
}

function judgeClocks({ monotonic, boottime }: ClockFacts): Finding {
  if (Number.isNaN(monotonic) || Number.isNaN(boottime)) {
    const text = `CLOCK_${Number.isNaN(monotonic) ? "MONOTONIC" : "BOOTTIME"} cannot be read`;
    return clock.problem("clocks", text, "use an ordinary Linux kernel: the lease is measured with it");
  }
  const slept = boottime - monotonic;
  if (Math.abs(slept) <= SAME) return clock.ok("clocks", "CLOCK_MONOTONIC and CLOCK_BOOTTIME agree");
  const seconds = Math.round(slept / 1_000);
  const text = `CLOCK_BOOTTIME is ${seconds} s ahead of CLOCK_MONOTONIC: this host slept since it was started`;
  return clock.warning(
    "clocks",
    text,
    "servers should not sleep: systemctl mask sleep.target suspend.target",
  );
}

function judgeDaemons(daemons: readonly ClockDaemon[], drift: Ratio | null): readonly Finding[] {
  if (daemons.length === 0) {
    return [clock.ok("slew", "no clock daemon runs, so nothing changes the rate of the clock")];
  }
  return daemons.map((daemon) => judgeSlew(daemon, drift));
}

function judgeSlew({ name, slew, source }: ClockDaemon, drift: Ratio | null): Finding {
  if (slew === null) {
    return clock.untested("slew", `${name} runs; how fast it may make the clock is not known (${source})`);
  }
  const apart = apartBy(slew);
  const what = `${name} slews by ${percent(slew / 1e6)} at most (${source}), two clocks run apart by ${percent(apart)}`;
  if (drift === null) return clock.untested("slew", `${what}; the drift bound is in the configuration`);
  if (apart <= drift) return clock.ok("slew", `${what}; the drift bound is ${percent(drift)}`);
  return clock.problem(
    "slew",
    `${what}: more than the drift bound of ${percent(drift)}`,
    `on every member: maxslewrate ${mostSlew(drift)} in chrony.conf, or raise drift to ${percent(Math.ceil(apart * 100) / 100)}`,
  );
}

function judgeRate(rate: number | null, drift: Ratio | null): Finding {
  if (rate === null) return clock.untested("rate", "the clock's present rate could not be measured");
  const by = `${Math.abs(Math.round(rate))} ppm ${rate < 0 ? "slower" : "faster"}`;
  const text = `the clock runs ${by} than the hardware at present`;
  if (drift !== null && apartBy(Math.abs(rate)) > drift) {
    return clock.problem(
      "rate",
      `${text}: more than the drift bound allows`,
      "see what slews the clock (adjtimex)",
    );
  }
  if (Math.abs(rate) <= HARDWARE) return clock.ok("rate", text);
  return clock.ok("rate", `${text}: it is being slewed, within the drift bound`);
}

/** How much faster a clock that is `slew` millionths fast runs than one that is as much slow; a share of 1. */
export function apartBy(slew: number): number {
  const share = Math.min(slew / 1e6, 0.999);
  return (1 + share) / (1 - share) - 1;
}

/** The largest slew in millionths with which two clocks stay within the bound. */
function mostSlew(drift: Ratio): number {
  return Math.floor((drift / (2 + drift)) * 1e6);
}

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;
