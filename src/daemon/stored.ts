// What an earlier life of the keeper stored, read back: damage and strange contents are told in a sentence.

import type { ListRecord, PairRecord } from "#engine/lease/state.ts";
import { unreachable } from "#lib/unreachable.ts";
import type { Vote } from "#model/pulse.ts";
import type { StorePort } from "#ports/store.ts";

/** A document of an earlier life, if it is one. */
export function readStored<T>(
  store: StorePort,
  name: string,
  is: (value: unknown) => value is T,
): { readonly value: T | null } | { readonly problem: string } {
  const read = store.read(name);
  switch (read.kind) {
    case "absent":
      return { value: null };
    case "damaged":
    case "failed":
      return { problem: read.problem };
    case "found": {
      const value: unknown = JSON.parse(read.text);
      return is(value) ? { value } : { problem: `the stored ${name} is not one: ${read.text}` };
    }
    default:
      return unreachable(read);
  }
}

export function isVote(value: unknown): value is Vote {
  return has(value, "term", "number") && has(value, "for", "string");
}

export function isPairRecord(value: unknown): value is PairRecord {
  const isNumberOrNull = (name: string) => has(value, name, "number") || has(value, name, "object");
  return has(value, "kernelBoot", "string") && isNumberOrNull("held") && isNumberOrNull("heard");
}

export function isListRecord(value: unknown): value is ListRecord {
  return has(value, "list", "object") && has(value, "floor", "object");
}

/** Does it have this property, of this type? */
function has(value: unknown, name: string, type: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as Record<string, unknown>)[name] === type;
}
