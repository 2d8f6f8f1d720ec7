// One device of a level: off, then two statuses in a row that say off. Only statuses prove, never an `off`.

import { unreachable } from "#lib/unreachable.ts";
import { canProve, type FenceDevice } from "#model/fencing.ts";
import { between, type Instant, type Ms, ms, plus } from "#model/units.ts";

/** As the fence port has them. */
export type FenceVerb = "off" | "status" | "on";

/** What a device said, as the fence port tells it. */
export type FenceSaid =
  | { readonly kind: "done" | "is-on" | "is-off" | "failed"; readonly detail: string }
  | { readonly kind: "unknown"; readonly waited: Ms; readonly detail: string };

/** Between the first "off" and the second: a status that was about to change, or came from a cache, shows. */
export const STATUS_PAUSE = ms(200);
/** A device answers by its timeout; past this much more the answer is given up, whatever became of it. */
export const ANSWER_GRACE = ms(1000);

export type DeviceStep =
  /** Waits for an answer until `due`. `seen`: how many statuses in a row said off. */
  | {
      readonly kind: "calling";
      readonly callId: number;
      readonly verb: "off" | "status";
      readonly seen: 0 | 1;
      readonly since: Instant;
      readonly due: Instant;
    }
  /** One status said off; the second is asked for then. */
  | { readonly kind: "pausing"; readonly until: Instant }
  /** Two statuses in a row said off. */
  | { readonly kind: "proved" }
  | { readonly kind: "failed"; readonly why: string };

export interface DeviceRun {
  readonly device: FenceDevice;
  readonly step: DeviceStep;
  /** What `off` came to, for people, unless it was done. */
  readonly off: string | null;
}

/** What a device does next: a call, or nothing but its step. */
export type NextStep =
  | Exclude<DeviceStep, { kind: "calling" }>
  | { readonly kind: "status"; readonly seen: 0 | 1 };

export function startCall(
  run: DeviceRun,
  call: { readonly callId: number; readonly verb: "off" | "status"; readonly seen: 0 | 1 },
  now: Instant,
): DeviceRun {
  const due = plus(now, ms(run.device.timeout + ANSWER_GRACE));
  return { ...run, step: { kind: "calling", ...call, since: now, due } };
}

/** What follows from an answer to `off`: the status, whatever it was, for it may have happened. */
export function afterOff(
  run: DeviceRun,
  said: FenceSaid,
): { readonly off: string | null; readonly next: NextStep } {
  const off = said.kind === "done" ? null : `off: ${describe(said)}`;
  if (canProve(run.device)) return { off, next: { kind: "status", seen: 0 } };
  return { off, next: { kind: "failed", why: said.kind === "done" ? said.detail : describe(said) } };
}

/** Anything but "off" is a failure: "on" contradicts it, failed and unknown say nothing. */
export function afterStatus(run: DeviceRun, seen: 0 | 1, said: FenceSaid, now: Instant): NextStep {
  switch (said.kind) {
    case "is-off":
      return seen === 1 ? { kind: "proved" } : { kind: "pausing", until: plus(now, STATUS_PAUSE) };
    case "is-on": {
      const still = seen === 1 ? "it said off and then on again" : "it is on after off";
      return { kind: "failed", why: withOff(run, still) };
    }
    case "done":
    case "failed":
    case "unknown":
      return { kind: "failed", why: withOff(run, `status: ${describe(said)}`) };
    default:
      return unreachable(said);
  }
}

/** An answer that did not come. */
export function unanswered(since: Instant, now: Instant): FenceSaid {
  const waited = between(since, now);
  return { kind: "unknown", waited, detail: `no answer after ${Math.round(waited)} ms` };
}

export function describe(said: FenceSaid): string {
  return said.kind === "unknown" ? `unknown (${said.detail})` : said.detail;
}

const withOff = (run: DeviceRun, why: string): string => (run.off === null ? why : `${why}; ${run.off}`);
