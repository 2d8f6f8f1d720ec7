import type { StatusDocument } from "#api/protocol.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import type { MaintenanceTarget } from "#model/intents.ts";
import { JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";
import { carryOut } from "./moving.ts";
import { complainName, nodeNames, serviceNames } from "./names.ts";
import { clientFor, complainAnswer } from "./talk.ts";

export const command: RunnableCommand = {
  name: "maintenance",
  usage: "on|off [SERVICE|NODE] [--json] [--run-dir D]",
  summary: "Observes a service, a node or the whole cluster without touching it",
  about: [
    "While it is on, nothing is started, stopped or moved; checks go on and are shown.",
    "Addresses still close when their node may not act any more: two actives are never allowed.",
    "A name that is both a service and a node is written service:NAME or node:NAME.",
  ],
  options: { json: JSON_OPTION, "run-dir": RUN_DIR_OPTION },
  words: { least: 1, most: 2 },
  examples: [
    { line: "understudy maintenance on web", about: "one service" },
    { line: "understudy maintenance on", about: "the whole cluster" },
    { line: "understudy maintenance off", about: "and back" },
  ],
  run: async (args, io) => {
    const [mode = "", target] = args.words;
    if (mode !== "on" && mode !== "off") {
      io.err(`understudy: maintenance is "on" or "off", not "${mode}"`);
      return EXIT.usage;
    }
    const client = clientFor(args, io);
    const before = await client.status();
    if (before.kind !== "ok") return complainAnswer(before, io);
    const found = target === undefined ? null : findTarget(before.value, target, io);
    if (typeof found === "number") return found;
    const what = target ?? "the cluster";
    return carryOut(
      client,
      {
        intent: { kind: "maintenance", on: mode === "on", target: found },
        judge: () => ({ kind: "done", text: `maintenance of ${what} is ${mode}` }),
        facts: { target: target ?? null, maintenance: mode },
      },
      args,
      io,
    );
  },
};

function findTarget(document: StatusDocument, typed: string, io: Io): MaintenanceTarget | ExitCode {
  const prefix = /^(service|node):/.exec(typed)?.[1];
  const name = prefix === undefined ? typed : typed.slice(prefix.length + 1);
  const isService = prefix !== "node" && serviceNames(document).includes(name);
  const isNode = prefix !== "service" && nodeNames(document).includes(name);
  if (isService && isNode) {
    io.err(`understudy: "${name}" is a service and a node: write service:${name} or node:${name}`);
    return EXIT.usage;
  }
  if (isService) return { kind: "service", service: serviceName(name) };
  if (isNode) return { kind: "node", node: nodeId(name) };
  const names = [...serviceNames(document), ...nodeNames(document)];
  return complainName({ kind: "service or node", name: typed, names }, io) ?? EXIT.usage;
}
