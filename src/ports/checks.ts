// Carries out checks: one probe at a time asked for, one result each. Rise and fall are the engine's.

import type { CheckConfig } from "#model/config.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Ms } from "#model/units.ts";

/** The outcomes of the Nagios plugin guidelines, and `timeout`: no answer by the deadline. */
export type CheckOutcome = "ok" | "warning" | "critical" | "unknown" | "timeout";

export interface CheckResult {
  /** `unknown`: the check itself could not be carried out; that says nothing about the service. */
  readonly outcome: CheckOutcome;
  /** One line for people, without control characters. */
  readonly text: string;
  /** Of command checks only; may be empty. */
  readonly perfdata: readonly Perfdata[];
  /** From the call to the answer, waiting included. */
  readonly took: Ms;
}

/** One figure of a plugin, see "Performance data" in the Nagios plugin development guidelines. */
export interface Perfdata {
  readonly name: string;
  /** Null: the plugin could not determine it (`U`). */
  readonly value: number | null;
  /** As written: s, ms, %, B, MB, c (a counter), or empty. */
  readonly unit: string;
  /** Threshold ranges as written, for example `80` or `@10:20`; null: not given. */
  readonly warn: string | null;
  readonly crit: string | null;
  readonly min: number | null;
  readonly max: number | null;
}

/** Commands find these in UNDERSTUDY_SERVICE, UNDERSTUDY_NODE and, with the check's id, UNDERSTUDY_CHECK. */
export interface CheckContext {
  readonly service: ServiceName;
  readonly node: NodeId;
}

export type ReachResult =
  | { readonly kind: "reached" }
  /** No reply, or no route. */
  | { readonly kind: "silent"; readonly why: string }
  /** Could not be tried; says nothing about the network. */
  | { readonly kind: "unknown"; readonly why: string };

/** Gives a probe up: its answer never comes. Late or twice: nothing happens. */
export type CancelCheck = () => void;

/**
 * Answers come exactly once, never before the call returns, at the deadline at the latest. At most
 * CHECKS_RUNNING probes run at once; others wait, and what does not get its turn by its deadline, or
 * finds CHECKS_WAITING waiting before it, is `unknown`. A probe changes nothing but what its command does.
 */
export interface CheckPort {
  /**
   * http: one GET on a new connection, redirects not followed; the deadline covers name, connection,
   * headers and body, of which at most BODY_READ bytes are read. tcp: a connection is accepted. command:
   * exit 0 ok, 1 warning, 2 critical, 3 unknown; 126 and 127 (could not be run) are unknown, all others
   * and signals critical. At the deadline its process group is ended.
   */
  run(
    check: CheckConfig,
    context: CheckContext,
    deadline: Ms,
    answer: (result: CheckResult) => void,
  ): CancelCheck;

  /** Does an IP address answer one echo request (ICMP or ICMPv6, see RFC 792 and 4443)? */
  reach(address: string, deadline: Ms, answer: (result: ReachResult) => void): CancelCheck;
}
