import { DEFAULT_KEY, type RunnableCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { writeSecret } from "./files.ts";

/** 256 bits, as the pulses' cipher takes them. */
const KEY_BYTES = 32;

export const command: RunnableCommand = {
  name: "keygen",
  usage: "[FILE|-]",
  summary: "Makes a cluster key, which all members of a cluster share",
  about: [
    `Writes 64 hex digits to FILE, by default ${DEFAULT_KEY}, for its owner alone; "-" prints them.`,
    "Never overwrites a file. Copy the key to every member over a safe way.",
  ],
  options: {},
  words: { least: 0, most: 1 },
  examples: [
    { line: "understudy keygen", about: "on one node; then copy the file to the others" },
    { line: "understudy keygen ./cluster.key", about: "into this folder" },
    { line: "understudy keygen -", about: "to stdout" },
  ],
  run: async (args, io) => {
    const file = args.words[0] ?? DEFAULT_KEY;
    const key = Buffer.from(crypto.getRandomValues(new Uint8Array(KEY_BYTES))).toString("hex");
    if (file === "-") {
      io.out(key);
      return EXIT.ok;
    }
    const written = writeSecret(file, `${key}\n`);
    if (written.kind === "failed") {
      const exists = `${file} exists and is not overwritten; remove it first if no member needs it`;
      io.err(`understudy: ${written.why === "exists" ? exists : `cannot write ${file}: ${written.text}`}`);
      return written.why === "not-allowed" ? EXIT.notAllowed : EXIT.failed;
    }
    io.out(`wrote a new cluster key to ${file}; every member needs the same one`);
    return EXIT.ok;
  },
};
