// Who this daemon is in the cluster: what never changes during a life but by a new configuration.

import { hash64 } from "#lib/hash.ts";
import type { Config } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { Ms, Ratio } from "#model/units.ts";
import { ms } from "#model/units.ts";
import { CONFIGURED, type ListId, sameList, type VoterList } from "#model/voters.ts";
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
  /** The list of voters in effect, by which all of the above is counted. */
  readonly list: VoterList;
  /** What is stated by an older list counts no more. */
  readonly floor: ListId;
  /** Fingerprint of the list with which this node began: the configuration's at its very first start. */
  readonly configuredHash: string;
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
  const quorum = quorumOf(config.voters.length);
  return {
    self,
    boot,
    isVoter: config.voters.includes(self),
    isWitness: config.members.some((m) => m.id === self && m.kind === "witness"),
    voters: config.voters,
    quorum,
    readQuorum: readQuorumOf(config.voters.length),
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
    list: { id: CONFIGURED, voters: config.voters },
    floor: CONFIGURED,
    configuredHash: config.votersHash,
    configHash: config.hash,
    clauses,
  };
}

export const quorumOf = (voters: number): number => Math.floor(voters / 2) + 1;

/**
 * Of two voters each has all that both stored. Of more a quorum is asked, also where fewer would do: the list may
 * have changed by one since.
 */
const readQuorumOf = (voters: number): number => (voters === 2 ? 1 : quorumOf(voters));

/** The same node under another list of voters. */
export function withVoters(identity: Identity, list: VoterList, floor: ListId): Identity {
  const { voters } = list;
  const votersHash = hash64(JSON.stringify(voters));
  return {
    ...identity,
    isVoter: voters.includes(identity.self),
    voters,
    quorum: quorumOf(voters.length),
    readQuorum: readQuorumOf(voters.length),
    isPair: voters.length === 2,
    votersHash,
    configuredHash: sameList(list.id, CONFIGURED) ? votersHash : identity.configuredHash,
    list,
    floor,
  };
}
