import { nodeId } from "#model/ids.ts";
import { JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand } from "./command.ts";
import { CONFIRM_OPTION, complainConfirm, confirmName, doDeed, tellDone } from "./deeds.ts";
import { complainName, nodeNames } from "./names.ts";
import { clientFor, complainAnswer } from "./talk.ts";

export const command: RunnableCommand = {
  name: "confirm-dead",
  usage: "NODE [--confirm NODE] [--json] [--run-dir D]",
  summary: "Tells the cluster that a node is dead, so that what it held may start elsewhere",
  about: [
    "Only when you made certain that it is off at this moment. If it runs what it held,",
    "there will be two of it. Refused while the node is heard. Who said so, and when, is kept with the proof.",
    "Type it on a node that lives; no quorum is needed.",
  ],
  options: { confirm: CONFIRM_OPTION, json: JSON_OPTION, "run-dir": RUN_DIR_OPTION },
  words: { least: 1, most: 1 },
  examples: [
    { line: "understudy confirm-dead chip", about: "says what it means, and asks for the name once more" },
    { line: "understudy confirm-dead chip --confirm chip", about: "in a script that has made certain" },
  ],
  run: async (args, io) => {
    const [name = ""] = args.words;
    const unconfirmed = complainConfirm(args, io, { node: name, name: "confirm-dead" });
    if (unconfirmed !== null) return unconfirmed;
    const client = clientFor(args, io);
    const before = await client.status();
    if (before.kind !== "ok") return complainAnswer(before, io);
    const wrong = complainName({ kind: "node", name, names: nodeNames(before.value) }, io);
    if (wrong !== null) return wrong;
    const what = `${name} counts as dead from then on, and what it held may start elsewhere at once. Make certain first that it is off.`;
    const go = await confirmName(args, io, { node: name, what });
    if (go !== true) return go;
    const deed = { kind: "confirm-dead", node: nodeId(name), who: io.who?.() ?? "somebody" } as const;
    return tellDone(name, await doDeed(client, deed, io), args, io);
  },
};
