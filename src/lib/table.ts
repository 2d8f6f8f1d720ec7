// Tables of text for terminals, as wide as the terminal at most.

import { plain } from "./plain.ts";

export interface TableOptions {
  /** Columns of the terminal; null: no limit (a file, a pipe). */
  readonly width: number | null;
}

const GAP = 2;
/** A column that must give way keeps this many characters. */
const NARROWEST = 8;

/**
 * One line per row, columns aligned to the left, no blanks at the end. The first row is the head.
 *
 * When the table is wider than the terminal, the last column is wrapped; when that does not suffice, the
 * widest of the others are cut with an ellipsis. Cells are made plain first.
 */
export function formatTable(rows: readonly (readonly string[])[], options: TableOptions): string[] {
  const cells = rows.map((row) => row.map(plain));
  const count = Math.max(0, ...cells.map((row) => row.length));
  const natural = Array.from({ length: count }, (_, column) =>
    Math.max(0, ...cells.map((row) => lengthOf(row[column] ?? ""))),
  );
  const widths = options.width === null ? natural : fit(natural, options.width);
  return cells.flatMap((row) => formatRow(row, widths));
}

/** Breaks a text at blanks into lines of at most `width`; a longer word gets broken. At least one line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (lengthOf(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    let rest = Array.from(word);
    while (rest.length > width) {
      lines.push(rest.slice(0, width).join(""));
      rest = rest.slice(width);
    }
    line = rest.join("");
  }
  lines.push(line);
  return lines;
}

function formatRow(row: readonly string[], widths: readonly number[]): string[] {
  const last = widths.length - 1;
  const before = widths
    .slice(0, last)
    .map((width, column) => pad(cut(row[column] ?? "", width), width + GAP));
  const indent = before.join("");
  return wrap(row[last] ?? "", Math.max(1, widths[last] ?? 1)).map((line, index) =>
    ((index === 0 ? indent : " ".repeat(lengthOf(indent))) + line).trimEnd(),
  );
}

function fit(natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  const last = widths.length - 1;
  const excess = () => widths.reduce((sum, each) => sum + each, 0) + GAP * last - width;
  const shrink = (column: number, by: number, least: number) => {
    const now = widths[column] ?? 0;
    widths[column] = Math.max(Math.min(now, least), now - by);
  };
  if (last >= 0 && excess() > 0) shrink(last, excess(), Math.max(NARROWEST, Math.floor(width / 3)));
  while (excess() > 0) {
    const others = widths.slice(0, last);
    const widest = Math.max(0, ...others);
    if (widest <= NARROWEST) break;
    shrink(others.indexOf(widest), 1, NARROWEST);
  }
  if (last >= 0 && excess() > 0) shrink(last, excess(), NARROWEST);
  return widths;
}

function cut(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - lengthOf(text)));
const lengthOf = (text: string): number => Array.from(text).length;
