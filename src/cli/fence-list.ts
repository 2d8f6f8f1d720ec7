// `understudy fence list`: the fence agents of this host, or the options of one.

import { nearest } from "#lib/nearest.ts";
import { plain } from "#lib/plain.ts";
import { formatTable, wrap } from "#lib/table.ts";
import type { Arguments } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { FenceAgent, FenceAgentOption, FenceAgents } from "./fence-agents.ts";
import type { Io } from "./io.ts";

const INSTALL = "On Debian: apt-get install fence-agents";
/** Lines of a description, where the terminal does not say. */
const WIDTH = 100;

export async function listFenceAgents(args: Arguments, io: Io): Promise<ExitCode> {
  const agents = await io.fenceAgents?.();
  if (agents === undefined || agents.names().length === 0) {
    io.err(`understudy: no fence agent is installed here. ${INSTALL}`);
    return EXIT.failed;
  }
  const name = args.get("agent");
  return name === null ? listAll(agents, args, io) : showOne(agents, name, args, io);
}

async function listAll(agents: FenceAgents, args: Arguments, io: Io): Promise<ExitCode> {
  const all = await new Promise<readonly FenceAgent[]>((resolve) => agents.describeAll(resolve));
  if (args.has("json")) {
    io.out(JSON.stringify({ agents: all.map(summaryOf) }, null, 2));
    return EXIT.ok;
  }
  const rows = all.map((agent) =>
    agent.kind === "described"
      ? [agent.name, agent.needed.join(" ") || "-", agent.metadata.shortdesc]
      : [agent.name, "?", agent.problem],
  );
  io.out(formatTable([["AGENT", "NEEDS", "WHAT IT IS"], ...rows], { width: io.columns() }).join("\n"));
  return EXIT.ok;
}

async function showOne(agents: FenceAgents, name: string, args: Arguments, io: Io): Promise<ExitCode> {
  if (!agents.names().includes(name)) {
    const near = nearest(name, agents.names());
    io.err(`understudy: there is no fence agent "${plain(name)}" here`);
    io.err(near === null ? '"understudy fence list" names them' : `did you mean ${near}?`);
    return EXIT.usage;
  }
  const agent = await new Promise<FenceAgent>((resolve) => agents.describe(name, resolve));
  if (args.has("json")) {
    const { kind, ...rest } = summaryOf(agent);
    const more =
      agent.kind === "described"
        ? {
            longdesc: agent.metadata.longdesc,
            options: agent.metadata.parameters.filter(isOfUse).map(optionOf),
          }
        : {};
    io.out(JSON.stringify({ kind, ...rest, ...more }, null, 2));
  } else if (agent.kind === "described") io.out(formatAgent(agent, io.columns()));
  if (agent.kind === "described") return EXIT.ok;
  io.err(`understudy: ${name}: ${agent.problem}`);
  return EXIT.failed;
}

function formatAgent(
  { name, metadata, needed }: Extract<FenceAgent, { kind: "described" }>,
  width: number | null,
): string {
  const { shortdesc, longdesc, parameters, actions } = metadata;
  const used = parameters.filter(isOfUse);
  const ordered = [
    ...used.filter((each) => needed.includes(each.name)),
    ...used.filter((each) => !needed.includes(each.name)),
  ];
  const rows = ordered.map((option) => [
    option.name,
    needed.includes(option.name) ? "needed" : "",
    option.options.length > 0 ? option.options.join("|") : option.type,
    option.default ?? "",
    option.shortdesc,
  ]);
  const canProve = actions.includes("off") && actions.includes("status");
  return [
    `${name}: ${plain(shortdesc)}`,
    ...wrap(plain(longdesc), Math.min(width ?? WIDTH, WIDTH)),
    ...(canProve
      ? []
      : ["", "It cannot both switch off and say whether it did: it can never prove anything."]),
    "",
    ...formatTable([["OPTION", "", "TYPE", "DEFAULT", "WHAT IT IS"], ...rows], { width }),
  ].join("\n");
}

/** Old names are understood, but nobody should write them; the action is understudy's. */
const isOfUse = ({ name, deprecated }: FenceAgentOption): boolean => !deprecated && name !== "action";

function summaryOf(agent: FenceAgent) {
  if (agent.kind === "silent") return { kind: agent.kind, name: agent.name, problem: agent.problem };
  const { kind, name, needed, metadata } = agent;
  return { kind, name, shortdesc: metadata.shortdesc, needed, actions: metadata.actions };
}

function optionOf({ name, required, type, default: preset, shortdesc, options }: FenceAgentOption) {
  return { name, required, type, default: preset, shortdesc, options };
}
