// What a command sees of the outside: where it prints, whom it asks. Tests bring their own.

import type { FenceAgents } from "./fence-agents.ts";

export interface Io {
  /** Prints lines to stdout. */
  out(text: string): void;
  /** Prints lines to stderr. */
  err(text: string): void;
  /** Columns of the terminal that stdout is; null: it is none. */
  readonly columns: () => number | null;
  /** Somebody is there to answer. */
  readonly canAsk: boolean;
  /** Prints a question to stderr and reads one line; empty at the end of the input. */
  ask(question: string): Promise<string>;
  readonly version: string;
  /** Who types, for what is kept about it; absent: nobody knows. */
  readonly who?: () => string;
  /** The fence agents of this host; absent: nobody can tell. */
  readonly fenceAgents?: () => Promise<FenceAgents>;
  /** Other deadlines than usual, in milliseconds; for tests. */
  readonly times?: Partial<Times>;
  /** Ends `--watch` and `--follow`; absent: they end with the process. */
  readonly signal?: AbortSignal;
}

/** How long commands wait, in milliseconds. */
export interface Times {
  /** For what the daemon answers from memory. */
  readonly read: number;
  /** For the answer to an intent; longer than the daemon's own deadline. */
  readonly change: number;
  /** For a move to be done. */
  readonly move: number;
  /** How long a service must rest in the wrong place until that counts as the result. */
  readonly settle: number;
  /** For what the daemon does by itself; longer than its own deadline. */
  readonly deed: number;
  /** Between two words about what is being waited for. */
  readonly progress: number;
}

export const TIMES: Times = {
  read: 5_000,
  change: 20_000,
  move: 30_000,
  settle: 1_000,
  deed: 610_000,
  progress: 5_000,
};

export function terminalIo(version: string): Io {
  // `understudy journal --follow | head` closes the pipe: nothing more is wanted.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 2));
  return {
    out: (text) => process.stdout.write(`${text}\n`),
    err: (text) => process.stderr.write(`${text}\n`),
    columns: () => (process.stdout.isTTY ? process.stdout.columns : null),
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    ask: (question) => {
      process.stderr.write(question);
      return readLine();
    },
    version,
    who: () => {
      const { SUDO_USER, USER, LOGNAME } = process.env;
      return SUDO_USER ?? USER ?? LOGNAME ?? `uid ${process.getuid?.() ?? "unknown"}`;
    },
  };
}

/** One line as the terminal hands it over; empty at the end of the input. */
function readLine(): Promise<string> {
  const { stdin } = process;
  return new Promise((resolve) => {
    const end = (text: string): void => {
      stdin.off("data", onData).off("end", onEnd).pause();
      resolve(text);
    };
    const onData = (data: Buffer | string): void => end(String(data));
    const onEnd = (): void => end("");
    stdin.on("data", onData).once("end", onEnd);
  });
}
