// Who this daemon is in the cluster: what never changes during a life but by a new configuration.

import type { Config } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { Ms, Ratio } from "#model/units.ts";
import { ms } from "#model/units.ts";
import type { Clauses } from "./lease/clauses.ts";

export interface Identity {
  readonly self: NodeId;
  /** Grows with every start of this daemon; from the store. */
  readonly boot: number;
  readonly isVoter: boolean;
  readonly isWitness: boolean;
  readonly voters: readonly NodeId[];
  /** More than half of the voters. */
  readonly quorum: number;
  /** So many voters hold, between them, every document that a quorum ever stored. */
  readonly readQuorum: number;
  /** Exactly two voters: the leader holds a tenure (lease/pair.ts). */
  readonly isPair: boolean;
  /** Names the running kernel: another one after each reboot of the host. */
  readonly kernelBoot: string;
  readonly watchdog: "required" | "best-effort" | "none";
  /** This node's own; `SLOW_FACTOR` times the configured one where real-time priority was refused. */
  readonly lease: Ms;
  /** The longest lease that any member may use: what a voter said in its last life is over after it. */
  readonly longestLease: Ms;
  readonly pulse: Ms;
  readonly drift: Ratio;
  readonly workerSilence: Ms;
  readonly votersHash: string;
  readonly configHash: string;
  readonly clauses: Clauses;
}

/**
 * How much longer the lease is where the keeper may not run with real-time priority. Measured with both cores
 * saturated: pulses come up to 26 ms late with it, up to 240 ms without.
 */
export const SLOW_FACTOR = 2;

export interface IdentifyOptions {
  readonly config: Config;
  readonly self: NodeId;
  readonly boot: number;
  readonly isRealtime: boolean;
  readonly kernelBoot: string;
  readonly clauses: Clauses;
}

export function identify({ config, self, boot, isRealtime, kernelBoot, clauses }: IdentifyOptions): Identity {
  const { timing } = config;
  const longestLease = ms(timing.lease * SLOW_FACTOR);
  const quorum = Math.floor(config.voters.length / 2) + 1;
  return {
    self,
    boot,
    isVoter: config.voters.includes(self),
    isWitness: config.members.some((m) => m.id === self && m.kind === "witness"),
    voters: config.voters,
    quorum,
    readQuorum: config.voters.length - quorum + 1,
    isPair: config.voters.length === 2,
    kernelBoot,
    // A witness runs nothing that a reset could end.
    watchdog: config.members.some((m) => m.id === self && m.kind === "witness")
      ? "none"
      : config.watchdog.mode,
    lease: isRealtime ? timing.lease : longestLease,
    longestLease,
    pulse: timing.pulse,
    drift: timing.drift,
    workerSilence: timing.workerSilence,
    votersHash: config.votersHash,
    configHash: config.hash,
    clauses,
  };
}
