// Runs other programs in process groups of their own: what resources and checks are made of.

import type { Ms } from "#model/units.ts";

/** What to run, as whom and where. */
export interface Program {
  /** The program and its arguments; no shell comes between. */
  readonly argv: readonly string[];
  /** A user name; null: the daemon's own. */
  readonly user: string | null;
  /** Working directory; null: `/`. */
  readonly directory: string | null;
  /** Added to the daemon's own environment; with a user HOME, USER and LOGNAME are that user's. */
  readonly env: Readonly<Record<string, string>>;
  /** Its standard input, at once and then the end of it; without this it reads nothing (/dev/null). */
  readonly input?: string;
}

/** How a program ended. `output` is stdout and stderr together, at most OUTPUT_KEPT bytes of it. */
export type ProgramEnd =
  | { readonly kind: "exited"; readonly code: number; readonly output: string }
  /** By a signal: ours or somebody else's. */
  | { readonly kind: "signalled"; readonly signal: string; readonly output: string }
  /** It never ran: no such program, user or directory, no memory. `problem` is a sentence. */
  | { readonly kind: "not-started"; readonly problem: string };

/** How a run ended: by itself, or it had not when the deadline came. */
export type RunEnd = ProgramEnd | { readonly kind: "deadline"; readonly waited: Ms; readonly output: string };

/** A launched process group. The start time tells it from a later stranger with the same number. */
export interface Group {
  /** Process id of its first process: number of the group and of the session. */
  readonly pid: number;
  /** When that process started, in clock ticks since boot: field 22 of proc(5) /proc/PID/stat. */
  readonly startTicks: number;
  /** In the environment of each of its processes as UNDERSTUDY_TOKEN; null: it carries none. */
  readonly token: string | null;
}

export interface RunOptions {
  readonly deadline: Ms;
  /** Which part of a long output is kept: checks speak first, scripts fail last. */
  readonly keep: "head" | "tail";
}

export interface LaunchListener {
  started(group: Group): void;
  /** The first process ended, or was never started; others of its group may be left. */
  ended(end: ProgramEnd): void;
}

/** Ends what was asked for; its answer never comes. Calling it late or twice does nothing. */
export type CancelRun = () => void;

export interface ProgramPort {
  /**
   * Runs a program to its end. `answer` comes exactly once, at the deadline at the latest and never
   * before `run` returns.
   *
   * The answer comes when the program itself ends: children that it leaves in the background, and that
   * may hold its output open, are neither waited for nor touched. At the deadline (or when cancelled)
   * the whole group gets SIGTERM and, KILL_GRACE later, SIGKILL. `settled`, if given, comes after the
   * answer (or after a cancel), when nothing more is done to the group.
   */
  run(program: Program, options: RunOptions, answer: (end: RunEnd) => void, settled?: () => void): CancelRun;

  /** Starts a program that is meant to stay. `token` should be unguessable and new each time. */
  launch(program: Program, token: string, listener: LaunchListener): void;

  /**
   * The processes of a group that are alive, zombies not counted, including those that left the group or
   * the session but carry its token. Never names a stranger: when the first process is gone and the group
   * was not launched by this life of the daemon, only carriers of the token count.
   */
  members(group: Group): readonly number[];

  /**
   * Ends a whole group: SIGTERM, after `killAfter` SIGKILL. Idempotent. Answers once with the processes
   * that are still alive: none, or at the deadline those that even SIGKILL has not removed by then; and with
   * those that got a SIGKILL, since SIGTERM had not ended them.
   */
  end(
    group: Group,
    options: { readonly killAfter: Ms; readonly deadline: Ms },
    answer: (left: readonly number[], killed: readonly number[]) => void,
  ): void;
}
