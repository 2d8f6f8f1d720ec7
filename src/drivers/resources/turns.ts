// One after the other: ops of one resource never overlap.

/** What has its turn calls `done` when the next may begin; calls after the first do nothing. */
export type Turn = (done: () => void) => void;

export interface Turns {
  /**
   * Runs `turn` when those before it with the same key are done, at once if there are none. Returns a
   * function that gives the turn up if it has not begun, and says whether it did.
   */
  take(key: string, turn: Turn): () => boolean;
  /** How many wait for their turn. */
  waiting(key: string): number;
}

export function createTurns(): Turns {
  const waiting = new Map<string, Turn[]>();

  const begin = (key: string, turn: Turn) => {
    let isDone = false;
    turn(() => {
      if (isDone) return;
      isDone = true;
      const next = waiting.get(key)?.shift();
      if (next === undefined) waiting.delete(key);
      else begin(key, next);
    });
  };

  return {
    take(key, turn) {
      const queue = waiting.get(key);
      if (queue === undefined) {
        waiting.set(key, []);
        begin(key, turn);
        return () => false;
      }
      queue.push(turn);
      return () => {
        const at = queue.indexOf(turn);
        if (at >= 0) queue.splice(at, 1);
        return at >= 0;
      };
    },
    waiting: (key) => waiting.get(key)?.length ?? 0,
  };
}
