// Durations and dates between people and numbers.

/** `12 ms`, `3.4 s`, `5 min`, `2 h`, `3 d`: one number, rounded. */
export function formatDuration(milliseconds: number): string {
  const of = (unit: number, digits: number) => Number((milliseconds / unit).toFixed(digits));
  if (milliseconds < 999.5) return `${of(1, milliseconds < 10 ? 1 : 0)} ms`;
  if (milliseconds < 10_000) return `${of(1000, 1)} s`;
  if (milliseconds < 120_000) return `${of(1000, 0)} s`;
  if (milliseconds < 2 * 3_600_000) return `${of(60_000, 0)} min`;
  if (milliseconds < 48 * 3_600_000) return `${of(3_600_000, 0)} h`;
  return `${of(86_400_000, 0)} d`;
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * `10m`, `90s`, `2h`, `3d` before `now`; or a date such as `2026-11-20` or `2026-11-20 10:24`, local time unless
 * it names a zone. In milliseconds since 1970; null: neither.
 */
export function parseSince(text: string, now: number): number | null {
  const span = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/.exec(text.trim());
  if (span !== null) return now - Number(span[1]) * (UNITS[span[2] ?? ""] ?? 0);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text.trim())) return null;
  // A date alone would be read as UTC.
  const date = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text.trim()) ? `${text.trim()}T00:00` : text.trim());
  return Number.isNaN(date) ? null : date;
}
