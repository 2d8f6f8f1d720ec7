// The configuration as every part of the program sees it: checked, complete (defaults filled in) and
// normalised, so that two files that mean the same give the same value and the same hash.

import type { FloatingAddress } from "./address.ts";
import type { FencingConfig } from "./fencing.ts";
import type { NodeId, ServiceName } from "./ids.ts";
import { type Ms, ms, type Ratio } from "./units.ts";

/** What `config/parse.ts` makes of a file. Members and services are sorted by name, not in file order. */
export interface Config {
  readonly version: 1;
  /** The cluster's name: daemons of different clusters never talk to each other. */
  readonly cluster: string;
  /** Path of the cluster key on every member. */
  readonly keyFile: string;
  /** UDP port of the pulses; messages between workers use the next one. 1 to 65534. */
  readonly port: number;
  readonly timing: Timing;
  /** Nodes and witnesses, sorted by id. */
  readonly members: readonly MemberConfig[];
  /** Sorted; at least two, and then both are nodes. Each is the id of a member. */
  readonly voters: readonly NodeId[];
  /** IP addresses of which a node must reach one while another node does, or give everything up. May be empty. */
  readonly reach: readonly string[];
  readonly fencing: FencingConfig;
  readonly watchdog: WatchdogConfig;
  /** Sorted by name. */
  readonly services: readonly ServiceConfig[];
  /** 16 hex digits over everything above: equal on two members exactly if their files mean the same. */
  readonly hash: string;
  /** 16 hex digits over `voters`: members whose lists differ form no quorum together. */
  readonly votersHash: string;
}

/** required: no exclusive resource starts without it. best-effort: used where there is one. none: never opened. */
export interface WatchdogConfig {
  readonly mode: "required" | "best-effort" | "none";
  /** Path of the device. */
  readonly device: string;
  /** The node is reset when it was not fed for this long; whole seconds. */
  readonly timeout: Ms;
}

export const NO_WATCHDOG: WatchdogConfig = { mode: "none", device: "/dev/watchdog", timeout: ms(10_000) };

export type TimingProfile = "default" | "fast" | "wan";

/** Always a set that can hold: at least three pulses fit into `lease` shortened by `drift`. */
export interface Timing {
  /** The profile that gave the values which were not written out. */
  readonly profile: TimingProfile;
  readonly lease: Ms;
  /** Interval between two pulses to the same member. */
  readonly pulse: Ms;
  /** How much faster one host's clock may run than another's; 0 <= drift < 0.5. */
  readonly drift: Ratio;
  /** The keeper stops renewing when it has not heard its worker for this long. */
  readonly workerSilence: Ms;
}

export interface MemberConfig {
  readonly id: NodeId;
  /** A witness votes (when it is among the voters) and never runs a service. */
  readonly kind: "node" | "witness";
  /** IP addresses in canonical form, at least one; pulses go over each of them. No two members share one. */
  readonly links: readonly string[];
  /** A label for people; no decision depends on it yet. */
  readonly site: string | null;
}

export interface ServiceConfig {
  readonly name: ServiceName;
  /** The nodes that may run it, the preferred one first; at least one. */
  readonly place: readonly NodeId[];
  readonly failback: Failback;
  /** Started in this order, stopped in the opposite one; at least one. Ids are unique in the service. */
  readonly resources: readonly ResourceConfig[];
  /** Ids are unique in the service. */
  readonly checks: readonly CheckConfig[];
  /** A failed check restarts the service in place this often within the window; after that it moves. */
  readonly restarts: RestartLimit;
  /** How long a failure of the service on a node counts against that node. */
  readonly failureAge: Ms;
  /** Between exactly two voters. proof: starts elsewhere only when the old node is proved dead. eager: two actives are preferred to none. */
  readonly split: "proof" | "eager";
}

/** What happens when a preferred node is healthy again. */
export type Failback =
  /** The service stays until an operator switches it over. */
  | { readonly kind: "manual" }
  /** It returns as soon as the preferred node may have it. */
  | { readonly kind: "auto" }
  /** It returns once the preferred node has been fit for `delay` without a break. */
  | { readonly kind: "after"; readonly delay: Ms };

export interface RestartLimit {
  /** 0: never restart. */
  readonly limit: number;
  readonly within: Ms;
}

export type ResourceConfig = AddressResource | PortsResource | CommandResource | ProcessResource;

/** What the kernel revokes by itself when the lease ends. */
export type GrantResource = AddressResource | PortsResource;

/** Every kind of resource says which it is: revoked by the kernel, or exclusive (unless two copies do no harm). */
export function isGrant(resource: ResourceConfig): resource is GrantResource {
  return resource.kind === "address" || resource.kind === "ports";
}

/** Must another node have a proof before it may start the like of it? */
export function isExclusive(resource: ResourceConfig): boolean {
  return !isGrant(resource) && resource.exclusive;
}

/** Ports of the node's own addresses that are open only under the lease (`guard:`); the last resource of a service. */
export interface PortsResource {
  readonly id: string;
  readonly kind: "ports";
  readonly ports: readonly GuardedPort[];
}

export interface GuardedPort {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/** A floating address: live on at most one node, by kernel grant. */
export interface AddressResource {
  readonly id: string;
  readonly kind: "address";
  readonly address: FloatingAddress;
}

/** A program and its arguments, run without a shell; at least one element, the first not empty. */
export type Argv = readonly string[];

/** Something that is started and stopped by commands of the operator's. */
export interface CommandResource {
  readonly id: string;
  readonly kind: "command";
  readonly start: Argv;
  readonly stop: Argv;
  /** Exit 0: it runs; 7, as in OCF: it does not; anything else: failed. Null: believe start and stop. */
  readonly probe: Argv | null;
  /** Both or neither of `promote` and `demote`. With them the resource runs as standby elsewhere. */
  readonly promote: Argv | null;
  readonly demote: Argv | null;
  readonly timeouts: {
    readonly start: Ms;
    readonly stop: Ms;
    readonly probe: Ms;
    readonly promote: Ms;
    readonly demote: Ms;
  };
  /** False: two copies do no harm, so a lapse is proof enough for a takeover. */
  readonly exclusive: boolean;
}

/** A process in the foreground that the daemon itself starts and supervises. */
export interface ProcessResource {
  readonly id: string;
  readonly kind: "process";
  readonly run: Argv;
  /** Name of the account it runs under; null: the daemon's own. */
  readonly user: string | null;
  /** Its working directory, an absolute path; null: the root. */
  readonly directory: string | null;
  /** Added to the daemon's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** When it ends by itself it is started again this often within the window; after that it has failed. */
  readonly restarts: RestartLimit;
  /** Between SIGTERM and SIGKILL to its whole group. */
  readonly stopTimeout: Ms;
  /** As with commands. */
  readonly exclusive: boolean;
}

export type CheckConfig = HttpCheck | TcpCheck | CommandCheck;

/** What all kinds of check have in common. */
export interface CheckTiming {
  readonly id: string;
  /** From the start of one probe to the start of the next. */
  readonly every: Ms;
  /** Never longer than `every`. */
  readonly timeout: Ms;
  /** This many good results in a row: healthy. At least 1. */
  readonly rise: number;
  /** This many bad results in a row: failed. At least 1. */
  readonly fall: number;
  /** Bad results this soon after a start do not count. */
  readonly grace: Ms;
}

export interface HttpCheck extends CheckTiming {
  readonly kind: "http";
  /** Scheme http or https. */
  readonly url: string;
  /** Answers whose status is in one of these ranges are good; both ends included. */
  readonly status: readonly StatusRange[];
  /** The body must contain this text; null: any body. */
  readonly contains: string | null;
  /** Accept any certificate. */
  readonly insecure: boolean;
}

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

export interface TcpCheck extends CheckTiming {
  readonly kind: "tcp";
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Nagios plugin conventions: exit 0 and 1 are good (1 with a warning), 2, 3 and all others are not. */
export interface CommandCheck extends CheckTiming {
  readonly kind: "command";
  readonly run: Argv;
}
