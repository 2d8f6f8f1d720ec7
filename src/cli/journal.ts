import { formatEntry } from "#api/journal-text.ts";
import type { JournalEntry } from "#model/journal.ts";
import { JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand } from "./command.ts";
import { parseSince } from "./duration.ts";
import { EXIT } from "./exit.ts";
import { clientFor, complainAnswer } from "./talk.ts";

/** Without --since. */
const SHOWN = 50;

export const command: RunnableCommand = {
  name: "journal",
  usage: "[--since 10m|DATE] [--follow] [--json] [--run-dir D]",
  summary: "Shows what was decided and happened on this node, and why",
  about: [
    `Without --since the last ${SHOWN} entries; the daemon has the last 10,000 at hand.`,
    "Each line: date, area, subject, what happened, why, and the reason's code in brackets.",
  ],
  options: {
    since: {
      value: "SPAN|DATE",
      about: "How far back: 90s, 10m, 2h, 3d, or a date such as 2026-11-20 10:24",
    },
    follow: { value: null, about: "Goes on with each new entry until interrupted", short: "f" },
    json: { ...JSON_OPTION, about: "Prints one JSON object per line" },
    "run-dir": RUN_DIR_OPTION,
  },
  words: { least: 0, most: 0 },
  examples: [
    { line: "understudy journal --since 10m", about: "what happened just now?" },
    { line: "understudy journal --follow", about: "live" },
    { line: 'understudy journal --since "2026-11-20 02:00" --json', about: "for scripts" },
  ],
  run: async (args, io) => {
    const text = args.get("since");
    const sinceMs = text === null ? null : parseSince(text, Date.now());
    if (text !== null && sinceMs === null) {
      io.err(`understudy: --since "${text}" is neither a span such as 10m nor a date such as 2026-11-20`);
      return EXIT.usage;
    }
    const client = clientFor(args, io);
    const answer = await client.journal(sinceMs === null ? { limit: SHOWN } : { sinceMs });
    if (answer.kind !== "ok") return complainAnswer(answer, io);
    const show = (entry: JournalEntry): void =>
      io.out(args.has("json") ? JSON.stringify(entry) : formatEntry(entry));
    answer.value.entries.forEach(show);
    if (!args.has("follow")) return EXIT.ok;
    const followed = await client.follow({
      sinceNumber: answer.value.newest,
      entry: show,
      ...(io.signal === undefined ? {} : { signal: io.signal }),
    });
    return followed.kind === "ok" ? EXIT.ok : complainAnswer(followed, io);
  },
};
