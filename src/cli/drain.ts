import type { StatusDocument } from "#api/protocol.ts";
import { nodeId } from "#model/ids.ts";
import { JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand, YES_OPTION } from "./command.ts";
import { carryOut, isAtRest, type Judged, NO_WAIT_OPTION } from "./moving.ts";
import { complainName, nodeNames } from "./names.ts";
import { clientFor, complainAnswer, confirm } from "./talk.ts";

export const command: RunnableCommand = {
  name: "drain",
  usage: "NODE [--yes] [--no-wait] [--json] [--run-dir D]",
  summary: "Moves all services away from a node and keeps them away, until undrain",
  about: ["The node goes on voting. Waits until nothing is active there, 30 s at most."],
  options: { yes: YES_OPTION, "no-wait": NO_WAIT_OPTION, json: JSON_OPTION, "run-dir": RUN_DIR_OPTION },
  words: { least: 1, most: 1 },
  examples: [
    { line: "understudy drain chip", about: "before chip is taken down; asks first" },
    { line: "understudy drain chip --yes && ssh chip reboot", about: "in a script" },
  ],
  run: async (args, io) => {
    const client = clientFor(args, io);
    const [name = ""] = args.words;
    const before = await client.status();
    if (before.kind !== "ok") return complainAnswer(before, io);
    const wrong = complainName({ kind: "node", name, names: nodeNames(before.value) }, io);
    if (wrong !== null) return wrong;
    const go = await confirm(args, io, { what: announce(before.value, name), name: "drain" });
    if (go !== true) return go;
    const intent = { kind: "drain", node: nodeId(name) } as const;
    return carryOut(client, { intent, judge: (now) => judge(now, name), facts: { node: name } }, args, io);
  },
};

const activeOn = (document: StatusDocument, node: string) =>
  document.services.filter((service) => service.active === node);

function announce(document: StatusDocument, node: string): string {
  const names = activeOn(document, node).map((service) => service.name);
  if (names.length === 0) return `Nothing is active on ${node}; nothing shall be from now on.`;
  return `${names.join(", ")} moves away from ${node}; clients are without it meanwhile.`;
}

function judge(document: StatusDocument, node: string): Judged {
  const left = activeOn(document, node).filter((service) => !service.maintenance);
  if (left.length === 0) return { kind: "done", text: `${node} is drained` };
  if (!left.every(isAtRest)) return null;
  const [{ name, reasons }] = left as [(typeof left)[number]];
  return { kind: "stuck", text: `${name} stays on ${node}: ${reasons[0]?.text ?? "no reason was given"}` };
}
