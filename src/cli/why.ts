import { JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { complainName, serviceNames } from "./names.ts";
import { clientFor, complainAnswer } from "./talk.ts";
import { explain } from "./why-text.ts";

export const command: RunnableCommand = {
  name: "why",
  usage: "SERVICE [--json] [--run-dir D]",
  summary: "Says why a service is where it is, and why nowhere else",
  about: ["The reasons are the leader's, as this node knows them; they come in the order of their weight."],
  options: { json: JSON_OPTION, "run-dir": RUN_DIR_OPTION },
  words: { least: 1, most: 1 },
  examples: [
    { line: "understudy why web", about: "sentences" },
    { line: "understudy why web --json", about: "codes and sentences" },
  ],
  run: async (args, io) => {
    const answer = await clientFor(args, io).status();
    if (answer.kind !== "ok") return complainAnswer(answer, io);
    const document = answer.value;
    const [name = ""] = args.words;
    const wrong = complainName({ kind: "service", name, names: serviceNames(document) }, io);
    if (wrong !== null) return wrong;
    const service = document.services.find((each) => each.name === name);
    if (args.has("json")) {
      io.out(JSON.stringify({ node: document.node, picture: document.picture, ...service }, null, 2));
    } else {
      io.out(explain(document, name).join("\n"));
    }
    return document.picture === null ? EXIT.unknown : EXIT.ok;
  },
};
