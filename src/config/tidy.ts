// Order and names that every member finds alike, whatever its locale and the order of the file.

/** A second one of a name becomes name-2, and so on. */
export function withUniqueIds<T extends { readonly id: string }>(list: readonly T[]): readonly T[] {
  const taken = new Set<string>();
  return list.map((item) => {
    let id = item.id;
    for (let number = 2; taken.has(id); number++) id = `${item.id}-${number}`;
    taken.add(id);
    return { ...item, id };
  });
}

/** By code units. */
export function sorted<T>(list: readonly T[], textOf: (item: T) => string): readonly T[] {
  return [...list].sort((a, b) => (textOf(a) < textOf(b) ? -1 : textOf(a) > textOf(b) ? 1 : 0));
}
