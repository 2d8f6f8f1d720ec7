// Which faults come how often: everything by default, or aimed at one weakness.

import type { FaultKind } from "./faults.ts";

export interface Profile {
  /** Relative frequency of each kind; what is absent never comes. */
  readonly weights: Readonly<Partial<Record<FaultKind, number>>>;
  /** Mean time between two faults, ms: one of these, by the seed. */
  readonly every: readonly number[];
  /** Mean time between two wishes of operators, ms; null: none. */
  readonly wishes: number | null;
  /** Mean time between two commands about nodes that are dead or shall be, ms; absent: as usual. */
  readonly deeds?: number;
  /** How long faults last, ms, from and to; one of these each time. Absent: a blink, a lease, or some seconds. */
  readonly lengths?: readonly (readonly [number, number])[];
  /** Share of the kinds that a seed leaves out, so that the others are not drowned. */
  readonly leavesOut: number;
}

const ALL: Profile["weights"] = {
  power: 3,
  kill: 3,
  restart: 3,
  "crash-loop": 0.5,
  blackout: 0.3,
  stop: 1,
  "freeze-host": 3,
  "freeze-daemon": 4,
  sleep: 1.5,
  "stuck-worker": 2,
  "slow-halves": 2,
  "late-timers": 2,
  "cut-host": 4,
  "cut-pair": 4,
  "cut-one-way": 5,
  "cut-link": 2,
  split: 4,
  ailing: 0.3,
  loss: 5,
  delay: 5,
  twice: 2,
  slew: 3,
  "wall-step": 1,
  "disk-failing": 1,
  "disk-full": 1,
  "disk-slow": 2,
  "programs-slow": 1,
  "programs-failing": 1,
  "programs-hanging": 1,
  "programs-stuck": 0.7,
  "program-dies": 1,
  "checks-fail": 1,
  "reach-lost": 1,
  "address-deleted": 1,
  "fence-slow": 1,
  "fence-lying": 1,
  "fence-hanging": 1,
  "fence-failing": 1,
};

const EVERY = [350, 700, 1_500];

export const PROFILES = {
  all: { weights: ALL, every: EVERY, wishes: 4_000, leavesOut: 0.35 },
  /** Nothing goes wrong, and so nothing may happen. */
  calm: { weights: {}, every: EVERY, wishes: null, leavesOut: 0 },
  /** Daemons die and come back. */
  restarts: {
    weights: {
      kill: 2,
      restart: 6,
      power: 1,
      blackout: 1,
      "cut-pair": 3,
      "cut-one-way": 3,
      split: 2,
      delay: 2,
      loss: 1,
    },
    every: [250, 500],
    wishes: null,
    leavesOut: 0.15,
  },
  /** Some hear and are not heard. */
  "one-way": {
    weights: { "cut-one-way": 10, "cut-pair": 4, loss: 4, delay: 3, "freeze-daemon": 2, restart: 1, slew: 2 },
    every: [300, 600],
    wishes: null,
    leavesOut: 0.15,
  },
  /** Late, doubled and overtaken mail. */
  late: {
    weights: {
      delay: 10,
      twice: 6,
      "cut-one-way": 4,
      "cut-pair": 3,
      "freeze-daemon": 2,
      restart: 1,
      slew: 2,
    },
    every: [300, 600],
    wishes: 3_000,
    leavesOut: 0.15,
  },
  /** Daemons say goodbye and come back while their old mail is still under way. */
  goodbyes: {
    weights: { stop: 8, delay: 8, twice: 8, "cut-one-way": 2, restart: 2 },
    every: [200, 400],
    wishes: null,
    leavesOut: 0,
  },
  /** Voters restart while one of two rivals hears them badly. */
  forgetful: {
    weights: { restart: 8, "cut-pair": 6, loss: 8, "cut-one-way": 4, delay: 2 },
    every: [150, 300],
    wishes: null,
    leavesOut: 0,
  },
  /** Clocks at the edges of the bound, and silence at the wrong moment. */
  clocks: {
    weights: {
      slew: 4,
      "cut-pair": 5,
      "cut-host": 4,
      "cut-one-way": 4,
      split: 4,
      kill: 2,
      "freeze-daemon": 1,
    },
    every: [500, 900],
    wishes: null,
    leavesOut: 0.1,
  },
  /** Hosts sleep, some while they are cut off. */
  sleeps: {
    weights: { sleep: 6, "cut-pair": 2, "cut-one-way": 2, loss: 2, delay: 2, kill: 1, "freeze-daemon": 1 },
    every: [500, 1_000, 2_000],
    wishes: 4_000,
    leavesOut: 0.15,
  },
  /** Services that hold what no kernel takes back. */
  exclusive: {
    weights: {
      "cut-host": 4,
      split: 4,
      "freeze-host": 2,
      kill: 3,
      "programs-slow": 2,
      "programs-hanging": 2,
      "cut-one-way": 2,
    },
    every: [500, 1_000],
    wishes: 3_000,
    leavesOut: 0.1,
  },
  /** Two voters lose each other, die by turns and leave. */
  pair: {
    weights: {
      "cut-pair": 6,
      power: 4,
      restart: 3,
      kill: 1,
      stop: 3,
      "freeze-host": 1,
      "disk-slow": 2,
      "fence-failing": 2,
      "fence-hanging": 1,
      sleep: 0.5,
    },
    every: [700, 1_500],
    wishes: 4_000,
    deeds: 700,
    leavesOut: 0.1,
  },
  /** Nodes are cut off for long, and cannot stop what they have; daemons die again and again meanwhile. */
  stuck: {
    weights: {
      "cut-host": 5,
      "programs-stuck": 5,
      "programs-hanging": 1,
      "crash-loop": 1,
      ailing: 3,
      "fence-failing": 2,
      "fence-hanging": 1,
    },
    every: [1_500, 3_000],
    lengths: [[6_000, 20_000]],
    wishes: null,
    deeds: 20_000,
    leavesOut: 0,
  },
  /** Hosts die or are cut off, and whoever is left wants to be certain. */
  proofs: {
    weights: {
      "cut-host": 5,
      split: 5,
      power: 3,
      kill: 2,
      restart: 2,
      "freeze-host": 3,
      blackout: 1,
      "cut-one-way": 3,
      "programs-hanging": 2,
      "programs-slow": 2,
      "fence-slow": 2,
      "fence-lying": 3,
      "fence-hanging": 4,
      "fence-failing": 3,
    },
    every: [700, 1_500],
    wishes: 3_000,
    leavesOut: 0.2,
  },
  /** The list of voters changes while some hear nothing of it. */
  rosters: {
    weights: {
      split: 8,
      "cut-host": 6,
      "cut-pair": 4,
      "cut-one-way": 3,
      restart: 3,
      kill: 3,
      delay: 2,
      loss: 2,
      "disk-slow": 1,
    },
    every: [500, 1_000],
    wishes: 4_000,
    leavesOut: 0.1,
  },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;
