// What the client sees right now, kept up as entries come: for the live screen, which runs for hours.
import type { Ask, Entry, Request, Straggler } from "./probe-log.ts";
import type { Outage } from "./summary.ts";

/** One stretch of the strip on the screen: who answered in it, and how much was lost. */
export type Bucket = { readonly host: string; readonly asked: number; readonly lost: number };

export const BUCKET_MS = 250;
const BUCKETS_KEPT = 400;
const OUTAGES_KEPT = 100;
/** A host that answers again so soon after another took its place is a second one, not a move back. */
const CROSSING_MS = 1000;

export type Ledger = {
  readonly add: (entries: readonly Entry[]) => void;
  readonly now: () => Sight;
};

export type Sight = {
  readonly asked: number;
  readonly lost: number;
  /** Who answered last, and when and how fast (milliseconds); null: nobody ever did. */
  readonly last: { readonly host: string; readonly atMs: number; readonly rttMs: number } | null;
  /** Ended outages, oldest first. */
  readonly outages: readonly Outage[];
  /** Oldest first; the last one is still filling. The strip lags by the time a request may take. */
  readonly buckets: readonly Bucket[];
  readonly asks: number;
  readonly doubledAsks: number;
  /** Answers of a host whose place another one had just taken. */
  readonly crossings: number;
};

/** An empty ledger. Each request's end must be added once; order does not matter. */
export function openLedger(): Ledger {
  const waiting = new Map<number, Request>();
  const leftAt = new Map<string, number>();
  const outages: Outage[] = [];
  let buckets: Bucket[] = [];
  let bucketMs = 0;
  let next = 0;
  let asked = 0;
  let lost = 0;
  let asks = 0;
  let doubledAsks = 0;
  let crossings = 0;
  let last: Sight["last"] = null;
  let lastInOrder: Request | null = null;
  let hasLost = false;

  /** In order of sending: what outages and the strip are made of. */
  const settle = (request: Request) => {
    asked += 1;
    if (request.sentMs >= bucketMs + BUCKET_MS) {
      bucketMs = request.sentMs - (request.sentMs % BUCKET_MS);
      buckets = [...buckets.slice(-BUCKETS_KEPT), { host: "", asked: 0, lost: 0 }];
    }
    const present = buckets.at(-1) ?? { host: "", asked: 0, lost: 0 };
    const isLost = request.rttMs === null;
    const host = request.host === "" ? present.host : request.host;
    buckets[Math.max(0, buckets.length - 1)] = {
      host,
      asked: present.asked + 1,
      lost: present.lost + (isLost ? 1 : 0),
    };
    if (isLost) {
      lost += 1;
      hasLost = true;
      return;
    }
    if (hasLost && lastInOrder !== null) {
      const { sentMs: fromMs, host: before } = lastInOrder;
      outages.push({ fromMs, toMs: request.sentMs, before, after: request.host });
      if (outages.length > OUTAGES_KEPT) outages.shift();
    }
    lastInOrder = request;
    hasLost = false;
  };

  /** In order of arrival: who answers now, and whether two do. */
  const arrive = ({ host, sentMs, rttMs }: { host: string; sentMs: number; rttMs: number }) => {
    const atMs = sentMs + rttMs;
    if (last !== null && last.host !== host) {
      if (atMs - (leftAt.get(host) ?? Number.NEGATIVE_INFINITY) < CROSSING_MS) crossings += 1;
      leftAt.set(last.host, atMs);
    }
    last = { host, atMs, rttMs };
  };

  const fold = (entry: Request | Straggler | Ask) => {
    if (entry.kind === "ask") {
      asks += 1;
      if (entry.macs.length > 1) doubledAsks += 1;
      return;
    }
    const { rttMs, sentMs, host } = entry;
    if (rttMs !== null) arrive({ host, sentMs, rttMs });
    if (entry.kind === "request") waiting.set(entry.number, entry);
  };

  return {
    add: (entries) => {
      entries.forEach(fold);
      for (let request = waiting.get(next); request !== undefined; request = waiting.get(next)) {
        waiting.delete(next);
        next += 1;
        settle(request);
      }
    },
    now: () => ({ asked, lost, last, outages, buckets, asks, doubledAsks, crossings }),
  };
}
