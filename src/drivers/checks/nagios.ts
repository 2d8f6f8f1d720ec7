// Reads what a Nagios plugin prints: one line for people, then figures after a `|`.
// Source: Nagios Plugins Development Guidelines, "Plugin Output for Nagios" and "Performance data".

import type { Perfdata } from "#ports/checks.ts";

/** Longer first lines are cut; status and journal show them on one line. */
const TEXT_MAX = 500;
/** Figures of one probe that are kept. */
const PERFDATA_MAX = 256;

export interface PluginOutput {
  readonly text: string;
  readonly perfdata: readonly Perfdata[];
}

/**
 * The first line is `TEXT | FIGURES`. Further lines are long text, which is dropped, up to the first that
 * has a `|`; from there on all is figures.
 */
export function parsePluginOutput(output: string): PluginOutput {
  const [first = "", ...rest] = output.split("\n");
  const long = rest.join("\n");
  const later = long.includes("|") ? long.slice(long.indexOf("|") + 1) : "";
  const bar = first.includes("|") ? first.indexOf("|") : first.length;
  return {
    text: oneLine(first.slice(0, bar)),
    perfdata: parsePerfdata(`${first.slice(bar + 1)}\n${later}`),
  };
}

/** Control characters would reach an operator's terminal: they become blanks. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, " ").trim();
  return line.length <= TEXT_MAX ? line : `${line.slice(0, TEXT_MAX)}…`;
}

const NUMBER = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`;
/** 'label with blanks'=value[unit];warn;crit;min;max, each part from warn on may be missing. */
const FIGURE = new RegExp(
  String.raw`^(?:'((?:[^']|'')+)'|([^\s='|]+))=(U|${NUMBER})([^\s;\d]*)` +
    String.raw`(?:;([^\s;]*))?(?:;([^\s;]*))?(?:;([^\s;]*))?(?:;([^\s;]*))?;*$`,
);
/** A quoted label may hold blanks; everything else ends at one. */
const WORD = /(?:'(?:[^']|'')+'=)?\S+/g;

/** What is not a figure is passed over; the others still count. */
export function parsePerfdata(text: string): readonly Perfdata[] {
  const words = text.match(WORD) ?? [];
  return words.flatMap(parseFigure).slice(0, PERFDATA_MAX);
}

function parseFigure(word: string): Perfdata[] {
  const parts = FIGURE.exec(word);
  if (parts === null) return [];
  const [, quoted, plain, value, unit, warn, crit, min, max] = parts;
  const name = quoted?.replaceAll("''", "'") ?? plain ?? "";
  return [
    {
      name,
      value: parseNumber(value),
      unit: unit ?? "",
      warn: warn || null,
      crit: crit || null,
      min: parseNumber(min),
      max: parseNumber(max),
    },
  ];
}

const ONLY_NUMBER = new RegExp(`^${NUMBER}$`);

function parseNumber(text: string | undefined): number | null {
  if (text === undefined || !ONLY_NUMBER.test(text)) return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}
