// Reads back what an earlier life wrote. Whatever it finds, it never fails: what is no entry is skipped.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { JournalEntry } from "#model/journal.ts";

export interface Tail {
  /** Oldest first. */
  readonly entries: readonly JournalEntry[];
  /** Size of the file in bytes; 0 when there is none. */
  readonly size: number;
  /** Its last line was cut off in the middle of a write, so the next one needs a line break before it. */
  readonly isTorn: boolean;
  /** Why it could not be read, other than that it does not exist; null: it could. */
  readonly problem: string | null;
}

/** The entries in the last `maxBytes` of a journal file, at most `limit` of them. Blocks: for the start only. */
export function readTail(
  file: string,
  { limit, maxBytes }: { readonly limit: number; readonly maxBytes: number },
): Tail {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch (error) {
    return { entries: [], size: 0, isTorn: false, problem: problemOf(error) };
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    const read = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    const text = buffer.subarray(0, read).toString("utf8");
    const entries = text
      .split("\n")
      .slice(-limit - 1)
      .map(parseEntry)
      .filter((entry) => entry !== null);
    return { entries, size, isTorn: text !== "" && !text.endsWith("\n"), problem: null };
  } catch (error) {
    return { entries: [], size: 0, isTorn: true, problem: problemOf(error) };
  } finally {
    closeSync(fd);
  }
}

/** One line of the file; null when it is none, or was torn. */
function parseEntry(line: string): JournalEntry | null {
  let value: Partial<Record<keyof JournalEntry, unknown>> | null;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const isEntry =
    typeof value === "object" &&
    value !== null &&
    Number.isSafeInteger(value.number) &&
    Number.isFinite(value.at_ms) &&
    Number.isSafeInteger(value.term) &&
    [value.node, value.area, value.subject, value.what, value.code, value.why].every(
      (field) => typeof field === "string",
    );
  return isEntry ? (value as JournalEntry) : null;
}

function problemOf(error: unknown): string | null {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
  return error instanceof Error ? error.message : String(error);
}
