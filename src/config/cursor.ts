// A walk through a value that may be anything: what is not there is empty, never an error. So the parts of
// a configuration can be judged together even while some of them are wrong by themselves.

import { isMap } from "./kit.ts";
import type { Path } from "./problem.ts";

export interface Cursor {
  readonly value: unknown;
  readonly path: Path;
}

export const top = (value: unknown): Cursor => ({ value, path: [] });

export function key(cursor: Cursor, name: string): Cursor {
  const value = isMap(cursor.value) && Object.hasOwn(cursor.value, name) ? cursor.value[name] : undefined;
  return { value, path: [...cursor.path, name] };
}

/** Keys and values of a map; of anything else none. */
export function entries(cursor: Cursor): readonly (readonly [string, Cursor])[] {
  return isMap(cursor.value)
    ? Object.keys(cursor.value).map((name) => [name, key(cursor, name)] as const)
    : [];
}

/** Items of a list; of anything else none. */
export function items(cursor: Cursor): readonly Cursor[] {
  if (!Array.isArray(cursor.value)) return [];
  return cursor.value.map((value: unknown, index) => ({ value, path: [...cursor.path, index] }));
}
