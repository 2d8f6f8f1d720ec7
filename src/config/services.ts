// The services as they were written, for the judges of sense. Takes any value: what is not well written is not found.

import { isExclusive, type ResourceConfig } from "#model/config.ts";
import { type Cursor, entries, items, key, top } from "./cursor.ts";
import { resourcesFrom } from "./normalise.ts";
import { RESOURCE } from "./schema.ts";

export interface FoundService {
  readonly name: string;
  readonly at: Cursor;
  /** Names of nodes, whether there are such nodes or not. */
  readonly place: readonly Cursor[];
  /** What a takeover needs a proof for. */
  readonly exclusive: readonly FoundResource[];
}

export interface FoundResource {
  readonly at: Cursor;
  readonly resource: ResourceConfig;
}

export function servicesOf(config: unknown): readonly FoundService[] {
  return entries(key(top(config), "services")).map(([name, at]) => ({
    name,
    at,
    place: items(key(at, "place")).filter(({ value }) => typeof value === "string"),
    exclusive: exclusiveOf(at),
  }));
}

function exclusiveOf(service: Cursor): readonly FoundResource[] {
  const isGuarded = key(service, "guard").value !== undefined;
  return items(key(service, "resources")).flatMap((at) => {
    const written = RESOURCE.safeParse(at.value);
    if (!written.success) return [];
    const resources = resourcesFrom(written.data, isGuarded);
    return resources.filter(isExclusive).map((resource) => ({ at, resource }));
  });
}
