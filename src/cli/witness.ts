import type { DaemonCommand } from "./command.ts";
import { DAEMON_OPTIONS, daemonOptions } from "./up.ts";

export const command: DaemonCommand = {
  name: "witness",
  usage: "[--config FILE] [--node NAME] [--state-dir D] [--run-dir D]",
  summary: "Runs the daemon as a witness: it votes and runs no services",
  about: ["Prints the journal to stderr. SIGTERM ends it, SIGHUP reads the configuration again."],
  options: {
    ...DAEMON_OPTIONS,
    node: { value: "NAME", about: "Which witness this is, when several are configured" },
  },
  words: { least: 0, most: 0 },
  examples: [
    { line: "understudy witness", about: "with the default paths" },
    { line: "understudy witness --config ./office.yaml --node witness2", about: "one of several" },
  ],
  parse: (args) => daemonOptions(args, { role: "witness", node: args.get("node") }),
};
