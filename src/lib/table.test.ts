import assert from "node:assert/strict";
import { test } from "node:test";
import { plain } from "./plain.ts";
import { formatTable, wrap } from "./table.ts";

const ROWS = [
  ["NAME", "ACTIVE", "WHY"],
  ["web", "chip", "it may act and reports the service healthy"],
  ["a-rather-long-name", "-", ""],
];

test("columns are aligned, and lines have no blanks at the end", () => {
  assert.deepEqual(formatTable(ROWS, { width: null }), [
    "NAME                ACTIVE  WHY",
    "web                 chip    it may act and reports the service healthy",
    "a-rather-long-name  -",
  ]);
});

test("a narrow terminal wraps the last column first", () => {
  assert.deepEqual(formatTable(ROWS, { width: 50 }), [
    "NAME                ACTIVE  WHY",
    "web                 chip    it may act and reports",
    "                            the service healthy",
    "a-rather-long-name  -",
  ]);
});

test("a very narrow terminal also cuts the wide columns, and no line is wider", () => {
  for (const width of [30, 36, 44]) {
    const lines = formatTable(ROWS, { width });
    assert.ok(
      lines.every((line) => line.length <= width),
      lines.join("\n"),
    );
    assert.match(lines.join("\n"), /a-rather\S*/);
  }
});

test("an empty table is no line", () => {
  assert.deepEqual(formatTable([], { width: 80 }), []);
});

test("a word longer than the line is broken", () => {
  assert.deepEqual(wrap("ab abcdefgh c", 4), ["ab", "abcd", "efgh", "c"]);
});

test("what came from elsewhere cannot steer the terminal", () => {
  assert.equal(plain("bad\u001b[31m\r\n  news\u0007"), "bad?[31m news?");
  assert.deepEqual(formatTable([["a\u001b[2J"]], { width: null }), ["a?[2J"]);
});
