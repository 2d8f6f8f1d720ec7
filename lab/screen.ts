// The live screen of `npm start`: plain lines with colours, made from what is known. Pure; 80 by 24 is enough.
import type { JournalEntry } from "#model/journal.ts";
import { BUCKET_MS, type Sight } from "./ledger.ts";
import type { Outage } from "./summary.ts";

export type MemberView = {
  readonly name: string;
  readonly daemon: "runs" | "killed" | "frozen";
  readonly network: "connected" | "cut off";
  /** What it says of the service and of itself; empty when it says nothing. */
  readonly service: string;
  readonly lease: string;
};

export type View = {
  readonly address: string;
  readonly timing: string;
  /** One sentence: how the service is. */
  readonly sentence: string;
  readonly members: readonly MemberView[];
  readonly sight: Sight;
  /** Ended outages, newest first, with what was done before each. */
  readonly outages: readonly (Outage & { readonly cause: string; readonly date: Date })[];
  /** Newest first. */
  readonly journal: readonly JournalEntry[];
  /** The last thing a key did. */
  readonly message: string;
  readonly nowMs: number;
};

export type Size = { readonly columns: number; readonly rows: number };

type Color = "plain" | "dim" | "bold" | "good" | "bad" | "first" | "second" | "key";
type Piece = readonly [text: string, color?: Color];
type Line = readonly Piece[];

/** Select Graphic Rendition of ECMA-48. */
const CODES: Readonly<Record<Color, string>> = {
  plain: "",
  dim: "2",
  bold: "1",
  good: "32",
  bad: "1;31",
  first: "1;32",
  second: "1;36",
  key: "7",
};

export const KEYS: readonly (readonly [key: string, what: string])[] = [
  ["s", "switch over"],
  ["k", "kill daemon"],
  ["c", "cut off"],
  ["f", "freeze"],
  ["h", "heal all"],
  ["q", "quit"],
];

/** Rows that are there whatever the screen's height. */
const FIXED_ROWS = 18;
/** No answer for this long is shown as an outage that goes on. */
const SILENT_AFTER_MS = 20;

/** As many lines as the screen has rows, none wider than its columns. */
export function renderScreen(view: View, { columns, rows }: Size): readonly string[] {
  const free = Math.max(2, rows - FIXED_ROWS);
  const outageRows = Math.ceil(free / 2);
  const lines: Line[] = [
    [["understudy", "bold"], [`  keeps ${view.address} alive`], [`   timing ${view.timing}`, "dim"]],
    [],
    [[view.sentence, "bold"]],
    [],
    [[cells("node", "daemon", "network", "service", "lease"), "dim"]],
    ...view.members.map(memberLine),
    [],
    clientLine(view),
    strip(view, columns),
    twoLine(view.sight),
    [],
    [["outages the client saw", "dim"]],
    ...fill(view.outages.map(outageLine), outageRows, "none so far"),
    [],
    [["last reasons", "dim"]],
    ...fill(view.journal.map(journalLine), free - outageRows, "none yet"),
    [[view.message, "dim"]],
    KEYS.flatMap(([key, what]): Line => [[` ${key} `, "key"], [` ${what} `]]),
  ];
  return lines.slice(0, rows).map((line) => paint(line, columns));
}

function memberLine({ name, daemon, network, service, lease }: MemberView): Line {
  return [
    [name.padEnd(10), "bold"],
    [daemon.padEnd(10), daemon === "runs" ? "good" : "bad"],
    [network.padEnd(12), network === "connected" ? "good" : "bad"],
    [service.padEnd(12), service === "active" ? "first" : "plain"],
    [lease],
  ];
}

function clientLine({ sight, nowMs }: View): Line {
  const full = sight.buckets.slice(-5, -1);
  const answers = full.reduce((sum, { asked, lost }) => sum + asked - lost, 0);
  const perSecond = full.length === 0 ? 0 : Math.round(answers / ((full.length * BUCKET_MS) / 1000));
  if (sight.last === null)
    return [
      ["client    ", "bold"],
      ["nobody has answered yet", "bad"],
    ];
  const silentMs = nowMs - sight.last.atMs;
  const who: Piece =
    silentMs > SILENT_AFTER_MS && silentMs > 5 * sight.last.rttMs
      ? [`no answer for ${(silentMs / 1000).toFixed(1)} s`, "bad"]
      : [`${sight.last.host} answers`, "good"];
  const rest = `  ${perSecond}/s  ${sight.last.rttMs.toFixed(2)} ms  lost ${sight.lost} of ${sight.asked}`;
  return [["client    ", "bold"], who, [rest]];
}

/** One letter for each quarter of a second: who answered; a dot where anything was lost. */
function strip({ sight, members }: View, columns: number): Line {
  return sight.buckets.slice(-columns).map(({ host, lost }): Piece => {
    if (lost > 0) return ["·", "bad"];
    const color = members[0]?.name === host ? "first" : "second";
    return host === "" ? [" "] : [host.slice(0, 1), color];
  });
}

function twoLine({ asks, doubledAsks, crossings }: Sight): Line {
  const two = doubledAsks + crossings;
  return [
    ["two hosts answering: "],
    [two === 0 ? "never" : `${two} times`, two === 0 ? "good" : "bad"],
    [`  (${asks} ARP questions, every answer to the client)`, "dim"],
  ];
}

function outageLine({ date, cause, before, after, fromMs, toMs }: View["outages"][number]): Line {
  const hosts = before === after ? before : `${before} -> ${after}`;
  return [
    [`${clock(date)}  `, "dim"],
    [`${(toMs - fromMs).toFixed(0).padStart(6)} ms  `, "bold"],
    [`${hosts.padEnd(14)}  ${cause}`],
  ];
}

function journalLine({ at_ms, node, subject, what, why }: JournalEntry): Line {
  return [
    [`${clock(new Date(at_ms))} ${node.padEnd(8)}`, "dim"],
    [`${subject} ${what}`],
    [`  ${why}`, "dim"],
  ];
}

function clock(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function cells(...words: readonly string[]): string {
  const widths = [10, 10, 12, 12, 0];
  return words.map((word, index) => word.padEnd(widths[index] ?? 0)).join("");
}

function fill(lines: readonly Line[], rows: number, nothing: string): readonly Line[] {
  const shown = lines.length === 0 ? [[[nothing, "dim"] as const]] : lines.slice(0, rows);
  return [...shown, ...Array.from({ length: Math.max(0, rows - shown.length) }, (): Line => [])];
}

/** Colours a line and cuts it at the screen's width; neighbours of one colour share their escape codes. */
function paint(line: Line, columns: number): string {
  let left = columns;
  let text = "";
  let present: Color = "plain";
  for (const [words, color = "plain"] of line) {
    // What daemons say may hold anything; a control character would break the screen.
    const shown = [...words]
      .map((letter) => (letter < " " ? " " : letter))
      .slice(0, left)
      .join("");
    left -= [...shown].length;
    if (color !== present) text += `\x1b[0${CODES[color] === "" ? "" : `;${CODES[color]}`}m`;
    present = color;
    text += shown;
  }
  return present === "plain" ? text : `${text}\x1b[0m`;
}
