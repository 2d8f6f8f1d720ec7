// The journal: the newest entries in memory, all of them on disk as one JSON object per line.

import type { JournalEntry } from "#model/journal.ts";
import type { JournalPort, JournalQuery } from "#ports/journal.ts";
import { JournalFile } from "./file.ts";
import { readTail } from "./tail.ts";

/** How many entries are kept in memory. */
export const KEPT = 10_000;
/** Two files of this size at most, in bytes. */
const ROTATE_AT = 8 * 1024 * 1024;
/** What may wait for a slow disk, in bytes: some ten thousand entries. */
const QUEUE_LIMIT = 4 * 1024 * 1024;
const RETRY_AFTER = 1_000;

export interface JournalOptions {
  /** `STATE_DIR/journal.jsonl`; `FILE.1` is the one before. */
  readonly file: string;
  /** This node's name. */
  readonly node: string;
  /** The date, in milliseconds since 1970. Absent: this host's. */
  readonly date?: () => number;
  readonly rotateAt?: number;
  readonly queueLimit?: number;
  readonly retryAfter?: number;
}

export interface Journal extends JournalPort {
  /** Writes what is left; calls back when done or after `deadline` milliseconds. */
  close(deadline: number, done: () => void): void;
}

/** Opens the journal and reads its end back, at most 20,000 lines; never fails. Blocks for that long. */
export function openJournal(options: JournalOptions): Journal {
  const { file, node, date = Date.now, rotateAt = ROTATE_AT } = options;
  const tail = readTail(file, { limit: KEPT, maxBytes: rotateAt });
  const earlier =
    tail.entries.length < KEPT ? readTail(`${file}.1`, { limit: KEPT, maxBytes: rotateAt }).entries : [];
  const entries = [...earlier, ...tail.entries].slice(-KEPT);
  const unread =
    tail.problem === null ? null : `earlier entries of the journal cannot be read: ${tail.problem}`;
  let number = entries.reduce((highest, entry) => Math.max(highest, entry.number), 0);

  const disk = new JournalFile({
    file,
    size: tail.size,
    isTorn: tail.isTorn,
    rotateAt,
    queueLimit: options.queueLimit ?? QUEUE_LIMIT,
    retryAfter: options.retryAfter ?? RETRY_AFTER,
  });
  const listeners = new Set<(entry: JournalEntry) => void>();

  return {
    append: (line) => {
      number += 1;
      const entry: JournalEntry = { number, at_ms: Math.round(date()), node, ...line };
      entries.push(entry);
      // Trimmed in larger steps: each removal at the front moves all the others.
      if (entries.length > KEPT + KEPT / 10) entries.splice(0, entries.length - KEPT);
      disk.append(JSON.stringify(entry));
      for (const listener of listeners) listener(entry);
    },
    read: (query) => select(entries.slice(-KEPT), query),
    follow: (listener) => {
      // Wrapped, so that one listener may follow twice.
      const own = (entry: JournalEntry): void => listener(entry);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    condition: () => ({ problem: disk.problem ?? unread, lost: disk.lost }),
    close: (deadline, done) => disk.close(deadline, done),
  };
}

function select(entries: readonly JournalEntry[], query: JournalQuery): readonly JournalEntry[] {
  const { sinceNumber = 0, sinceMs = 0, limit } = query;
  return entries.filter((entry) => entry.number > sinceNumber && entry.at_ms >= sinceMs).slice(-limit);
}
