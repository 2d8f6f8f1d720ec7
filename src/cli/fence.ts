import { nearest } from "#lib/nearest.ts";
import { plain } from "#lib/plain.ts";
import { type Arguments, JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand } from "./command.ts";
import { CONFIRM_OPTION } from "./deeds.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { listFenceAgents } from "./fence-list.ts";
import { fenceNode, testFences } from "./fence-node.ts";
import type { Io } from "./io.ts";

/** What `fence` can be followed by, beside the name of a node. */
interface Subcommand {
  /** How many words may stand after it. */
  readonly words: number;
  run(args: Arguments, io: Io): Promise<ExitCode>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  list: { words: 0, run: listFenceAgents },
  test: { words: 1, run: testFences },
};

export const command: RunnableCommand = {
  name: "fence",
  usage: "list|test [NODE]|NODE [--confirm NODE] [--agent NAME] [--json] [--run-dir D]",
  summary: "Switches a node off and proves it; tests fence devices; lists fence agents",
  about: [
    "fence NODE: off, proved off twice, then on again, level after level; takes up to some minutes and says what it",
    "does. fence test: asks the devices for their status, changes nothing. Both are done by this node's daemon.",
    "fence list: the fence agents of this host and their options; asks no daemon. An agent is a program that",
    "switches a server off over its management board, its power strip or its hypervisor. On Debian the package",
    "fence-agents has them.",
  ],
  options: {
    agent: { value: "NAME", about: "Only this one, with all its options" },
    confirm: CONFIRM_OPTION,
    json: JSON_OPTION,
    "run-dir": RUN_DIR_OPTION,
  },
  words: { least: 1, most: 2 },
  examples: [
    { line: "understudy fence chip", about: "asks for the name once more" },
    { line: "understudy fence chip --confirm chip", about: "in a script" },
    { line: "understudy fence test", about: "does every device answer, from here?" },
    { line: "understudy fence list --agent fence_ipmilan", about: "the options of one agent" },
  ],
  run: async (args, io) => {
    const [first = "", ...rest] = args.words;
    const subcommand = Object.hasOwn(SUBCOMMANDS, first) ? SUBCOMMANDS[first] : undefined;
    const most = subcommand?.words ?? 0;
    if (rest.length > most) {
      io.err(`understudy: fence ${plain(first)} takes no more words`);
      io.err(`usage: understudy fence ${command.usage}`);
      return EXIT.usage;
    }
    if (subcommand !== undefined) return subcommand.run(args, io);
    const near = nearest(first, Object.keys(SUBCOMMANDS));
    if (near === null || args.has("confirm") || io.canAsk) return fenceNode(args, io);
    io.err(`understudy: fence has no "${plain(first)}"`);
    io.err(`did you mean "fence ${near}"?`);
    return EXIT.usage;
  },
};
