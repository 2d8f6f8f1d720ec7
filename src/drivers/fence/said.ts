// What a program printed to one sentence for people, with its secrets hidden.

import { plain } from "#lib/plain.ts";

/** Journal and status show it on one line. */
const SENTENCE_MAX = 300;
const VEIL = "(hidden)";

export type Hide = (text: string) => string;

/** Hides these texts wherever they stand, also as a shell, a URL or JSON would write them. */
export function createVeil(secrets: readonly string[]): Hide {
  const forms = secrets
    .filter((secret) => secret !== "")
    .flatMap((secret) => [
      `'${secret.replaceAll("'", `'"'"'`)}'`,
      secret,
      secret.trim(),
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
    ])
    .filter((form) => form !== "")
    .sort((a, b) => b.length - a.length);
  return (text) => forms.reduce((left, form) => left.replaceAll(form, VEIL), text);
}

/** The time and level that Python's logging puts before a line; fencing.py logs every error twice. */
const LOG_PREFIX =
  /^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ )?(?:(?:ERROR|WARNING|INFO|DEBUG):\s*)?(?:root:)?\s*/;
const IS_NOISE = /^Please use '-h' for usage|DeprecationWarning|^from \w+ import/;
const IS_ERROR = /error|fail|unable|denied|refused|timed out|lost|invalid|cannot/i;

/** The lines that name a mistake, each once; without one the last line. Null: it said nothing. */
export function sentenceOf(output: string, hide: Hide): string | null {
  const lines = hide(output)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => ({ text: line.replace(LOG_PREFIX, ""), isError: IS_ERROR.test(line) }))
    .filter(({ text }) => text !== "" && !IS_NOISE.test(text));
  const errors = lines.filter(({ isError }) => isError);
  const chosen = errors.length > 0 ? errors : lines.slice(-1);
  const sentence = plain([...new Set(chosen.map(({ text }) => text))].join("; "));
  if (sentence === "") return null;
  return sentence.length <= SENTENCE_MAX ? sentence : `${sentence.slice(0, SENTENCE_MAX)}…`;
}
