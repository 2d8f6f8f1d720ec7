// The members of the cluster as they were written: nodes, and witnesses in each of their forms.

import { type Cursor, entries, items, key, top } from "./cursor.ts";
import { WITNESS } from "./defaults.ts";
import { isMap } from "./kit.ts";
import { isOneWitness } from "./schema.ts";

export interface FoundMember {
  readonly id: string;
  readonly kind: "node" | "witness";
  /** Where the member is written. */
  readonly at: Cursor;
  /** Each address, at its place. */
  readonly links: readonly Cursor[];
}

/** In the order of the file, nodes first. Takes any value: what is not well written is not found. */
export function membersOf(config: unknown): readonly FoundMember[] {
  const nodes = entries(key(top(config), "nodes"));
  const found =
    (kind: "node" | "witness") =>
    ([id, at]: readonly [string, Cursor]) => ({
      id,
      kind,
      at,
      links: linksOf(at),
    });
  return [...nodes.map(found("node")), ...witnesses(key(top(config), "witness")).map(found("witness"))];
}

/** A list names its witnesses witness1, witness2 and so on; a single one is just witness. */
function witnesses(at: Cursor): readonly (readonly [string, Cursor])[] {
  if (at.value === undefined || at.value === null) return [];
  if (Array.isArray(at.value)) return items(at).map((item, index) => [`${WITNESS}${index + 1}`, item]);
  if (isMap(at.value) && !isOneWitness(at.value)) return entries(at);
  return [[WITNESS, at]];
}

/** `links` is the whole list; without it the one address is the one link. */
function linksOf(at: Cursor): readonly Cursor[] {
  if (!isMap(at.value)) return [at];
  const links = items(key(at, "links"));
  const address = key(at, "address");
  return links.length > 0 || address.value === undefined ? links : [address];
}
