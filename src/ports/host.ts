// What `understudy doctor` finds out about a host: plain facts, judged elsewhere (src/doctor).

import type { NodeId } from "#model/ids.ts";
import type { FenceAnswer } from "./fence.ts";

/** What came of trying something out. */
export type Tried =
  | { readonly kind: "works" }
  | { readonly kind: "fails"; readonly detail: string }
  /** Not tried, and why. */
  | { readonly kind: "untried"; readonly why: string };

/** What the kernel must be able to do; each was tried in a network namespace of its own. */
export interface KernelFacts {
  /** The library for system calls loads. Without it nothing else could be tried. */
  readonly koffi: Tried;
  /** nf_tables with inet and arp tables: the guard was put up, opened, closed and taken away. */
  readonly guard: Tried;
  /** An entry of a timed set ends by itself. */
  readonly timedSets: Tried;
  /** The kernel removes an address at the end of its lifetime (`valid_lft`). */
  readonly lifetimes: Tried;
  /** Packet sockets with a filter: announcing addresses and hearing who claims them. */
  readonly packets: Tried;
  /** Notifications about addresses and devices come in. */
  readonly monitor: Tried;
  /** SCHED_RR for the calling thread. */
  readonly realtime: Tried;
}

/** What the calling process may do. */
export interface RightsFacts {
  readonly uid: number;
  /** Of CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_NICE those that it has not. */
  readonly missing: readonly string[];
  /** RLIMIT_RTPRIO; null: unlimited or not known. */
  readonly realtimeLimit: number | null;
  /** kernel.sched_rt_runtime_us: microseconds of each period that real-time threads may run; -1: all. Null: not known. */
  readonly realtimeBudget: number | null;
  /** cpu.rt_runtime_us of the own control group (version 1 with RT_GROUP_SCHED); null: there is no such limit. */
  readonly groupBudget: number | null;
}

export interface ClockFacts {
  /** Milliseconds; NaN: the clock cannot be read. */
  readonly monotonic: number;
  readonly boottime: number;
  /**
   * How much faster CLOCK_MONOTONIC runs at present than the bare hardware (CLOCK_MONOTONIC_RAW), in millionths:
   * what the clock daemon does to it. Null: could not be measured.
   */
  readonly rate: number | null;
  readonly daemons: readonly ClockDaemon[];
}

export interface ClockDaemon {
  readonly name: string;
  /** By how much it may make the clock faster or slower, in millionths; null: not known. */
  readonly slew: number | null;
  /** Where the figure is from: a file, or what the program does by default. */
  readonly source: string;
}

export interface Process {
  readonly pid: number;
  /** As in /proc/PID/comm, at most 15 characters. */
  readonly name: string;
  readonly argv: readonly string[];
}

export type WatchdogFacts =
  | { readonly kind: "absent" }
  /** Something is there that is no watchdog. */
  | { readonly kind: "stranger"; readonly what: string }
  | {
      readonly kind: "present";
      readonly identity: string | null;
      /** Seconds; null: the driver does not say. */
      readonly least: number | null;
      readonly most: number | null;
      /** Once opened it cannot be stopped. */
      readonly nowayout: boolean;
      /** This is a virtual machine, as its processor says. */
      readonly isVirtual: boolean;
      /** Who has it open. */
      readonly openers: readonly Process[];
    };

export interface FenceFacts {
  readonly node: NodeId;
  /** The device, for people. */
  readonly id: string;
  readonly kind: "agent" | "command" | "ssh" | "operator";
  /** What does not fit the agent, each a sentence. */
  readonly misfits: readonly string[];
  /** To a status call; null: none was made. */
  readonly answer: FenceAnswer | null;
}

export interface DirectoryFacts {
  readonly path: string;
  /** False: it will be made at the first start; the rest is about the folder above that is there. */
  readonly exists: boolean;
  /** Why a file could not be written, forced to disk and removed there; null: it could. */
  readonly problem: string | null;
  /** How long that took, in milliseconds. */
  readonly took: number;
  readonly freeBytes: number;
  /** Type of the file system, as in /proc/self/mountinfo. */
  readonly fileSystem: string;
}

export interface NetworkFacts {
  /** Addresses of this host, floating ones included. */
  readonly own: readonly string[];
  readonly floating: readonly FloatingFacts[];
}

export interface FloatingFacts {
  readonly ip: string;
  /** Where it belongs; null: nowhere, see `problem`. */
  readonly device: { readonly name: string; readonly up: boolean } | null;
  readonly problem: string | null;
  /** Hardware addresses that claimed it when the network was asked. */
  readonly claims: readonly ClaimFacts[];
  /** Every other member on that network was recognised by its hardware address: whoever else claims is a stranger. */
  readonly knowsAll: boolean;
}

export interface ClaimFacts {
  readonly mac: string;
  /** The member it belongs to; null: none that was recognised. */
  readonly member: NodeId | null;
}

/** How the way between this host and another member was tried. */
export type TrafficMethod =
  /** By what the running daemons say to each other, watched on the wire. */
  | "daemon"
  /** By datagrams of our own; the other side runs `understudy doctor --listen`. */
  | "probe";

/** One direction of the way to another member, on one port. */
export interface WayFacts {
  readonly peer: NodeId;
  readonly port: number;
  readonly direction: "in" | "out";
  /** Own and other address; null: over whichever link. */
  readonly link: { readonly own: string; readonly theirs: string } | null;
  readonly seen:
    | "passes"
    | "blocked"
    /** It arrives at this host's device and goes no further. */
    | "dropped-here"
    /** Nothing at all comes from the peer: its daemon does not run, or all that it sends is blocked. */
    | "silent"
    | "unknown";
  /** Of `unknown`: why. */
  readonly why: string | null;
}

export interface TrafficFacts {
  readonly method: TrafficMethod;
  readonly ways: readonly WayFacts[];
}

/** A rule of this host's own firewall that may drop what members say to each other. */
export interface FirewallRule {
  readonly hook: "input" | "output";
  /** Ports that it concerns; null: all. */
  readonly ports: readonly number[] | null;
  /** Where it stands and what it says, for people. */
  readonly text: string;
  /** A policy of the chain, or a rule without any condition on ports: it may be that another rule lets them pass. */
  readonly vague: boolean;
}

/** Other software on this host that moves addresses or services. */
export interface OtherFacts {
  readonly name: string;
  readonly pid: number;
  /** Floating addresses of ours that its configuration or command line names. */
  readonly shares: readonly string[];
  /** Its configuration was found and read. */
  readonly isRead: boolean;
}

export interface UnitFacts {
  /** systemd is what runs this host. */
  readonly booted: boolean;
  /** The unit's file; null: there is none. */
  readonly file: string | null;
  readonly enabled: boolean;
}
