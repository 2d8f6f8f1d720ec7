// Calls to one device, one after the other; devices do not wait for each other.

/** What has its turn calls `free` when the next may begin; calls after the first do nothing. */
export type Turn = (free: () => void) => void;

export interface Queues {
  /**
   * Runs `turn` when those before it with the same key are done, at once if there are none; an urgent one goes
   * before all that wait. Returns how to leave.
   */
  take(key: string, turn: Turn, options?: { readonly isUrgent: boolean }): () => void;
  /** How many wait for their turn. */
  waiting(key: string): number;
}

export function createQueues(): Queues {
  const queues = new Map<string, Set<Turn>>();

  const begin = (key: string, turn: Turn) => {
    let isFree = false;
    turn(() => {
      if (isFree) return;
      isFree = true;
      const queue = queues.get(key);
      const [next] = queue ?? [];
      if (next === undefined) queues.delete(key);
      else {
        queue?.delete(next);
        begin(key, next);
      }
    });
  };

  return {
    take(key, turn, { isUrgent } = { isUrgent: false }) {
      const queue = queues.get(key);
      if (queue === undefined) {
        queues.set(key, new Set());
        begin(key, turn);
        return () => {};
      }
      if (isUrgent) queues.set(key, new Set([turn, ...queue]));
      else queue.add(turn);
      return () => queues.get(key)?.delete(turn);
    },
    waiting: (key) => queues.get(key)?.size ?? 0,
  };
}
