// The reasons in order: one entry per transition. No entry means that nothing changed.

import type { Term } from "./units.ts";

/** What happened, in the engine's words. The daemon adds number, date and node. */
export interface JournalLine {
  /** Which machine of the engine speaks. */
  readonly area:
    | "lease"
    | "member"
    | "grant"
    | "service"
    | "plan"
    | "intent"
    | "health"
    | "fence"
    | "watchdog"
    | "daemon";
  /** A node, a service, an address. */
  readonly subject: string;
  /** `from -> to`, or what happened. */
  readonly what: string;
  /** The reason's code and sentence. */
  readonly code: string;
  readonly why: string;
  readonly term: Term;
}

/** As kept and shown. */
export interface JournalEntry extends JournalLine {
  readonly number: number;
  /** Milliseconds since 1970, for people; never compared with anything. */
  readonly at_ms: number;
  readonly node: string;
}
