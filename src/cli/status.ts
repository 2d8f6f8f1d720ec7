import type { ClientAnswer } from "#api/client.ts";
import type { StatusDocument } from "#api/protocol.ts";
import { JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";
import { formatStatus } from "./status-text.ts";
import { summarizeDocument } from "./summary.ts";
import { clientFor, complainAnswer, exitOf, pause } from "./talk.ts";

const WATCH_INTERVAL = 1_000;

export const command: RunnableCommand = {
  name: "status",
  usage: "[--json] [--watch] [--run-dir D]",
  summary: "Shows who is active, who is alive, and whether all is well",
  about: [
    "The first line is a sentence; the exit code says the same: 0 healthy, 1 degraded but serving, 2 down,",
    "3 unknown (the daemon does not answer, or knows nothing recent).",
    "What --json prints is documented in docs/commands.md and stays compatible.",
  ],
  options: {
    json: JSON_OPTION,
    watch: { value: null, about: "Shows it again every second until interrupted", short: "w" },
    "run-dir": RUN_DIR_OPTION,
  },
  words: { least: 0, most: 0 },
  examples: [
    { line: "understudy status", about: "once" },
    { line: "understudy status --watch", about: "live" },
    {
      line: "understudy status --json | jq -r '.services[] | .name + \" \" + .active'",
      about: "for scripts",
    },
  ],
  run: async (args, io) => {
    const client = clientFor(args, io);
    const style = { json: args.has("json"), watch: args.has("watch") };
    if (!style.watch) return show(await client.status(), style, io);
    let code: ExitCode = EXIT.ok;
    while (io.signal?.aborted !== true) {
      code = show(await client.status(), style, io);
      await pause(WATCH_INTERVAL, io.signal);
    }
    return code;
  },
};

interface Style {
  readonly json: boolean;
  readonly watch: boolean;
}

function show(answer: ClientAnswer<StatusDocument>, { json, watch }: Style, io: Io): ExitCode {
  const width = io.columns();
  // Home and clear what is below: less flicker than clearing everything first.
  const before = watch && !json && width !== null ? "\u001b[H\u001b[J" : "";
  if (answer.kind !== "ok") {
    if (before !== "") io.out(`${before}Unknown: ${answer.message}`);
    else complainAnswer(answer, io);
    return exitOf(answer);
  }
  const { state, text, exit } = summarizeDocument(answer.value);
  if (json) io.out(JSON.stringify({ state, sentence: text, ...answer.value }, null, watch ? 0 : 2));
  else io.out(`${before}${formatStatus(answer.value, width)}${watch && width === null ? "\n" : ""}`);
  return exit;
}
