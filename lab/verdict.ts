// What each event of the demonstration must look like to the client, and whether it did. Pure.
import { formatTable } from "#lib/table.ts";
import type { TimingName } from "./cluster.ts";
import type { Summary } from "./summary.ts";

/** How far an event may go: what kind of outage it may cause, and where the service is afterwards. */
export type Expectation = {
  readonly outage: "failover" | "switchover" | "none";
  readonly active: "moves" | "stays" | "either";
};

export type Observed = {
  readonly event: string;
  readonly expected: Expectation;
  readonly summary: Summary;
  /** ARP questions in the same stretch, and those that two hosts answered. */
  readonly asks: { readonly asked: number; readonly doubled: number };
  /** What went wrong around the event itself: it was not reached, or refused. Empty: nothing. */
  readonly trouble: readonly string[];
};

/**
 * Longest outages, in milliseconds. A failover takes a lease, the exclusion of the silent node and the
 * takeover; the bounds are those that the project's benchmarks hold at their worst. A switchover's bound
 * leaves room for a machine that has other work.
 */
export const OUTAGE_BOUNDS_MS: Readonly<Record<TimingName, Record<Expectation["outage"], number>>> = {
  default: { failover: 900, switchover: 50, none: 0 },
  fast: { failover: 400, switchover: 50, none: 0 },
  wan: { failover: 9_000, switchover: 50, none: 0 },
};

/** What did not hold, each as a sentence; empty if everything did. */
export function judge(observed: Observed, timing: TimingName): readonly string[] {
  const { summary, asks, expected, event } = observed;
  const boundMs = OUTAGE_BOUNDS_MS[timing][expected.outage];
  const problems = observed.trouble.map((trouble) => `${event}: ${trouble}`);
  const complain = (isWrong: boolean, sentence: string) => {
    if (isWrong) problems.push(`${event}: ${sentence}`);
  };
  const { before, after, outageMs, lost } = summary;
  complain(summary.asked === 0, "the client asked nothing");
  complain(after === null, "nobody answered");
  complain(outageMs > boundMs, `an outage of ${milliseconds(outageMs)}, at most ${boundMs} ms were expected`);
  complain(outageMs <= boundMs && boundMs === 0 && lost > 0, `${lost} requests lost, none were expected`);
  complain(moments(observed) > 0, `${moments(observed)} moments with two answering hosts`);
  complain(asks.asked === 0, "nobody asked for the address by ARP, so two hosts could have answered unseen");
  if (after !== null) {
    complain(expected.active === "moves" && after === before, `${before} answered before and after`);
    complain(expected.active === "stays" && after !== before, `the service moved from ${before} to ${after}`);
  }
  return problems;
}

/** How often two hosts were seen to answer: to the client, or to ARP. */
export function moments({ summary, asks }: Pick<Observed, "summary" | "asks">): number {
  return summary.interleaved + asks.doubled;
}

/** The table that `npm start -- --once` ends with, a line each. */
export function formatReport(rows: readonly Observed[], timing: TimingName): readonly string[] {
  const head = ["event", "outage ms", "requests lost", "two hosts answering", "ARP asks", "active", "held"];
  const body = rows.map((row) => [
    row.event,
    row.summary.outageMs.toFixed(row.summary.outageMs === 0 ? 0 : 1),
    `${row.summary.lost} of ${row.summary.asked}`,
    String(moments(row)),
    String(row.asks.asked),
    `${row.summary.before ?? "nobody"} -> ${row.summary.after ?? "nobody"}`,
    judge(row, timing).length === 0 ? "yes" : "NO",
  ]);
  return formatTable([head, ...body], { width: null });
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}
