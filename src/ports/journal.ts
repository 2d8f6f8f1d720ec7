// The journal of this node: the reasons in order, kept in memory and on disk.

import type { JournalEntry, JournalLine } from "#model/journal.ts";

/** Which entries are asked for; the conditions add up. The newest `limit` of them, oldest first. */
export interface JournalQuery {
  /** Only entries with a greater number. */
  readonly sinceNumber?: number;
  /** Only entries not older than this, in milliseconds since 1970. */
  readonly sinceMs?: number;
  /** At least 1. */
  readonly limit: number;
}

/** How well the journal gets to disk. */
export interface JournalCondition {
  /** Why entries do not reach the disk now, as a sentence; null: they do. */
  readonly problem: string | null;
  /** Entries that never reached the disk, since the start. They were shown and are kept in memory. */
  readonly lost: number;
}

export interface JournalPort {
  /**
   * Adds one entry: gives it the next number, the date and the node's name. Never waits and never fails: a
   * disk that does not take it is reported by `condition`. Numbers go on across restarts, as far as the disk
   * remembers.
   */
  append(line: JournalLine): void;

  /** From memory: the last 10,000 entries, those of an earlier life included. */
  read(query: JournalQuery): readonly JournalEntry[];

  /** Calls `listener` for each entry from now on, before `append` returns; ends with the returned function. */
  follow(listener: (entry: JournalEntry) => void): () => void;

  condition(): JournalCondition;
}
