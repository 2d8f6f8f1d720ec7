// What a client and an ARP watcher saw of one run, and whether that is what had to be. Pure.
import type { TimingName } from "../cluster.ts";
import type { Ask, Entry } from "../probe-log.ts";
import { type Stretch, summarize } from "../summary.ts";
import { OUTAGE_BOUNDS_MS } from "../verdict.ts";
import type { Must, Played } from "./scenario.ts";

/** What was seen from the fault's beginning until the cluster was whole again. */
export type Seen = {
  readonly asked: number;
  readonly lost: number;
  readonly outageMs: number;
  /** Answers of a host while another one was answering. */
  readonly doubled: number;
  readonly asks: number;
  /** ARP questions that two hosts answered, hand-overs apart. */
  readonly doubledAsks: number;
  /** How often another host answered than before. */
  readonly moves: number;
};

/**
 * A host that answers again so soon after it last did, and another one between, is a second one: nothing moves
 * away and back in that time. Below the shortest failover, above the answering time of a busy host.
 */
export const RETURN_MS: Readonly<Record<TimingName, number>> = { default: 200, fast: 100, wan: 1_000 };
/** For so long no answer of the old host may follow one that tells of a hand-over. */
const HANDED_OVER_MS = 1_000;
/** A letting go and the last answer before it are dated by two clocks and carried by busy hosts. */
const DATED_MS = 20;
/** The short form runs beside other work of the same machine: it judges what happens, not how fast. */
const SHORT_FACTOR = 5;

/** When a host let the service go, by its own journal: by the host's name, and again by its MAC. */
export type LetGo = ReadonlyMap<string, readonly number[]>;

export type Around = {
  readonly stretch: Stretch;
  readonly timing: TimingName;
  readonly letGo: LetGo;
};

/** `client` and `arp` in the order in which they were logged. */
export function see(
  client: readonly Entry[],
  arp: readonly Entry[],
  { stretch, timing, letGo }: Around,
): Seen {
  const { asked, lost, outageMs } = summarize(client, stretch);
  const asks = arp.filter((entry) => entry.kind === "ask").filter((ask) => isWithin(ask.sentMs, stretch));
  const stays = staysIn(client, stretch);
  const { doubled, left } = withoutCrossings(stays, RETURN_MS[timing], letGo);
  return {
    asked,
    lost,
    outageMs,
    doubled,
    asks: asks.length,
    doubledAsks: countDoubledAsks(asks, letGo),
    moves: Math.max(0, left.length - 1),
  };
}

/** What did not hold, each as a sentence; empty if everything did. */
export function judge(
  seen: Seen,
  must: Must,
  {
    played,
    timing,
    isShort,
  }: { readonly played: Played; readonly timing: TimingName; readonly isShort: boolean },
): readonly string[] {
  const problems = [...played.trouble];
  const complain = (isWrong: boolean, sentence: string) => {
    if (isWrong) problems.push(sentence);
  };
  complain(seen.asked === 0, "the client asked nothing");
  complain(seen.asks === 0, "nobody asked by ARP");
  complain(seen.doubled > 0 && must.mayDouble !== true, `${seen.doubled} answers of a second host`);
  complain(
    seen.doubledAsks > 0 && must.mayDouble !== true,
    `${seen.doubledAsks} ARP asks were answered by two owners`,
  );
  if (must.moves !== null) {
    const [least, most] = must.moves;
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    complain(seen.moves < least || seen.moves > most, `${seen.moves} moves instead of ${wanted}`);
  }
  if (must.outage === null) return problems;
  if (must.outage === "none") {
    complain(seen.lost > 0, `${seen.lost} requests lost in up to ${ms(seen.outageMs)}, none were expected`);
    return problems;
  }
  const own = must.outage === "failover" ? OUTAGE_BOUNDS_MS[timing].failover : must.outage;
  const bound = own * (isShort ? SHORT_FACTOR : 1) + (played.excusedMs ?? 0);
  complain(seen.outageMs > bound, `an outage of ${ms(seen.outageMs)}, at most ${ms(bound)} were expected`);
  return problems;
}

/** Answers of one host without another's between, by arrival. */
type Stay = {
  readonly host: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
};

function staysIn(entries: readonly Entry[], stretch: Stretch): readonly Stay[] {
  const stays: Stay[] = [];
  for (const entry of entries) {
    if (entry.kind === "ask" || entry.rttMs === null) continue;
    const atMs = entry.sentMs + entry.rttMs;
    if (!isWithin(atMs, stretch)) continue;
    const last = stays.at(-1);
    if (last?.host === entry.host) stays[stays.length - 1] = { ...last, toMs: atMs, count: last.count + 1 };
    else stays.push({ host: entry.host, fromMs: atMs, toMs: atMs, count: 1 });
  }
  return stays;
}

/**
 * Takes out each stay between two of another host that are too close for a move away and back, unless each host
 * let go before the other one answered.
 */
function withoutCrossings(
  stays: readonly Stay[],
  returnMs: number,
  letGo: LetGo,
): { readonly doubled: number; readonly left: readonly Stay[] } {
  const left: Stay[] = [];
  let doubled = 0;
  for (const stay of stays) {
    const [before, between] = left.slice(-2);
    const isCrossed =
      before !== undefined &&
      between !== undefined &&
      before.host === stay.host &&
      stay.fromMs - before.toMs < returnMs &&
      !(isHandedOver(before, between, letGo) && isHandedOver(between, stay, letGo));
    if (!isCrossed) {
      left.push(stay);
      continue;
    }
    doubled += between.count;
    left.splice(-2, 2, { ...before, toMs: stay.toMs, count: before.count + stay.count });
  }
  return { doubled, left };
}

/** The old host let go after its last answer and before the new one's first. */
function isHandedOver(old: Stay, next: Stay, letGo: LetGo): boolean {
  const isBetween = (atMs: number) => atMs > old.toMs - DATED_MS && atMs < next.fromMs;
  return (letGo.get(old.host) ?? []).some(isBetween);
}

/**
 * A question may meet a hand-over: the old host answers it, then the new one does. That is no double if the
 * old one alone answered before, and not again afterwards before the new one let go.
 */
function countDoubledAsks(asks: readonly Ask[], letGo: LetGo): number {
  return asks.filter((ask, index) => ask.macs.length > 1 && !isHandOver(asks, index, letGo)).length;
}

function isHandOver(asks: readonly Ask[], index: number, letGo: LetGo): boolean {
  const ask = asks[index];
  const [old, next, ...others] = ask?.macs ?? [];
  if (ask === undefined || old === undefined || next === undefined || others.length > 0) return false;
  const before = asks.slice(0, index).findLast(({ macs }) => macs.length > 0);
  const nextLetGoMs = (letGo.get(next) ?? []).find((atMs) => atMs > ask.sentMs) ?? Number.POSITIVE_INFINITY;
  const untilMs = Math.min(ask.sentMs + HANDED_OVER_MS, nextLetGoMs);
  const after = asks.slice(index + 1).filter(({ sentMs }) => sentMs < untilMs);
  return (
    before?.macs.length === 1 && before.macs[0] === old && after.every(({ macs }) => !macs.includes(old))
  );
}

function isWithin(atMs: number, { fromMs, toMs }: Stretch): boolean {
  return atMs >= fromMs && atMs < toMs;
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
