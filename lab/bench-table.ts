// Tables from the rows that the measuring lab writes: understudy beside keepalived. Pure.

/** One line of a CSV file, by the names of its head. */
export type Row = Readonly<Record<string, string>>;

/** Reads CSV with a head (RFC 4180: quotes, doubled quotes, line ends within them). */
export function parseCsv(text: string): readonly Row[] {
  const [head = [], ...lines] = splitCsv(text);
  return lines
    .filter((line) => line.length > 1)
    .map((line) => Object.fromEntries(head.map((name, index) => [name, line[index] ?? ""])));
}

/** What one peer did in all runs of one event. */
export type Figures = {
  readonly runs: number;
  readonly medianMs: number;
  readonly worstMs: number;
  /** ARP questions that two hosts answered, of all. */
  readonly doubled: number;
  readonly asked: number;
  /** Runs in which the client was answered by two hosts in turn. */
  readonly interleaved: number;
  /** Runs in which nobody answered at the end. */
  readonly dead: number;
};

/** Figures of the rows of one peer and event; null without rows. */
export function figuresOf(rows: readonly Row[]): Figures | null {
  if (rows.length === 0) return null;
  const asks = rows.map((row) => (row.arp_two ?? "0/0").split("/").map(Number));
  const outages = rows.map(outageOf).toSorted((a, b) => a - b);
  return {
    runs: rows.length,
    medianMs: median(outages),
    worstMs: outages.at(-1) ?? 0,
    doubled: sum(asks.map(([two]) => two ?? 0)),
    asked: sum(asks.map(([, all]) => all ?? 0)),
    interleaved: rows.filter((row) => Number(row.dual_ms) > 0).length,
    dead: rows.filter((row) => row.after === "none" || Number(row.outage_ms) < 0).length,
  };
}

/** A comparison per timing and event, in the order in which the events first appear. Markdown. */
export function compareEvents(rows: readonly Row[], us: string, them: string): readonly string[] {
  const keys = [...new Set(rows.map((row) => `${row.profile} ${row.scenario}`))];
  const head = `| profile | event | ${us}: median / worst ms | ${them}: median / worst ms | ratio of medians | two hosts answered, ${us} | ${them} |`;
  const body = keys.map((key) => {
    const mine = figuresOf(rows.filter((row) => row.peer === us && `${row.profile} ${row.scenario}` === key));
    const theirs = figuresOf(
      rows.filter((row) => row.peer === them && `${row.profile} ${row.scenario}` === key),
    );
    const [profile = "", scenario = ""] = key.split(" ");
    const cells = [
      profile,
      scenario,
      timesOf(mine),
      timesOf(theirs),
      ratioOf(mine, theirs),
      twoOf(mine),
      twoOf(theirs),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [head, rule(7), ...body];
}

/** Upkeep when nothing happens, per peer, profile and host, as a mean of the runs. Markdown. */
export function compareIdle(rows: readonly Row[]): readonly string[] {
  const keys = [...new Set(rows.map((row) => `${row.peer} ${row.profile} ${row.host}`))];
  const head = "| peer | profile | host | % of one core | resident MB | proportional MB | packets/s sent |";
  const body = keys.map((key) => {
    const mine = rows.filter((row) => `${row.peer} ${row.profile} ${row.host}` === key);
    const mean = (name: string, scale: number) =>
      sum(mine.map((row) => Number(row[name]))) / mine.length / scale;
    // CPU comes as seconds per minute: 0.6 of them are one percent.
    const cells = [
      mean("cpu_s_per_min", 0.6).toFixed(2),
      mean("rss_kb", 1024).toFixed(1),
      mean("pss_kb", 1024).toFixed(1),
      mean("packets_per_s", 1).toFixed(1),
    ];
    return `| ${key.split(" ").join(" | ")} | ${cells.join(" | ")} |`;
  });
  return [head, rule(7), ...body];
}

/** A gap without a failed request is a pause of the measuring client; one never ended has no length. */
function outageOf(row: Row): number {
  if (Number(row.outage_ms) < 0) return Number.POSITIVE_INFINITY;
  return row.failed === "0" ? 0 : Number(row.outage_ms);
}

function timesOf(figures: Figures | null): string {
  if (figures === null) return "-";
  const dead = figures.dead > 0 ? `, ${figures.dead} without an answer at the end` : "";
  return `${milliseconds(figures.medianMs)} / ${milliseconds(figures.worstMs)} (${figures.runs} runs${dead})`;
}

function twoOf(figures: Figures | null): string {
  if (figures === null) return "-";
  const mixed = figures.interleaved > 0 ? `, the client in ${figures.interleaved} runs` : "";
  return `${figures.doubled} of ${figures.asked} ARP asks${mixed}`;
}

function ratioOf(mine: Figures | null, theirs: Figures | null): string {
  if (mine === null || theirs === null || theirs.medianMs === 0) return "-";
  const ratio = mine.medianMs / theirs.medianMs;
  return Number.isFinite(ratio) ? ratio.toFixed(2) : "-";
}

function milliseconds(value: number): string {
  if (!Number.isFinite(value)) return "never back";
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

function median(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1] ?? 0, sorted[middle] ?? 0];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function rule(columns: number): string {
  return `|${"---|".repeat(columns)}`;
}

function splitCsv(text: string): readonly (readonly string[])[] {
  const lines: string[][] = [[]];
  let cell = "";
  let isQuoted = false;
  const close = () => {
    lines.at(-1)?.push(cell);
    cell = "";
  };
  for (let index = 0; index < text.length; index += 1) {
    const letter = text.charAt(index);
    if (letter === '"') {
      // A doubled quote within quotes is one of the text.
      if (isQuoted && text.charAt(index + 1) === '"') {
        cell += '"';
        index += 1;
      } else {
        isQuoted = !isQuoted;
      }
    } else if (!isQuoted && letter === ",") {
      close();
    } else if (!isQuoted && letter === "\n") {
      close();
      lines.push([]);
    } else if (isQuoted || letter !== "\r") {
      cell += letter;
    }
  }
  if (cell !== "" || (lines.at(-1)?.length ?? 0) > 0) close();
  return lines;
}
