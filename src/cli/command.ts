// How a command describes itself: enough for its help, its arguments and its mistakes.

import type { ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";

export interface Command {
  /** As it is typed. */
  readonly name: string;
  /** What stands after the name, as in `SERVICE [--to NODE]`. */
  readonly usage: string;
  /** One line without a full stop. */
  readonly summary: string;
  /** Whole sentences; one line each. */
  readonly about: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** How many words it takes beside its options. */
  readonly words: { readonly least: number; readonly most: number };
  readonly examples: readonly Example[];
}

export interface OptionSpec {
  /** Name of its value in the usage; null: it has none. */
  readonly value: string | null;
  readonly about: string;
  /** A single letter for it. */
  readonly short?: string;
}

export interface Example {
  readonly line: string;
  readonly about: string;
}

/** What was typed, after it was found to fit the command. */
export interface Arguments {
  readonly words: readonly string[];
  has(option: string): boolean;
  get(option: string): string | null;
}

/** A command that ends by itself. */
export interface RunnableCommand extends Command {
  run(args: Arguments, io: Io): Promise<ExitCode>;
}

/** What `up` and `witness` were asked to do; the daemon is started by the caller. */
export interface UpOptions {
  readonly role: "node" | "witness";
  readonly configFile: string;
  /** Null: the configuration's only witness. Only for the role witness. */
  readonly node: string | null;
  /** Null: the folder with the member's name below DEFAULT_STATE_DIR, so that two never share one. */
  readonly stateDir: string | null;
  readonly runDir: string;
}

/** A command that goes on as the daemon. */
export interface DaemonCommand extends Command {
  parse(args: Arguments): UpOptions | UsageProblem;
}

/** What is wrong with a command line, and what may have been meant. */
export interface UsageProblem {
  readonly kind: "usage";
  readonly problem: string;
  readonly hint: string | null;
}

export const usage = (problem: string, hint: string | null = null): UsageProblem => ({
  kind: "usage",
  problem,
  hint,
});

/** Where the daemon's socket is looked for, and other places of the file system hierarchy standard. */
export const DEFAULT_RUN_DIR = "/run/understudy";
export const DEFAULT_STATE_DIR = "/var/lib/understudy";
export const DEFAULT_CONFIG = "/etc/understudy/understudy.yaml";
export const DEFAULT_KEY = "/etc/understudy/cluster.key";

export const HELP_OPTION: OptionSpec = { value: null, about: "Explains the command", short: "h" };
export const RUN_DIR_OPTION: OptionSpec = {
  value: "D",
  about: `Where the daemon's socket is; default ${DEFAULT_RUN_DIR}`,
};
export const JSON_OPTION: OptionSpec = { value: null, about: "Prints JSON instead of text" };
export const YES_OPTION: OptionSpec = { value: null, about: "Does it without asking first", short: "y" };
