// What happens next: events by time, and of equal times in the order in which they were put in.

export interface Timed {
  /** True time, ms. */
  readonly at: number;
  readonly run: () => void;
}

interface Entry extends Timed {
  readonly order: number;
}

/** A binary heap. The same calls give the same order, on every machine. */
export class EventHeap {
  readonly #entries: Entry[] = [];
  #order = 0;

  get size(): number {
    return this.#entries.length;
  }

  push(at: number, run: () => void): void {
    const entries = this.#entries;
    const entry: Entry = { at, run, order: this.#order++ };
    let i = entries.length;
    entries.push(entry);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = entries[up] as Entry;
      if (!isBefore(entry, parent)) break;
      entries[i] = parent;
      i = up;
    }
    entries[i] = entry;
  }

  /** The earliest, taken out; undefined: there is none. */
  pop(): Timed | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= entries.length) break;
      const right = entries[child + 1];
      if (right !== undefined && isBefore(right, entries[child] as Entry)) child += 1;
      const best = entries[child] as Entry;
      if (!isBefore(best, last)) break;
      entries[i] = best;
      i = child;
    }
    entries[i] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
