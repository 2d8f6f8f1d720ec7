// So many probes at once and no more; the others wait in line.

/** What gets a slot calls `free` when it is done with it; calls after the first do nothing. */
export type Work = (free: () => void) => void;

export interface Slots {
  /**
   * Begins the work at once or when a slot is free. Returns a function that leaves the line, and says
   * whether it stood there; null when the line is full.
   */
  take(work: Work): (() => boolean) | null;
}

export function createSlots(limits: { readonly running: number; readonly waiting: number }): Slots {
  const line = new Set<Work>();
  let running = 0;

  const begin = (work: Work) => {
    running += 1;
    let isFree = false;
    work(() => {
      if (isFree) return;
      isFree = true;
      running -= 1;
      const [next] = line;
      if (next === undefined) return;
      line.delete(next);
      begin(next);
    });
  };

  return {
    take(work) {
      if (running < limits.running) {
        begin(work);
        return () => false;
      }
      if (line.size >= limits.waiting) return null;
      line.add(work);
      return () => line.delete(work);
    },
  };
}
