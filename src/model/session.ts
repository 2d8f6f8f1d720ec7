// A session is a node's life between two lapses; orders and statements name the one they are for.

/**
 * `boot` grows with every start of the daemon (see the store's boot counter), `lapses` with every lapse
 * and every reset within that life. Two sessions of one node are never equal unless they are the same.
 */
export interface Session {
  readonly boot: number;
  readonly lapses: number;
}

export function sameSession(a: Session, b: Session): boolean {
  return a.boot === b.boot && a.lapses === b.lapses;
}

/** Is `a` an earlier life of the same node than `b`? */
export function isEarlierSession(a: Session, b: Session): boolean {
  return a.boot < b.boot || (a.boot === b.boot && a.lapses < b.lapses);
}

export function formatSession(s: Session): string {
  return `${s.boot}.${s.lapses}`;
}
