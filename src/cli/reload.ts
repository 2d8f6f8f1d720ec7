import { plain } from "#lib/plain.ts";
import { RUN_DIR_OPTION, type RunnableCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { clientFor, complainAnswer } from "./talk.ts";

export const command: RunnableCommand = {
  name: "reload",
  usage: "[--run-dir D]",
  summary: "Makes the daemon on this node read its configuration file again",
  about: [
    "An invalid file is refused and the running configuration stays. SIGHUP does the same, without an answer.",
    "Each node reads its own file: reload on every node.",
  ],
  options: { "run-dir": RUN_DIR_OPTION },
  words: { least: 0, most: 0 },
  examples: [
    { line: "understudy reload", about: "the file that the daemon was started with" },
    {
      line: "understudy check && understudy reload",
      about: "look first, then take it",
    },
  ],
  run: async (args, io) => {
    const answer = await clientFor(args, io).reload();
    if (answer.kind === "ok") {
      io.out(plain(answer.value.text));
      return EXIT.ok;
    }
    if (answer.kind !== "error" || answer.code !== "refused") return complainAnswer(answer, io);
    // The problems come as many lines, with carets: only the lines themselves are made plain.
    io.err(answer.message.split("\n").map(plainLine).join("\n"));
    io.err("understudy: the new configuration was refused, the running one stays");
    return EXIT.invalid;
  },
};

const plainLine = (line: string): string => line.replace(/\p{C}/gu, "?");
