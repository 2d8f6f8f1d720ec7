import { nearest } from "#lib/nearest.ts";
import { plain } from "#lib/plain.ts";
import { type Arguments, JSON_OPTION, type RunnableCommand } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { listFenceAgents } from "./fence-list.ts";
import type { Io } from "./io.ts";

/** What `fence` can be followed by. */
interface Subcommand {
  /** How many words stand after it. */
  readonly words: number;
  run(args: Arguments, io: Io): Promise<ExitCode>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  list: { words: 0, run: listFenceAgents },
};

export const command: RunnableCommand = {
  name: "fence",
  usage: "list [--agent NAME] [--json]",
  summary: "Shows the fence agents of this host and their options",
  about: [
    "A fence agent is a program that switches a server off over its management board, its power strip or its",
    "hypervisor. In the configuration each may be used by its name; the options are those listed here. Asks no",
    "daemon. On Debian the package fence-agents has them.",
  ],
  options: {
    agent: { value: "NAME", about: "Only this one, with all its options" },
    json: JSON_OPTION,
  },
  words: { least: 1, most: 2 },
  examples: [
    { line: "understudy fence list", about: "what is installed, and what each needs" },
    { line: "understudy fence list --agent fence_ipmilan", about: "its options" },
    { line: "understudy fence list --json", about: "for scripts" },
  ],
  run: async (args, io) => {
    const [first = "", ...rest] = args.words;
    const subcommand = Object.hasOwn(SUBCOMMANDS, first) ? SUBCOMMANDS[first] : undefined;
    if (subcommand === undefined) {
      const near = nearest(first, Object.keys(SUBCOMMANDS));
      io.err(`understudy: fence has no "${plain(first)}"`);
      io.err(near === null ? `usage: understudy fence ${command.usage}` : `did you mean "fence ${near}"?`);
      return EXIT.usage;
    }
    if (rest.length === subcommand.words) return subcommand.run(args, io);
    io.err(`understudy: fence ${first} takes ${subcommand.words === 0 ? "no more words" : "another word"}`);
    io.err(`usage: understudy fence ${command.usage}`);
    return EXIT.usage;
  },
};
