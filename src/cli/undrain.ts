import { nodeId } from "#model/ids.ts";
import { JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand, YES_OPTION } from "./command.ts";
import { carryOut } from "./moving.ts";
import { complainName, nodeNames } from "./names.ts";
import { clientFor, complainAnswer, confirm } from "./talk.ts";

export const command: RunnableCommand = {
  name: "undrain",
  usage: "NODE [--yes] [--json] [--run-dir D]",
  summary: "Lets services come to a drained node again",
  about: ["Services whose failback is automatic return to it; the others stay where they are."],
  options: { yes: YES_OPTION, json: JSON_OPTION, "run-dir": RUN_DIR_OPTION },
  words: { least: 1, most: 1 },
  examples: [{ line: "understudy undrain chip", about: "when chip is back; asks first" }],
  run: async (args, io) => {
    const client = clientFor(args, io);
    const [name = ""] = args.words;
    const before = await client.status();
    if (before.kind !== "ok") return complainAnswer(before, io);
    const wrong = complainName({ kind: "node", name, names: nodeNames(before.value) }, io);
    if (wrong !== null) return wrong;
    const what = `Services may come to ${name} again; those with automatic failback will.`;
    const go = await confirm(args, io, { what, name: "undrain" });
    if (go !== true) return go;
    return carryOut(
      client,
      {
        intent: { kind: "undrain", node: nodeId(name) },
        // Nothing to wait for: what returns, and when, is the services' failback.
        judge: () => ({ kind: "done", text: `${name} may have services again` }),
        facts: { node: name },
      },
      args,
      io,
    );
  },
};
