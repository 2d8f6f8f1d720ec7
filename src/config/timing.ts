// From what is written under `timing:` to the four durations, and whether such a set can hold.

import type { Timing, TimingProfile } from "#model/config.ts";
import { type Ms, type Ratio, ratio, shorten } from "#model/units.ts";
import { type Cursor, key, top } from "./cursor.ts";
import { TIMING_LIMITS, TIMING_PROFILES } from "./defaults.ts";
import { isMap } from "./kit.ts";
import { formatDuration, parseDuration } from "./leaves.ts";
import type { Finding } from "./problem.ts";

/** What is not written, or not well written, comes from the profile. */
export function timingOf(written: unknown): Timing {
  const map = top(isMap(written) ? written : { profile: written });
  const name = key(map, "profile").value;
  const profile = TIMING_PROFILES[isProfile(name) ? name : "default"];
  const duration = (name: string, otherwise: Ms): Ms => {
    const value = parseDuration(key(map, name).value);
    return value.kind === "read" ? value.value : otherwise;
  };
  return {
    profile: profile.profile,
    lease: duration("lease", profile.lease),
    pulse: duration("pulse", profile.pulse),
    drift: driftOf(key(map, "drift").value) ?? profile.drift,
    workerSilence: duration("worker_silence", profile.workerSilence),
  };
}

function isProfile(value: unknown): value is TimingProfile {
  return typeof value === "string" && Object.hasOwn(TIMING_PROFILES, value);
}

function driftOf(value: unknown): Ratio | null {
  return typeof value === "number" && value >= 0 && value < TIMING_LIMITS.driftMax ? ratio(value) : null;
}

/** Each finding stands at the value that is written, not at one that the profile gave. */
export function judgeTiming(at: Cursor): readonly Finding[] {
  if (!isMap(at.value)) return [];
  const timing = timingOf(at.value);
  const { lease, pulse, workerSilence } = timing;
  const { leaseMin, leaseMax, pulseMin, pulsesPerLease } = TIMING_LIMITS;
  const findings: Finding[] = [];
  const refuse = (names: readonly string[], message: string, hint: string) => {
    const place = names.map((name) => key(at, name)).find(({ value }) => value !== undefined);
    findings.push({ path: (place ?? at).path, at: "value", kind: "wrong", message, hint });
  };
  if (lease < leaseMin)
    refuse(["lease"], `a lease of ${formatDuration(lease)} cannot hold`, `at least ${leaseMin}ms`);
  if (lease > leaseMax) refuse(["lease"], `a lease of ${formatDuration(lease)} is too long`, "at most 1m");
  if (pulse < pulseMin)
    refuse(["pulse"], `a pulse every ${formatDuration(pulse)} is too often`, `at least ${pulseMin}ms`);
  const usable = shorten(lease, timing.drift);
  if (usable / pulse < pulsesPerLease) {
    const message = `fewer than ${pulsesPerLease} pulses fit into the usable lease of ${rounded(usable)}`;
    const most = Math.floor(usable / pulsesPerLease);
    refuse(["pulse", "lease", "drift"], message, `a pulse of ${most}ms or less, or a longer lease`);
  }
  if (workerSilence < lease) {
    refuse(
      ["worker_silence", "lease"],
      "worker_silence is shorter than the lease",
      `at least ${formatDuration(lease)}`,
    );
  }
  return findings;
}

function rounded(duration: Ms): string {
  return `${Math.round(duration)}ms`;
}
