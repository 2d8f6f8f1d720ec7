// One journal entry as one line for people: the `journal` command and the daemon's stderr print the same.

import { plain } from "#lib/plain.ts";
import type { JournalEntry } from "#model/journal.ts";

/** `2026-11-20 10:24:34.123  plan     web  chip -> dale  chip has lapsed [active-lost]`, in local time. */
export function formatEntry(entry: JournalEntry): string {
  const { area, subject, what, why, code } = entry;
  const because = why === "" ? "" : `  ${why}`;
  const line = `${formatDate(entry.at_ms)}  ${area.padEnd(7)}  ${subject}  ${what}${because} [${code}]`;
  return plain(line);
}

/** A date with milliseconds in local time. */
export function formatDate(at_ms: number): string {
  const date = new Date(at_ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
