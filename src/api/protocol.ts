// What is spoken over the local socket: HTTP with JSON. `status --json` prints the same shapes, so they are
// a public promise: fields are added, never renamed. Names carry their units, and each fact its age.

import type { Deed, DeedAnswer } from "#model/deeds.ts";
import type { DeathProof } from "#model/fencing.ts";
import type { WatchdogNews } from "#model/halves.ts";
import type { Intent, IntentsVersion } from "#model/intents.ts";
import type { JournalEntry } from "#model/journal.ts";
import type { IntentAnswer, MemberStanding, Proving } from "#model/order.ts";
import type { Reason } from "#model/reason.ts";
import type { HealthVerdict, Standing } from "#model/role.ts";
import type { JournalQuery } from "#ports/journal.ts";

/** File name of the socket in the run directory. */
export const SOCKET_NAME = "understudy.sock";

export const ROUTES = {
  /** GET: a StatusDocument. */
  status: "/v1/status",
  /** GET ?since_number=N&since_ms=N&limit=N: a JournalAnswer. */
  journal: "/v1/journal",
  /** GET ?since_number=N: one JournalEntry per line, those already there first, until the client goes. */
  follow: "/v1/journal/follow",
  /** POST an Intent: Accepted, or an error of code `refused` or `unknown`. */
  intents: "/v1/intents",
  /**
   * POST a Deed, what this daemon is asked to do by itself: {"text": ...} when it is done, which may take minutes, or
   * an error of code `refused`, `failed` or `unknown`. `who` is the client's word.
   */
  deeds: "/v1/deeds",
  /** POST: {"text": ...}, or an error of code `refused` whose message lists the problems. */
  reload: "/v1/reload",
} as const;

/** What every route answers when it cannot do what was asked. */
export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

export type ErrorCode =
  /** 400: not JSON, not an intent, a query that makes no sense. */
  | "bad-request"
  /** 404, 405: no such route, or not with this method. */
  | "no-such-route"
  /** 413: the body is longer than BODY_LIMIT. */
  | "too-large"
  /** 429: too many requests of this kind at once. */
  | "busy"
  /** 409: understood, and not done. */
  | "refused"
  /** 502: tried, and it did not come to pass. */
  | "failed"
  /** 504: no answer in time; it may or may not have been done. */
  | "unknown"
  /** 500: a bug. */
  | "internal";

export interface JournalAnswer {
  /** Oldest first. */
  readonly entries: readonly JournalEntry[];
  /** Number of the newest entry there is, shown or not; 0: none. Following goes on from there. */
  readonly newest: number;
}

/** The answer to an intent that a quorum of voters has on disk. */
export interface Accepted {
  readonly version: IntentsVersion;
  readonly text: string;
}

/** Everything this node knows of itself and of the cluster, at one moment. */
export interface StatusDocument {
  readonly format: 1;
  readonly cluster: string;
  readonly node: string;
  readonly kind: "node" | "witness";
  readonly version: string;
  /** Process id of the daemon. */
  readonly pid: number;
  /** When this was written, in milliseconds since 1970. */
  readonly at_ms: number;
  /** How long the daemon has been up. */
  readonly up_ms: number;
  readonly timing: TimingStatus;
  /** What the keeper says; null: it has not said anything yet. */
  readonly lease: LeaseStatus | null;
  /** The leader's picture; null: none has come yet. What follows from it is marked below. */
  readonly picture: PictureStatus | null;
  /** All configured members, sorted by name. */
  readonly members: readonly MemberStatus[];
  /** All configured services, sorted by name. */
  readonly services: readonly ServiceStatus[];
  /** What operators asked for, from the picture; null: no picture. */
  readonly intents: IntentsStatus | null;
  /** Null: the keeper has not said anything yet. */
  readonly voters: VotersStatus | null;
  /** Of exactly two voters, on one of them; null otherwise. */
  readonly pair: PairStatus | null;
  /** This node's own watchdog. */
  readonly watchdog: WatchdogStatus;
  /** As this node knows it: each node asks the devices of the others. */
  readonly fencing: FencingStatus;
  /** Nodes whose death has to be proved before a service may start elsewhere: what is done, or has to be. */
  readonly proving: readonly Proving[];
  /** What is known for certain about lives of nodes that are over. */
  readonly proofs: readonly ProofStatus[];
  readonly config: ConfigStatus;
  readonly realtime: RealtimeStatus;
  /** How often things happened since the start, by name: datagrams refused, journal entries lost ... */
  readonly counters: Readonly<Record<string, number>>;
  /** What an operator should look at, each a sentence. */
  readonly warnings: readonly string[];
}

export interface TimingStatus {
  readonly profile: string;
  readonly lease_ms: number;
  readonly pulse_ms: number;
  /** How much faster one clock may run than another's, a share of 1. */
  readonly drift: number;
}

export interface LeaseStatus {
  /** How old the keeper's news are. */
  readonly age_ms: number;
  readonly may_act: boolean;
  /** How much longer, if nothing more were heard; 0 when it may not. As old as `age_ms` says. */
  readonly may_act_for_ms: number;
  /** `boot.lapses`. */
  readonly session: string;
  /** The highest term seen. */
  readonly term: number;
  /** Whom the voters follow, as heard here; null: nobody. */
  readonly leader: string | null;
  /** This node leads. */
  readonly leads: boolean;
  /** It let go of everything and said goodbye. */
  readonly left: boolean;
}

export interface PictureStatus {
  readonly age_ms: number;
  readonly leader: string;
  readonly term: number;
  /** collecting: a new leader still hears or excludes the nodes, and moves nothing yet. */
  readonly phase: "collecting" | "leading";
}

export interface MemberStatus {
  readonly name: string;
  readonly kind: "node" | "witness";
  /** By the list in effect here. */
  readonly voter: boolean;
  readonly site: string | null;
  /** As this node hears it; null: the keeper has not said. Of itself: alive. */
  readonly heard: MemberStanding | null;
  readonly links: readonly LinkStatus[];
  /** As the leader hears it, from the picture; null: no picture, or not in it. */
  readonly standing: MemberStanding | null;
  /** Does a `reach` target answer it? From the picture. */
  readonly reach: "ok" | "none" | "unknown" | null;
  /** It is stopping, from the picture. */
  readonly leaving: boolean;
  /** Its configuration is another one than this node's. */
  readonly config_differs: boolean;
  /** Its list of voters is another one: it forms no quorum with this node. */
  readonly voters_differ: boolean;
  readonly drained: boolean;
  readonly maintenance: boolean;
}

export interface LinkStatus {
  readonly address: string;
  readonly up: boolean;
  /** For how long it has been so; null: ever since. */
  readonly for_ms: number | null;
}

export interface ServiceStatus {
  readonly name: string;
  /** The nodes that may run it, the preferred one first. */
  readonly place: readonly string[];
  /** Where it is active, as reported to the leader; null: nowhere known. From the picture. */
  readonly active: string | null;
  /** Where it should be; null: nowhere. From the picture. */
  readonly wanted: string | null;
  /** On the active node. From the picture. */
  readonly health: HealthVerdict;
  /** Why it should be there and nowhere else; the first is the decision. From the picture. */
  readonly reasons: readonly Reason[];
  /** What the next step waits for; null: nothing. From the picture. */
  readonly waiting: Reason | null;
  /** The other nodes that could take it over now, the preferred one first. From the picture. */
  readonly ready: readonly string[];
  /** It is observed, not touched: by its own, its node's or the cluster's maintenance. */
  readonly maintenance: boolean;
  /** Where an operator moved it to; null: no operator did. */
  readonly switchover_to: string | null;
  /** With its node now, as far as this node knows; while it is active nowhere, of any node of its place. */
  readonly protection: ProtectionStatus;
  /** What this very node says of it, now; null: it is not placed here. */
  readonly here: ServiceHere | null;
}

/** What happens, and within which time, if its node dies, hangs or is cut off. */
export interface ProtectionStatus {
  /** As in the engine's Protection. */
  readonly state: "safe" | "eager" | "blocked" | "none";
  readonly text: string;
  /** Until another node may start it, about; null: not by itself. */
  readonly seconds: number | null;
}

/** Who votes: the list that this member counts by, and the one that its file names. */
export interface VotersStatus {
  /** Sorted. */
  readonly in_effect: readonly string[];
  /** Sorted. */
  readonly configured: readonly string[];
  /** Which list is in effect, as `term.number`; the later one is the greater. `0.0`: the first one. */
  readonly list: string;
  /** No change is under way, as far as this member knows. */
  readonly settled: boolean;
  /** Why those of the file do not come into effect by themselves, without a full stop; null: they do, or they are. */
  readonly problem: string | null;
}

export interface PairStatus {
  readonly peer: string;
  /** Who holds the tenure: the lease that silence does not end; null: nobody, or it cannot be told from here. */
  readonly tenure: string | null;
  /** This node leads for services that prefer two actives to none; nothing is proved about the peer. */
  readonly leads_eagerly: boolean;
  /** The peer was heard since this host booted; only then may this node fence it. */
  readonly knows_peer: boolean;
  /** For how long the peer has not been heard; null: it is heard. */
  readonly silent_for_ms: number | null;
}

export interface WatchdogStatus {
  /** As configured. */
  readonly mode: "required" | "best-effort" | "none";
  readonly stage: WatchdogNews["stage"];
  /** As the device says; null: not armed. */
  readonly timeout_ms: number | null;
  readonly problem: string | null;
}

export interface FencingStatus {
  /** Every configured device, by node and level. */
  readonly devices: readonly DeviceStatus[];
  /** The node that this one is fencing; null: none. */
  readonly running: FenceProgress | null;
  /** Nodes that no level could prove dead; tried again after a while. */
  readonly failed: readonly { readonly node: string; readonly tries: number; readonly why: string }[];
  /** Nodes that this one fenced within the last hour, and how many it may before it waits for an operator. */
  readonly last_hour: number;
  readonly per_hour: number;
}

export interface DeviceStatus {
  readonly node: string;
  /** As in `ipmi 10.9.8.1`. */
  readonly device: string;
  /** From 1. */
  readonly level: number;
  /** A success of it proves something; otherwise it is never asked. */
  readonly proves: boolean;
  /** When this node asked it last; null: not in this life of the daemon. */
  readonly asked_ago_ms: number | null;
  /** When it last answered; null: not in this life. */
  readonly answered_ago_ms: number | null;
  /** What became of the last question; null: it answered, or was not asked. */
  readonly problem: string | null;
}

export interface FenceProgress {
  readonly node: string;
  /** From 1; of how many. */
  readonly level: number;
  readonly levels: number;
  /** A sentence without a full stop: what each device of the level is doing. */
  readonly text: string;
}

export interface ProofStatus {
  readonly node: string;
  readonly kind: DeathProof["kind"];
  readonly text: string;
  /** The last session that it covers, as `boot.lapses`; `boot` alone: the whole life. */
  readonly until: string;
}

export interface ServiceHere {
  readonly standing: Standing;
  readonly health: HealthVerdict;
  /** Failures that have not aged out. */
  readonly failures: number;
  readonly detail: string | null;
}

export interface IntentsStatus {
  readonly version: IntentsVersion;
  readonly maintenance_all: boolean;
  readonly maintenance_nodes: readonly string[];
  readonly maintenance_services: readonly string[];
  readonly drained: readonly string[];
  readonly switchovers: readonly { readonly service: string; readonly to: string }[];
}

export interface ConfigStatus {
  readonly file: string;
  /** 16 hex digits; equal on two members exactly if their files mean the same. */
  readonly hash: string;
  /** How long ago it was read. */
  readonly age_ms: number;
}

export interface RealtimeStatus {
  /** Whether the keeper runs with real-time priority. */
  readonly granted: boolean;
  /** Why not, and what follows; null: granted. */
  readonly detail: string | null;
}

/** What the daemon gives the server. Calls return at once. */
export interface ApiHost {
  status(): StatusDocument;
  /** Answers once; late or never is the server's business to bound. */
  ask(intent: Intent, answer: (answer: IntentAnswer) => void): void;
  /** Likewise; a fencing may take minutes. */
  do(deed: Deed, answer: (answer: DeedAnswer) => void): void;
  journal(query: JournalQuery): readonly JournalEntry[];
  /** Each entry from now on; ends with the returned function. */
  follow(listener: (entry: JournalEntry) => void): () => void;
  /** Reads the configuration file again. Refused: the running one stays. */
  reload(answer: (answer: ReloadAnswer) => void): void;
}

export type ReloadAnswer =
  | { readonly kind: "done"; readonly text: string }
  /** `problems` as the configuration check prints them. */
  | { readonly kind: "refused"; readonly problems: string };
