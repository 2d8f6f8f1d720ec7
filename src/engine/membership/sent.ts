// When our own recent pulses were sent: what is acknowledged counts from there.

import type { Instant, Ms } from "#model/units.ts";
import { between, NEVER } from "#model/units.ts";

export interface SentPulses {
  /** The number of the newest; 0: none yet. */
  readonly number: number;
  readonly lastAt: Instant;
  /** Those of the last lease, oldest first, numbers without gaps. */
  readonly recent: readonly { readonly number: number; readonly at: Instant }[];
}

export const NOTHING_SENT: SentPulses = { number: 0, lastAt: NEVER, recent: [] };

/** Notes that the next pulse leaves now; forgets those older than `keep`. */
export function noteSent(sent: SentPulses, now: Instant, keep: Ms): SentPulses {
  const number = sent.number + 1;
  const recent = sent.recent.filter((p) => between(p.at, now) <= keep);
  return { number, lastAt: now, recent: [...recent, { number, at: now }] };
}

/** When that pulse was sent; null: longer than a lease ago, or never. */
export function sentAt(sent: SentPulses, number: number): Instant | null {
  const first = sent.recent[0];
  if (first === undefined) return null;
  return sent.recent[number - first.number]?.at ?? null;
}
