// What is spoken over the local socket: HTTP with JSON. `status --json` prints the same shapes, so they are
// a public promise: fields are added, never renamed. Names carry their units, and each fact its age.

import type { Intent, IntentsVersion } from "#model/intents.ts";
import type { JournalEntry } from "#model/journal.ts";
import type { IntentAnswer, MemberStanding } from "#model/order.ts";
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
  /** What this very node says of it, now; null: it is not placed here. */
  readonly here: ServiceHere | null;
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
