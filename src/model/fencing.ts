// How a node is made certain to be dead: devices in levels, and the proof that comes out of it.

import type { Argv } from "./config.ts";
import type { NodeId } from "./ids.ts";
import type { Session } from "./session.ts";
import { type Ms, ms } from "./units.ts";

/** Everything the configuration says about fencing. */
export interface FencingConfig {
  /** Sorted by node; a node that is not named cannot be fenced. */
  readonly nodes: readonly NodeFencing[];
  /** Between two voters: how long the one that is not the holder waits before it fences, for the holder is first. */
  readonly delay: Ms;
  /** This many nodes may be fenced within an hour; past it an operator is waited for. At least 1. */
  readonly perHour: number;
  /** How often each device is asked for its status, so that a dead one is known before it is needed. */
  readonly testEvery: Ms;
}

/** Nobody can be fenced. */
export const NO_FENCING: FencingConfig = { nodes: [], delay: ms(0), perHour: 1, testEvery: ms(300_000) };

export interface NodeFencing {
  readonly node: NodeId;
  /** Tried in this order until one succeeds; at least one. */
  readonly levels: readonly FenceLevel[];
}

/** All of them together: each must be proved off (two power supplies, say). At least one. */
export type FenceLevel = readonly FenceDevice[];

export type FenceDevice = AgentDevice | CommandDevice | SshDevice | OperatorDevice;

interface DeviceBasics {
  /** For people, unique for the node: the short form or agent with its address, `ipmi 10.9.8.1`. */
  readonly id: string;
  /** Each single call (off, status, on) is unknown after this. */
  readonly timeout: Ms;
}

/** One of the fence agents of the Linux-HA world; the short forms `ipmi` and `redfish` become one too. */
export interface AgentDevice extends DeviceBasics {
  readonly kind: "agent";
  /** Name of the program: `fence_ipmilan`. */
  readonly agent: string;
  /** Handed over on standard input, one `name=value` a line, sorted by name; never `action`. */
  readonly options: readonly (readonly [string, string])[];
  /** Its first line becomes the option `password`; read at each call. Null: none. */
  readonly passwordFile: string | null;
}

/** Commands of the operator's. `status` prints or means: exit 0 on, 2 off, anything else unknown, as fence agents do. */
export interface CommandDevice extends DeviceBasics {
  readonly kind: "command";
  readonly off: Argv;
  readonly status: Argv;
  /** Null: the node stays off. */
  readonly on: Argv | null;
}

/** Asks the node itself to stop, over ssh. Polite: it never proves anything. */
export interface SshDevice extends DeviceBasics {
  readonly kind: "ssh";
  /** `user@host` or `host`. */
  readonly target: string;
  readonly keyFile: string | null;
}

/** Waits for `understudy confirm-dead NODE`. */
export interface OperatorDevice extends DeviceBasics {
  readonly kind: "operator";
}

/** Can its success be a proof by itself? */
export const canProve = (device: FenceDevice): boolean =>
  device.kind === "agent" || device.kind === "command";

/** Can a level prove by itself that the node is dead, without waiting for a person? */
export const provesAlone = (level: FenceLevel): boolean => level.every(canProve);

/**
 * Proof that whatever a node held in its sessions up to this one is over. It is a fact: once true it stays true, so
 * it may be kept, told and stored without end. What it says nothing about: later sessions.
 */
export interface DeathProof {
  readonly node: NodeId;
  readonly boot: number;
  /** Up to this lapse of that boot; null: the whole life is over. */
  readonly lapses: number | null;
  readonly kind: "fenced" | "watchdog" | "confirmed-dead";
  /** A sentence for people: which device, or who said so. */
  readonly sentence: string;
}

/** The boot of a proof that stands for "whatever it was before", about a node that was not heard in this life. */
export const UNHEARD = 0;

/** Does the proof cover this whole life, whatever it does yet? */
export const coversBoot = (proof: DeathProof | undefined, boot: number): boolean =>
  proof !== undefined && (boot < proof.boot || (boot === proof.boot && proof.lapses === null));

/** Does the proof cover what was held in this session? */
export const coversSession = (proof: DeathProof | undefined, { boot, lapses }: Session): boolean =>
  coversBoot(proof, boot) ||
  (proof !== undefined && boot === proof.boot && proof.lapses !== null && lapses <= proof.lapses);
