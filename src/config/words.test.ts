import assert from "node:assert/strict";
import { test } from "node:test";
import { splitWords } from "./words.ts";

test("a line is split at blanks, quotes and backslashes keep them", () => {
  const lines: [string, string[]][] = [
    ["/opt/app  run\tfast ", ["/opt/app", "run", "fast"]],
    ["app 'a b' \"c d\" e\\ f", ["app", "a b", "c d", "e f"]],
    ["app 'it''s' \"a \\\"b\\\" \\n\"", ["app", "its", 'a "b" \\n']],
    ["app '' \"\"", ["app", "", ""]],
    ["app --x='|&;' \\$HOME a#b", ["app", "--x=|&;", "$HOME", "a#b"]],
  ];
  for (const [line, words] of lines) assert.deepEqual(splitWords(line), { kind: "read", value: words }, line);
});

test("what only a shell understands is refused, not passed on", () => {
  for (const line of ["a | b", "a; b", "a > /dev/null", "a $HOME", "a `b`", "a *.c", "~/a", "a #b", "a &"]) {
    const answer = splitWords(line);
    assert(answer.kind === "refused", line);
    assert.match(answer.message, /without a shell/);
  }
});

test("open quotes, a last backslash and nothing at all are refused", () => {
  for (const line of ["a 'b", 'a "b', "a \\", "", "  ", "''"])
    assert.equal(splitWords(line).kind, "refused", line);
});
