import {
  type Arguments,
  type Command,
  DEFAULT_CONFIG,
  DEFAULT_RUN_DIR,
  JSON_OPTION,
  RUN_DIR_OPTION,
  type UsageProblem,
  usage,
} from "./command.ts";

/** What the doctor was asked; the caller examines, for it needs the drivers. */
export interface DoctorOptions {
  readonly configFile: string;
  /** Null: which member this host is follows from its daemon or its addresses. */
  readonly node: string | null;
  /** Null: as for `up`. */
  readonly stateDir: string | null;
  readonly runDir: string;
  readonly json: boolean;
  /** Only answer the probes of other members, until interrupted. */
  readonly listen: boolean;
}

/** A command that goes on as the doctor. */
export interface DoctorCommand extends Command {
  readonly examine: (args: Arguments) => DoctorOptions | UsageProblem;
}

export const command: DoctorCommand = {
  name: "doctor",
  usage: "[--config FILE] [--node NAME] [--state-dir D] [--run-dir D] [--json] [--listen]",
  summary: "Checks this host for what understudy rests on, and says what to do",
  about: [
    "Tries out kernel, clocks, disk, network, firewall, watchdog and fence devices; changes nothing that lasts.",
    "Run it as root, beside the daemon or without it, on every member. Without a daemon, run it with --listen on",
    "the other members: then the way there and back is tried too. The exit code is 0 when all that could be tried",
    "is ok, 1 with warnings, 2 with problems. What --json prints is documented in docs/commands.md.",
  ],
  options: {
    config: { value: "FILE", about: `The configuration; default ${DEFAULT_CONFIG}` },
    node: { value: "NAME", about: "Which member this host is; default: by its daemon or its addresses" },
    "state-dir": { value: "D", about: "The daemon's state directory; default as for up" },
    "run-dir": RUN_DIR_OPTION,
    json: JSON_OPTION,
    listen: { value: null, about: "Only answers the probes of other members, until interrupted" },
  },
  words: { least: 0, most: 0 },
  examples: [
    { line: "understudy doctor", about: "before the first start, and whenever something is odd" },
    { line: "understudy doctor --listen", about: "on the other members meanwhile, while no daemon runs" },
    { line: "understudy doctor --json | jq .findings", about: "for scripts" },
  ],
  examine: (args) => {
    if (args.has("listen") && args.has("json"))
      return usage("--listen prints no JSON: leave one of them out");
    return {
      configFile: args.get("config") ?? DEFAULT_CONFIG,
      node: args.get("node"),
      stateDir: args.get("state-dir"),
      runDir: args.get("run-dir") ?? DEFAULT_RUN_DIR,
      json: args.has("json"),
      listen: args.has("listen"),
    };
  },
};
