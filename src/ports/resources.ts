// Starts, stops and probes what a service consists of, floating addresses excepted: those are grants.

import type { CommandResource, ProcessResource } from "#model/config.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { OpVerb } from "#model/role.ts";
import type { Ms, Term } from "#model/units.ts";

export type RunnableResource = CommandResource | ProcessResource;

export interface Op {
  readonly resource: RunnableResource;
  readonly verb: OpVerb;
  readonly context: OpContext;
}

/**
 * What an op may know of its surroundings. Programs find it in UNDERSTUDY_SERVICE, UNDERSTUDY_RESOURCE,
 * UNDERSTUDY_VERB, UNDERSTUDY_NODE, UNDERSTUDY_TERM and UNDERSTUDY_ADDRESSES (separated by blanks).
 */
export interface OpContext {
  readonly service: ServiceName;
  readonly node: NodeId;
  /** The fencing token: a store that remembers the highest can refuse an older active. */
  readonly term: Term;
  /** The service's floating addresses as `192.0.2.10/24`. */
  readonly addresses: readonly string[];
}

export type OpResult =
  /**
   * The verb did what it says; of a probe: the resource runs. `remark`: a sentence on what had to be done beyond the
   * usual (SIGKILL, say), for the journal.
   */
  | { readonly kind: "done"; readonly output: string; readonly remark?: string }
  /** Of a probe only: it certainly does not run. */
  | { readonly kind: "stopped"; readonly output: string }
  /** It said no, or could not be run. `code` null: no exit code, see `output`. It may run in part. */
  | { readonly kind: "failed"; readonly code: number | null; readonly output: string }
  /** No answer by the deadline: it may have happened, or still happen. Probe before planning again. */
  | { readonly kind: "unknown"; readonly waited: Ms; readonly output: string };

/** A supervised process ended by itself. */
export interface ProcessExit {
  readonly service: ServiceName;
  readonly resource: string;
  /** `failed`: not started again; nothing of it is left unless `why` says so. */
  readonly next: "restarting" | "failed";
  /** A sentence. */
  readonly why: string;
  /** The end of its output. */
  readonly output: string;
}

/** Ends an op as its deadline would, without an answer. Late or twice: nothing happens. */
export type CancelOp = () => void;

/**
 * All verbs are idempotent. Ops of one resource are carried out one after the other, and the next one
 * begins only when nothing of the one before is left that missed its deadline; waiting counts towards the
 * deadline. Ops of different resources do not wait for each other.
 */
export interface ResourcePort {
  /**
   * Carries out an op. `answer` comes exactly once, at the deadline at the latest, never before `run`
   * returns, and not after a cancel.
   *
   * A command: exit 0 is `done`; of a probe 3 (LSB) and 7 (OCF) are `stopped`; all else is `failed`. At the
   * deadline its process group gets SIGTERM, then SIGKILL. Without a probe the last successful start or
   * stop in this life of the daemon is the answer, and before that `unknown`: stop it before anything else.
   * `promote` and `demote` that are not configured are `done`.
   * What a start leaves in the background should write to a file or a log of its own: on our pipe it would
   * meet SIGPIPE once the daemon has ended.
   *
   * A process: `start` is done when it was started (whether it serves is a matter of checks), `stop` when
   * nothing of its group is left.
   */
  run(op: Op, deadline: Ms, answer: (result: OpResult) => void): CancelOp;

  /** One listener; it hears of each exit that was not asked for. */
  onExit(listener: (exit: ProcessExit) => void): void;

  /**
   * Ends the processes that an earlier life of the daemon (same kernel boot) left running. Call it once,
   * before the first op. Answers with a sentence for each that is left, none if all went well.
   */
  sweep(deadline: Ms, answer: (left: readonly string[]) => void): void;

  /** Ends every supervised process, for the end of the daemon; answers as `sweep`. */
  stopAll(deadline: Ms, answer: (left: readonly string[]) => void): void;
}
