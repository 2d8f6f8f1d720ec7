// The table of the suite: runs of one scenario added up, printed as text and as Markdown. Pure.
import type { TimingName } from "../cluster.ts";
import type { Seen } from "./judge.ts";
import type { Scenario } from "./scenario.ts";

/** All runs of one scenario with one profile. */
export type Tally = {
  readonly scenario: Pick<Scenario, "name" | "does">;
  readonly timing: TimingName;
  readonly runs: number;
  readonly asked: number;
  readonly lost: number;
  readonly doubled: number;
  readonly asks: number;
  readonly doubledAsks: number;
  /** Of each run. */
  readonly moves: readonly number[];
  readonly worstMs: number;
  readonly failures: readonly Failure[];
  readonly notes: readonly string[];
};

/** A run that did not hold. */
export type Failure = { readonly run: number; readonly problems: readonly string[] };

export function emptyTally({ name, does }: Pick<Scenario, "name" | "does">, timing: TimingName): Tally {
  return {
    scenario: { name, does },
    timing,
    runs: 0,
    asked: 0,
    lost: 0,
    doubled: 0,
    asks: 0,
    doubledAsks: 0,
    moves: [],
    worstMs: 0,
    failures: [],
    notes: [],
  };
}

/** `seen` is null for a run that came to no judgement. */
export function addRun(
  tally: Tally,
  seen: Seen | null,
  {
    number,
    problems,
    note,
  }: {
    readonly number: number;
    readonly problems: readonly string[];
    readonly note: string | null;
  },
): Tally {
  return {
    ...tally,
    runs: tally.runs + 1,
    asked: tally.asked + (seen?.asked ?? 0),
    lost: tally.lost + (seen?.lost ?? 0),
    doubled: tally.doubled + (seen?.doubled ?? 0),
    asks: tally.asks + (seen?.asks ?? 0),
    doubledAsks: tally.doubledAsks + (seen?.doubledAsks ?? 0),
    moves: seen === null ? tally.moves : [...tally.moves, seen.moves],
    worstMs: Math.max(tally.worstMs, seen?.outageMs ?? 0),
    failures: problems.length === 0 ? tally.failures : [...tally.failures, { run: number, problems }],
    notes: note === null ? tally.notes : [...tally.notes, note],
  };
}

const COLUMNS = [
  ["fault", 24],
  ["profile", 8],
  ["runs", 5],
  ["double answers", 15],
  ["ARP asks, by two", 17],
  ["moves a run", 12],
  ["worst outage ms", 16],
  ["lost", 16],
  ["held", 5],
] as const;

/** Fixed widths: rows are printed one by one, as they come. */
export function formatHead(): string {
  return COLUMNS.map(([title, width]) => title.padEnd(width))
    .join("")
    .trimEnd();
}

export function formatTally(tally: Tally): string {
  return cellsOf(tally)
    .map((cell, index) => cell.padEnd(COLUMNS[index]?.[1] ?? 0))
    .join("")
    .trimEnd();
}

/** The runs that did not hold, a line each. */
export function formatFailures({ scenario, timing, failures }: Tally): readonly string[] {
  return failures.map(
    ({ run, problems }) => `  ${scenario.name}, ${timing}, run ${run}: ${problems.join("; ")}`,
  );
}

/** A Markdown document of its own: the command, the table, what each fault is, what did not hold. */
export function formatMarkdown(tallies: readonly Tally[], command: string): string {
  const head = COLUMNS.map(([title]) => title);
  const does = new Map(tallies.map(({ scenario }) => [scenario.name, scenario.does]));
  const notes = tallies.filter(({ notes }) => notes.length > 0);
  return [
    "# Faults",
    `\`${command}\``,
    [row(head), row(head.map(() => "---")), ...tallies.map((tally) => row(cellsOf(tally)))].join("\n"),
    [...does].map(([name, sentence]) => `- \`${name}\`: ${sentence}.`).join("\n"),
    ...(notes.length === 0 ? [] : [notes.map(noteOf).join("\n")]),
    ...tallies.flatMap(formatFailures).map((line) => `Did not hold: ${line.trim()}`),
    "",
  ].join("\n\n");
}

function noteOf({ scenario, timing, notes }: Tally): string {
  return `- \`${scenario.name}\`, ${timing}: ${[...new Set(notes)].join("; ")}.`;
}

function cellsOf(tally: Tally): readonly string[] {
  const { scenario, timing, runs, doubled, doubledAsks, asks, lost, asked, worstMs, failures } = tally;
  return [
    scenario.name,
    timing,
    String(runs),
    String(doubled),
    `${doubledAsks} of ${asks}`,
    movesOf(tally),
    worstMs.toFixed(0),
    `${lost} of ${asked}`,
    failures.length === 0 ? "yes" : `NO, ${failures.length}`,
  ];
}

/** One number when all runs agree, else from least to most. */
function movesOf({ moves }: Tally): string {
  if (moves.length === 0) return "-";
  const [least, most] = [Math.min(...moves), Math.max(...moves)];
  return least === most ? String(least) : `${least} to ${most}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
