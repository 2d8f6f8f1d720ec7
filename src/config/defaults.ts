// What holds when the file does not say otherwise, and the limits of what it may say. Nowhere else.

import type {
  CheckTiming,
  CommandResource,
  RestartLimit,
  StatusRange,
  Timing,
  TimingProfile,
} from "#model/config.ts";
import { ms, ratio } from "#model/units.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const FENCE_DELAY = ms(3 * SECOND);
export const FENCES_PER_HOUR = 3;
export const FENCE_TEST_EVERY = ms(5 * MINUTE);
/** One call of a fence device. */
export const FENCE_TIMEOUT = ms(20 * SECOND);
export const FENCES_PER_HOUR_MAX = 1000;
/** BMCs are slow computers: asking more often than this wears them out. */
export const FENCE_TEST_EVERY_MIN = ms(10 * SECOND);
/** As long as users wait without giving up; what takes longer is said. */
export const FENCE_BUDGET = ms(MINUTE);
/** What one call usually takes at most: an ipmi `off` with its proof took 1.5 s. */
export const FENCE_CALL_USUAL = ms(2 * SECOND);
export const IPMI_PORT = 623;
export const HTTPS_PORT = 443;
export const SSH_PORT = 22;
/** 300 s is the most that common drivers take. */
export const WATCHDOG_LIMITS = { min: ms(SECOND), max: ms(300 * SECOND) } as const;
export const WATCHDOG_DEVICE = "/dev/watchdog";
export const WATCHDOG_TIMEOUT = ms(10 * SECOND);

export const KEY_FILE = "/etc/understudy/cluster.key";
export const PORT = 5407;
/** The id of a witness that is written as a plain address. */
export const WITNESS = "witness";

/** chrony slews a clock by up to 8.3 % either way; two clocks may so differ by 18 %. */
const DRIFT = ratio(0.2);
/** Time enough for a long garbage collection and a slow disk; a stuck worker is none of the keeper's haste. */
const WORKER_SILENCE = ms(10 * SECOND);

export const TIMING_PROFILES: Readonly<Record<TimingProfile, Timing>> = {
  default: {
    profile: "default",
    lease: ms(500),
    pulse: ms(100),
    drift: DRIFT,
    workerSilence: WORKER_SILENCE,
  },
  fast: { profile: "fast", lease: ms(150), pulse: ms(15), drift: DRIFT, workerSilence: WORKER_SILENCE },
  wan: { profile: "wan", lease: ms(5 * SECOND), pulse: ms(500), drift: DRIFT, workerSilence: WORKER_SILENCE },
};

export const TIMING_LIMITS = {
  /** Below this the scheduler of a busy host, not the network, decides who is heard. */
  leaseMin: ms(50),
  leaseMax: ms(MINUTE),
  pulseMin: ms(5),
  /** From here on less than half of a lease could be used. */
  driftMax: ratio(0.5),
  /** One pulse may be lost and the next late without anybody lapsing. */
  pulsesPerLease: 3,
} as const;

/** What one pulse states about all members must fit into one datagram. */
export const MEMBERS_MAX = 24;
/** One voter has nobody who could take over; between two, a proof is needed that the other is dead. */
export const VOTERS_MIN = 2;

export const CHECK: Omit<CheckTiming, "id"> = {
  every: ms(2 * SECOND),
  timeout: ms(SECOND),
  rise: 2,
  fall: 3,
  grace: ms(10 * SECOND),
};

/** A redirect is an answer: whoever wants more asks for it with `status`. */
export const HTTP_STATUS: readonly StatusRange[] = [{ from: 200, to: 399 }];

export const COMMAND_TIMEOUTS: CommandResource["timeouts"] = {
  start: ms(MINUTE),
  stop: ms(MINUTE),
  probe: ms(10 * SECOND),
  promote: ms(MINUTE),
  demote: ms(MINUTE),
};

export const PROCESS_RESTARTS: RestartLimit = { limit: 3, within: ms(MINUTE) };
export const PROCESS_STOP_TIMEOUT = ms(10 * SECOND);

/** One restart in place heals what a restart can heal; a second failure soon after is the node's. */
export const SERVICE_RESTARTS: RestartLimit = { limit: 1, within: ms(10 * MINUTE) };
export const FAILURE_AGE = ms(10 * MINUTE);
