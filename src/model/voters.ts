// The list of voters in effect. At first it is the configuration's; a leader may change it, one voter at a time.

import type { NodeId } from "./ids.ts";
import { NO_TERM, type Term } from "./units.ts";

/** Which list: of two the one with the higher term, then number, came later. */
export interface ListId {
  readonly term: Term;
  readonly number: number;
}

export interface VoterList {
  readonly id: ListId;
  /** Sorted. */
  readonly voters: readonly NodeId[];
}

/** The list that the configuration names: whoever has it has never heard of another. */
export const CONFIGURED: ListId = { term: NO_TERM, number: 0 };

export const sameList = (a: ListId, b: ListId): boolean => a.term === b.term && a.number === b.number;

export const isNewerList = (a: ListId, b: ListId): boolean =>
  a.term > b.term || (a.term === b.term && a.number > b.number);

/**
 * The fewest voters that a change while the cluster runs may leave or start from. With fewer, one of two voters holds
 * a tenure: another rule, which is entered and left only while all stand.
 */
export const LEAST_CHANGED = 3;

/** How many voters are in one of the lists only. */
export function listDistance(a: readonly NodeId[], b: readonly NodeId[]): number {
  return a.filter((id) => !b.includes(id)).length + b.filter((id) => !a.includes(id)).length;
}
