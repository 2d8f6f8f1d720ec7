// What a client went through in a stretch of time, from the probes' entries. Pure.
import type { Ask, Entry, Request, Straggler } from "./probe-log.ts";

/** From (inclusive) and to (exclusive), CLOCK_MONOTONIC milliseconds. */
export type Stretch = { readonly fromMs: number; readonly toMs: number };

export type Summary = {
  readonly asked: number;
  readonly lost: number;
  /**
   * Longest gap, by send time, between answered requests that encloses a lost one; 0 if nothing was lost. A
   * gap without a lost request is a pause of the probe, not of the service. One that lasts to the end of the
   * stretch is counted to there.
   */
  readonly outageMs: number;
  /** Who answered last before the stretch (or first in it), and last in it; null: nobody. */
  readonly before: string | null;
  readonly after: string | null;
  /** Answers of a host that another host had already followed: two were answering. */
  readonly interleaved: number;
};

/** Judges the client's requests of a stretch; `entries` in the order in which they were logged. */
export function summarize(entries: readonly Entry[], { fromMs, toMs }: Stretch): Summary {
  const all = entries.filter(isRequest).toSorted((a, b) => a.number - b.number);
  const requests = all.filter(({ sentMs }) => sentMs >= fromMs && sentMs < toMs);
  const answered = requests.filter(isAnswered);
  const earlier = all.filter((request) => request.sentMs < fromMs && isAnswered(request)).at(-1);
  return {
    asked: requests.length,
    lost: requests.length - answered.length,
    outageMs: longestOutage(earlier === undefined ? requests : [earlier, ...requests], { fromMs, toMs }),
    before: (earlier ?? answered[0])?.host ?? null,
    after: answered.at(-1)?.host ?? null,
    interleaved: countInterleaved(entries, { fromMs, toMs }),
  };
}

/** The ARP questions of a stretch, and those that more than one host answered, or none. */
export function summarizeAsks(
  entries: readonly Entry[],
  { fromMs, toMs }: Stretch,
): { readonly asked: number; readonly doubled: number; readonly unanswered: number } {
  const asks = entries.filter(isAsk).filter(({ sentMs }) => sentMs >= fromMs && sentMs < toMs);
  return {
    asked: asks.length,
    doubled: asks.filter(({ macs }) => macs.length > 1).length,
    unanswered: asks.filter(({ macs }) => macs.length === 0).length,
  };
}

export type Outage = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly before: string;
  /** Who ended it. */
  readonly after: string;
};

/** Every outage that has ended, oldest first. `requests` in order of their numbers. */
export function outagesAmong(requests: readonly Request[]): readonly Outage[] {
  const outages: Outage[] = [];
  let last: Request | null = null;
  let hasLost = false;
  for (const request of requests) {
    if (!isAnswered(request)) {
      hasLost = true;
      continue;
    }
    if (hasLost && last !== null) {
      outages.push({ fromMs: last.sentMs, toMs: request.sentMs, before: last.host, after: request.host });
    }
    last = request;
    hasLost = false;
  }
  return outages;
}

function longestOutage(requests: readonly Request[], { fromMs, toMs }: Stretch): number {
  const ended = outagesAmong(requests).map((outage) => outage.toMs - outage.fromMs);
  const last = requests.findLast(isAnswered);
  const tail = requests.filter((request) => last === undefined || request.number > last.number);
  const open = tail.length > 0 ? toMs - (last?.sentMs ?? fromMs) : 0;
  return Math.max(0, open, ...ended);
}

/** Answers arrive at one socket in one order: a host that answers again after its successor is a second one. */
function countInterleaved(entries: readonly Entry[], { fromMs, toMs }: Stretch): number {
  const answers = entries.filter(isAnswer).filter((answer) => {
    const arrivedMs = answer.sentMs + answer.rttMs;
    return arrivedMs >= fromMs && arrivedMs < toMs;
  });
  const followed = new Set<string>();
  let present: string | null = null;
  let count = 0;
  for (const { host } of answers) {
    if (followed.has(host)) {
      count += 1;
    } else if (host !== present) {
      if (present !== null) followed.add(present);
      present = host;
    }
  }
  return count;
}

type Answer = (Request | Straggler) & { readonly rttMs: number };

function isRequest(entry: Entry): entry is Request {
  return entry.kind === "request";
}

function isAsk(entry: Entry): entry is Ask {
  return entry.kind === "ask";
}

function isAnswer(entry: Entry): entry is Answer {
  return entry.kind !== "ask" && entry.rttMs !== null;
}

function isAnswered(request: Request): request is Request & { readonly rttMs: number } {
  return request.rttMs !== null;
}
