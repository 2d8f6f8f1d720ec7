// The lines a probe writes, and their reading. One line per fact, so that a log cut short still reads.

/** A request's end. `rttMs` is null when no answer came in time. */
export type Request = {
  readonly kind: "request";
  /** Grows by one with each request. */
  readonly number: number;
  /** CLOCK_MONOTONIC milliseconds, as all times here. */
  readonly sentMs: number;
  readonly rttMs: number | null;
  /** Name of the host that answered; empty without an answer. */
  readonly host: string;
};

/** A second answer to a request, or one after its time: it tells of a host that answered all the same. */
export type Straggler = {
  readonly kind: "straggler";
  readonly number: number;
  readonly sentMs: number;
  readonly rttMs: number;
  readonly host: string;
};

/** One broadcast ARP question and every hardware address that claimed the address. */
export type Ask = {
  readonly kind: "ask";
  readonly number: number;
  readonly sentMs: number;
  readonly macs: readonly string[];
};

export type Entry = Request | Straggler | Ask;

const LETTERS = { request: "r", straggler: "s", ask: "a" } as const;

/** One line of the log, without its end of line. */
export function formatEntry(entry: Entry): string {
  const start = `${LETTERS[entry.kind]},${entry.number},${entry.sentMs.toFixed(3)}`;
  if (entry.kind === "ask") return `${start},${entry.macs.join("+")}`;
  return `${start},${entry.rttMs === null ? "" : entry.rttMs.toFixed(3)},${entry.host}`;
}

/** What a line says; null for a line that is none of ours or was cut short. */
export function parseEntry(line: string): Entry | null {
  const [letter, number, sent, ...rest] = line.split(",");
  const base = { number: Number(number), sentMs: Number(sent) };
  if (!sent || Number.isNaN(base.number) || Number.isNaN(base.sentMs)) return null;
  if (letter === "a" && rest.length === 1) {
    return { kind: "ask", ...base, macs: rest[0] ? rest[0].split("+") : [] };
  }
  const [rtt, host] = rest;
  if (rest.length !== 2 || rtt === undefined || host === undefined) return null;
  const rttMs = rtt === "" ? null : Number(rtt);
  if (letter === "r") return { kind: "request", ...base, rttMs, host };
  if (letter === "s" && rttMs !== null) return { kind: "straggler", ...base, rttMs, host };
  return null;
}
