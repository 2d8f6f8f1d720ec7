import { protectionAnywhere } from "#engine/explain/protection.ts";
import type { Config } from "#model/config.ts";
import { DEFAULT_CONFIG, JSON_OPTION, type RunnableCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { protectionBlock } from "./proof-text.ts";

export const command: RunnableCommand = {
  name: "check",
  usage: "[FILE] [--json]",
  summary: "Judges a configuration file",
  about: [
    `All problems at once, each with its line, column and a hint; default ${DEFAULT_CONFIG}.`,
    "Says of each service what happens if its node dies, hangs or is cut off, and within which time.",
    "Asks no daemon and needs no root. The exit code is 0 when valid, warnings or not, and 65 when invalid.",
  ],
  options: { json: JSON_OPTION },
  words: { least: 0, most: 1 },
  examples: [
    { line: "understudy check", about: "the default file" },
    { line: "understudy check ./office.yaml --json", about: "for editors and scripts" },
  ],
  run: async (args, io) => {
    const file = args.words[0] ?? DEFAULT_CONFIG;
    // The parser is the heaviest part of the program: only this command and the daemon load it.
    const { readConfiguration } = await import("./configuration.ts");
    const read = readConfiguration(file);
    if (args.has("json")) {
      const base = { file, valid: read.kind === "ok" };
      const rest =
        read.kind === "ok"
          ? {
              cluster: read.config.cluster,
              hash: read.config.hash,
              warnings: read.found,
              services: protectionsOf(read.config),
            }
          : { problems: read.found, ...(read.found.length === 0 ? { error: read.text } : {}) };
      io.out(JSON.stringify({ ...base, ...rest }, null, 2));
      return read.kind === "ok" ? EXIT.ok : read.code;
    }
    if (read.kind === "failed") {
      io.err(read.text);
      const count = read.found.length;
      if (count > 0) io.err(`\n${file}: invalid, ${count} ${count === 1 ? "problem" : "problems"}`);
      return read.code;
    }
    if (read.warnings !== "") io.err(`${read.warnings}\n`);
    io.out(`${file}: valid. ${describe(read.config)}`);
    const protection = protectionBlock(protectionsOf(read.config), io.columns());
    if (protection.length > 0) io.out(`\n${protection.join("\n")}`);
    return EXIT.ok;
  },
};

/** As the file alone promises it, whatever node a service is on. */
const protectionsOf = (config: Config) =>
  config.services.map((service) => ({ name: service.name, protection: protectionAnywhere(config, service) }));

function describe({ cluster, members, services, voters, timing, hash }: Config): string {
  const count = (number: number, one: string): string =>
    `${number} ${number === 1 ? one : one.endsWith("s") ? `${one}es` : `${one}s`}`;
  const nodes = count(members.filter((member) => member.kind === "node").length, "node");
  const witnesses = count(members.filter((member) => member.kind === "witness").length, "witness");
  const parts = [nodes, witnesses, count(voters.length, "voter"), count(services.length, "service")].join(
    ", ",
  );
  return `Cluster ${cluster}: ${parts}; lease ${timing.lease} ms (${timing.profile}); hash ${hash}.`;
}
