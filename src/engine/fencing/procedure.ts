// The rule for power, for one node: level after level, off, prove off twice, and only then on.
//
// Pure: answers and time come in, calls and the outcome go out. The proof comes before anything is switched on
// again, and that only when the caller asks for it: the caller puts the proof on record in between.

import { assert } from "#lib/assert.ts";
import { type FenceDevice, type NodeFencing, provesAlone } from "#model/fencing.ts";
import type { NodeId } from "#model/ids.ts";
import { earlier, FOREVER, type Instant, ms, plus } from "#model/units.ts";
import {
  ANSWER_GRACE,
  afterOff,
  afterStatus,
  type DeviceRun,
  describe,
  type FenceSaid,
  type FenceVerb,
  type NextStep,
  startCall,
  unanswered,
} from "./procedure-device.ts";

/** A call to be made now. Its answer comes back with `callId`. */
export interface FenceWish {
  readonly callId: number;
  readonly node: NodeId;
  readonly device: FenceDevice;
  readonly verb: FenceVerb;
}

export type FenceOutcome =
  /** The node is off, with certainty. `device` is for people: the ids of the level that proved it. */
  | { readonly kind: "proved"; readonly device: string; readonly sentence: string }
  /** No level could prove it: the node may be on, off, or half of each. `levels`: a sentence for each. */
  | { readonly kind: "failed"; readonly sentence: string; readonly levels: readonly string[] };

export interface FenceRun {
  readonly fencing: NodeFencing;
  /** Which level is at work, from 0. */
  readonly level: number;
  /** Its devices. */
  readonly devices: readonly DeviceRun[];
  /** Why each earlier level failed. */
  readonly failures: readonly string[];
  /** Devices that were told `off`, in any level: after the proof these are switched on. */
  readonly toldOff: readonly FenceDevice[];
  readonly outcome: FenceOutcome | null;
  /** Null: nothing was switched on yet. */
  readonly powerOn: PowerOn | null;
  /** Call ids are given out from here, upwards; the caller begins its next run at this number. */
  readonly nextCallId: number;
}

interface PowerOn {
  readonly waiting: readonly {
    readonly callId: number;
    readonly device: FenceDevice;
    readonly since: Instant;
    readonly due: Instant;
  }[];
  readonly problems: readonly string[];
}

export interface FenceTurn {
  readonly run: FenceRun;
  /** To be made now, all at once. */
  readonly calls: readonly FenceWish[];
  /** When `wakeFencing` wants to be called, at the latest; FOREVER: only answers matter. */
  readonly wakeAt: Instant;
  /** As soon as it is known; stays. */
  readonly outcome: FenceOutcome | null;
}

/** `firstCallId` must be above every call id of earlier runs, so that their late answers are known as such. */
export function startFencing(fencing: NodeFencing, firstCallId: number, now: Instant): FenceTurn {
  const run: FenceRun = {
    fencing,
    level: -1,
    devices: [],
    failures: [],
    toldOff: [],
    outcome: null,
    powerOn: null,
    nextCallId: firstCallId,
  };
  return turnOf(...nextLevel(run, now));
}

/** An answer to a call that is no longer waited for (of an earlier run, given up, doubled) changes nothing. */
export function foldFenceAnswer(run: FenceRun, callId: number, said: FenceSaid, now: Instant): FenceTurn {
  if (run.powerOn !== null) return turnOf(foldPowerOn(run, run.powerOn, callId, said), []);
  if (run.outcome !== null) return turnOf(run, []);
  const at = run.devices.findIndex(({ step }) => step.kind === "calling" && step.callId === callId);
  if (at < 0) return turnOf(run, []);
  return turnOf(...settleLevel(...foldDevice(run, at, said, now), now));
}

/** Asks again after a pause; gives up calls whose answer never came. Calling it early or often is harmless. */
export function wakeFencing(run: FenceRun, now: Instant): FenceTurn {
  if (run.powerOn !== null) {
    const late = run.powerOn.waiting.filter(({ due }) => now >= due);
    const next = late.reduce(
      (r, { callId, since }) =>
        r.powerOn === null ? r : foldPowerOn(r, r.powerOn, callId, unanswered(since, now)),
      run,
    );
    return turnOf(next, []);
  }
  if (run.outcome !== null) return turnOf(run, []);
  let next = run;
  const calls: FenceWish[] = [];
  run.devices.forEach(({ step }, at) => {
    const isLate = step.kind === "calling" && now >= step.due;
    const isRested = step.kind === "pausing" && now >= step.until;
    if (!isLate && !isRested) return;
    const [after, wishes] = isLate
      ? foldDevice(next, at, unanswered(step.since, now), now)
      : goOn(next, at, { kind: "status", seen: 1 }, now);
    next = after;
    calls.push(...wishes);
  });
  return turnOf(...settleLevel(next, calls, now));
}

/**
 * Switches on what was told off, best effort. Only after the proof, and after the caller has recorded it: the
 * node's next life begins here. Calling it twice does nothing.
 */
export function powerOnAgain(run: FenceRun, now: Instant): FenceTurn {
  assert(run.outcome?.kind === "proved", "nothing is switched on before the proof");
  if (run.powerOn !== null) return turnOf(run, []);
  const devices = run.toldOff.filter(canSwitchOn);
  const waiting = devices.map((device, index) => ({
    callId: run.nextCallId + index,
    device,
    since: now,
    due: plus(now, ms(device.timeout + ANSWER_GRACE)),
  }));
  const calls = waiting.map(({ callId, device }) => wish(run, callId, device, "on"));
  const nextCallId = run.nextCallId + waiting.length;
  return turnOf({ ...run, nextCallId, powerOn: { waiting, problems: [] } }, calls);
}

/** Nothing more will be asked: failed, or switched on again as far as that went. */
export function isFencingOver(run: FenceRun): boolean {
  if (run.outcome?.kind === "failed") return true;
  return run.powerOn !== null && run.powerOn.waiting.length === 0;
}

/** Why devices could not be switched on again, a sentence each; the fencing stays proved. */
export const powerOnProblems = (run: FenceRun): readonly string[] => run.powerOn?.problems ?? [];

// --- levels --------------------------------------------------------------------------------------

type Step = readonly [FenceRun, readonly FenceWish[]];

function nextLevel(run: FenceRun, now: Instant): Step {
  const level = run.level + 1;
  const devices = run.fencing.levels[level];
  if (devices === undefined) return [{ ...run, level, devices: [], outcome: failedBy(run) }, []];
  const isNew = (device: FenceDevice) => !run.toldOff.some(({ id }) => id === device.id);
  const calls = devices.map((device, index) => wish(run, run.nextCallId + index, device, "off"));
  const started = devices.map((device, index) => {
    const idle: DeviceRun = { device, step: { kind: "pausing", until: FOREVER }, off: null };
    return startCall(idle, { callId: run.nextCallId + index, verb: "off", seen: 0 }, now);
  });
  const next: FenceRun = {
    ...run,
    level,
    devices: started,
    toldOff: [...run.toldOff, ...devices.filter(isNew)],
    nextCallId: run.nextCallId + devices.length,
  };
  // A level without devices has nothing to wait for, and proves nothing.
  return devices.length === 0 ? settleLevel(next, [], now) : [next, calls];
}

/**
 * Proved when all of its devices are; given up when one of them failed and no call is on its way: an `off` that
 * is late must not come after the next level's `on`.
 */
function settleLevel(run: FenceRun, calls: readonly FenceWish[], now: Instant): Step {
  const level = run.devices.map(({ device }) => device);
  if (level.length > 0 && provesAlone(level) && run.devices.every(({ step }) => step.kind === "proved"))
    return [{ ...run, outcome: provedBy(run) }, calls];
  const hasFailed = level.length === 0 || run.devices.some(({ step }) => step.kind === "failed");
  const isCalling = run.devices.some(({ step }) => step.kind === "calling");
  if (!hasFailed || isCalling) return [run, calls];
  const [next, more] = nextLevel({ ...run, failures: [...run.failures, explainLevel(run)] }, now);
  return [next, [...calls, ...more]];
}

function explainLevel({ level, devices }: FenceRun): string {
  const parts = devices.flatMap(({ device, step }) =>
    step.kind === "failed" ? [`${device.id}: ${step.why}`] : [],
  );
  return `level ${level + 1}: ${parts.length === 0 ? "no device" : parts.join("; ")}`;
}

function provedBy({ fencing, devices }: FenceRun): FenceOutcome {
  const device = devices.map((each) => each.device.id).join(" and ");
  return { kind: "proved", device, sentence: `${fencing.node} is off: ${device} said so twice` };
}

function failedBy({ fencing, failures }: FenceRun): FenceOutcome {
  const why = failures.length === 0 ? "it has no device" : failures.join(". ");
  return { kind: "failed", sentence: `${fencing.node} could not be fenced. ${why}`, levels: failures };
}

// --- devices -------------------------------------------------------------------------------------

/** The device at `at` must be waiting for this answer. */
function foldDevice(run: FenceRun, at: number, said: FenceSaid, now: Instant): Step {
  const device = run.devices[at];
  if (device?.step.kind !== "calling") return [run, []];
  if (device.step.verb === "status")
    return goOn(run, at, afterStatus(device, device.step.seen, said, now), now);
  const { off, next } = afterOff(device, said);
  return goOn(replace(run, at, { ...device, off }), at, next, now);
}

function goOn(run: FenceRun, at: number, next: NextStep, now: Instant): Step {
  const device = run.devices[at];
  if (device === undefined) return [run, []];
  if (next.kind !== "status") return [replace(run, at, { ...device, step: next }), []];
  // The level is lost already: nothing more is asked in it.
  const isLost = run.devices.some(({ step }, index) => index !== at && step.kind === "failed");
  if (isLost) return [replace(run, at, { ...device, step: { kind: "pausing", until: FOREVER } }), []];
  const callId = run.nextCallId;
  const calling = startCall(device, { callId, verb: "status", seen: next.seen }, now);
  return [
    { ...replace(run, at, calling), nextCallId: callId + 1 },
    [wish(run, callId, device.device, "status")],
  ];
}

function replace(run: FenceRun, at: number, device: DeviceRun): FenceRun {
  return { ...run, devices: run.devices.with(at, device) };
}

// --- on again ------------------------------------------------------------------------------------

function canSwitchOn(device: FenceDevice): boolean {
  return device.kind === "agent" || (device.kind === "command" && device.on !== null);
}

function foldPowerOn(run: FenceRun, powerOn: PowerOn, callId: number, said: FenceSaid): FenceRun {
  const call = powerOn.waiting.find((each) => each.callId === callId);
  if (call === undefined) return run;
  const problem = said.kind === "done" ? [] : [`${call.device.id} could not switch on: ${describe(said)}`];
  const waiting = powerOn.waiting.filter((each) => each !== call);
  return { ...run, powerOn: { waiting, problems: [...powerOn.problems, ...problem] } };
}

// --- turns ---------------------------------------------------------------------------------------

function wish(run: FenceRun, callId: number, device: FenceDevice, verb: FenceVerb): FenceWish {
  return { callId, node: run.fencing.node, device, verb };
}

function turnOf(run: FenceRun, calls: readonly FenceWish[]): FenceTurn {
  return { run, calls, wakeAt: wakeAtOf(run), outcome: run.outcome };
}

function wakeAtOf(run: FenceRun): Instant {
  if (run.powerOn !== null) return run.powerOn.waiting.map(({ due }) => due).reduce(earlier, FOREVER);
  if (run.outcome !== null) return FOREVER;
  return run.devices
    .map(({ step }) => {
      if (step.kind === "calling") return step.due;
      return step.kind === "pausing" ? step.until : FOREVER;
    })
    .reduce(earlier, FOREVER);
}
