import type { RunnableCommand } from "./command.ts";
import { EXIT } from "./exit.ts";

export const command: RunnableCommand = {
  name: "version",
  usage: "",
  summary: "Prints the version",
  about: [],
  options: {},
  words: { least: 0, most: 0 },
  examples: [{ line: "understudy version", about: "also: understudy --version" }],
  run: async (_args, io) => {
    io.out(`understudy ${io.version}`);
    return EXIT.ok;
  },
};
