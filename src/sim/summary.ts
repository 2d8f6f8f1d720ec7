// What many runs add up to, as text.

import type { FaultKind } from "./faults.ts";
import type { Counts, SimResult } from "./simulate.ts";

/** What a thread hands back. */
export interface Batch {
  readonly from: number;
  readonly results: readonly SimResult[];
}

export interface Totals {
  seeds: number;
  events: number;
  virtualMs: number;
  counts: Counts;
  readonly faults: Map<FaultKind, number>;
  /** By number of voters: how many seeds. */
  readonly sizes: Map<number, number>;
  readonly failures: SimResult[];
}

export function newTotals(): Totals {
  const counts = { moves: 0, lapses: 0, terms: 0, wishes: 0, accepted: 0, confirmed: 0, fenced: 0 };
  return { seeds: 0, events: 0, virtualMs: 0, counts, faults: new Map(), sizes: new Map(), failures: [] };
}

export function addUp(totals: Totals, { results }: Batch): void {
  for (const result of results) {
    totals.seeds += 1;
    totals.events += result.events;
    totals.virtualMs += result.ended;
    totals.sizes.set(result.voters, (totals.sizes.get(result.voters) ?? 0) + 1);
    for (const [kind, count] of result.faults)
      totals.faults.set(kind, (totals.faults.get(kind) ?? 0) + count);
    const { counts } = totals;
    totals.counts = {
      moves: counts.moves + result.counts.moves,
      lapses: counts.lapses + result.counts.lapses,
      terms: counts.terms + result.counts.terms,
      wishes: counts.wishes + result.counts.wishes,
      accepted: counts.accepted + result.counts.accepted,
      confirmed: counts.confirmed + result.counts.confirmed,
      fenced: counts.fenced + result.counts.fenced,
    };
    if (result.violation !== null) totals.failures.push(result);
  }
}

export interface SummaryOptions {
  /** Real seconds. */
  readonly took: number;
  readonly jobs: number;
  readonly kinds: readonly FaultKind[];
}

export function formatSummary(totals: Totals, { took, jobs, kinds }: SummaryOptions): string[] {
  const { seeds, events, counts } = totals;
  const rate = seeds / took;
  const hours = totals.virtualMs / 3_600_000;
  const faults = kinds.map((kind) => `${kind} ${totals.faults.get(kind) ?? 0}`);
  const sizes = [...totals.sizes]
    .sort(([a], [b]) => a - b)
    .map(([voters, count]) => `${count} of ${voters} voters`);
  const missing = kinds.filter((kind) => !totals.faults.has(kind));
  return [
    `${seeds} seeds in ${took.toFixed(1)} s: ${rate.toFixed(1)} seeds/s, ${(rate / jobs).toFixed(1)} per thread; ${hours.toFixed(1)} virtual hours`,
    `${events} events; ${counts.moves} moves, ${counts.lapses} lapses, ${counts.terms} leaderships, ${counts.wishes} wishes (${counts.accepted} accepted), ${counts.fenced} fenced, ${counts.confirmed} confirmed dead`,
    `clusters: ${sizes.join(", ")}`,
    `faults: ${faults.join(", ")}`,
    ...(missing.length === 0 ? [] : [`never tried: ${missing.join(", ")}`]),
    totals.failures.length === 0
      ? "everything held"
      : `${totals.failures.length} failing seeds: ${totals.failures.map((f) => f.seed).join(" ")}`,
  ];
}

/** As many lines before the violation as a person reads. */
const SHOWN = 60;

export function formatFailure(failure: SimResult, lines: readonly string[], command: string): string[] {
  const { violation, seed } = failure;
  return [
    "",
    `seed ${seed}: ${violation?.invariant}: ${violation?.text}`,
    `the last ${Math.min(SHOWN, lines.length)} of ${lines.length} lines before it:`,
    ...lines.slice(-SHOWN),
    "",
    `again, with everything: ${command}`,
  ];
}
