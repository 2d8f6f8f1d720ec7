import {
  type Arguments,
  type DaemonCommand,
  DEFAULT_CONFIG,
  DEFAULT_RUN_DIR,
  DEFAULT_STATE_DIR,
  type OptionSpec,
  type UpOptions,
  usage,
} from "./command.ts";

/** What `up` and `witness` share. */
export const DAEMON_OPTIONS = {
  config: { value: "FILE", about: `The configuration, the same on every node; default ${DEFAULT_CONFIG}` },
  "state-dir": { value: "D", about: `What must survive a restart; default ${DEFAULT_STATE_DIR}/NAME` },
  "run-dir": { value: "D", about: `Where the socket is made; default ${DEFAULT_RUN_DIR}` },
} as const satisfies Record<string, OptionSpec>;

export const command: DaemonCommand = {
  name: "up",
  usage: "--node NAME [--config FILE] [--state-dir D] [--run-dir D]",
  summary: "Runs the daemon on a node, in the foreground",
  about: [
    "Prints the journal to stderr. SIGTERM ends it in an orderly way: services move away first, nothing is left",
    "behind. SIGHUP reads the configuration again. Needs root.",
  ],
  options: {
    ...DAEMON_OPTIONS,
    node: { value: "NAME", about: "Which of the configured nodes this is" },
  },
  words: { least: 0, most: 0 },
  examples: [
    { line: "understudy up --node chip", about: "with the default paths" },
    { line: "understudy up --config ./office.yaml --node dale", about: "with another file" },
  ],
  parse: (args) => {
    const node = args.get("node");
    if (node === null) return usage("up needs --node NAME", "the name of this server in the configuration");
    return daemonOptions(args, { role: "node", node });
  },
};

export function daemonOptions(args: Arguments, who: Pick<UpOptions, "role" | "node">): UpOptions {
  return {
    ...who,
    configFile: args.get("config") ?? DEFAULT_CONFIG,
    stateDir: args.get("state-dir"),
    runDir: args.get("run-dir") ?? DEFAULT_RUN_DIR,
  };
}
