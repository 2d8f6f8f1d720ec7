import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPath, formatProblems, type Problem, sortProblems } from "./problem.ts";

const problem = (part: Partial<Problem>): Problem => ({
  path: "",
  line: 1,
  column: 1,
  length: 1,
  message: "wrong",
  hint: null,
  ...part,
});

test("paths read as people would write them", () => {
  assert.equal(formatPath(["services", "www", "place", 1]), "services.www.place[1]");
  assert.equal(formatPath(["services", "a.b"]), 'services["a.b"]');
  assert.equal(formatPath([]), "");
});

test("a problem shows its line, a caret below what is meant, and its hint", () => {
  const shown = problem({
    line: 2,
    column: 11,
    length: 4,
    path: "services.www.place[1]",
    hint: 'did you mean "web2"?',
  });
  const text = "a: 1\r\np: [web1, web3]\r\n".replace("p: [web1", "p: [web11");
  assert.equal(
    formatProblems([shown], text, "x.yaml"),
    [
      "x.yaml:2:11: services.www.place[1]: wrong",
      "    2 | p: [web11, web3]",
      "      |           ^^^^",
      '   hint: did you mean "web2"?',
    ].join("\n"),
  );
});

test("of a long line only the part around the place is shown, and control characters do no harm", () => {
  const line = `${"a".repeat(300)}\u001b[31m${"b".repeat(300)}`;
  const [, source = "", caret = ""] = formatProblems(
    [problem({ column: 301, length: 400 })],
    line,
    "x",
  ).split("\n");
  assert(source.length < 120);
  assert.equal(source[caret.indexOf("^")], "?");
  assert(caret.length <= source.length);
});

test("a tab keeps the caret in its column", () => {
  const [, source = "", caret = ""] = formatProblems([problem({ column: 3 })], "a\tb", "x").split("\n");
  assert.equal(source[caret.indexOf("^")], "b");
});

test("problems come in the order of the text, each once", () => {
  const [a, b, c] = [problem({ line: 1, column: 5 }), problem({ line: 2 }), problem({ line: 10 })] as const;
  assert.deepEqual(sortProblems([c, b, a, { ...b }]), [a, b, c]);
});

test("a password is not shown, wherever the problem is, and the caret stays", () => {
  const shown = (line: string) =>
    formatProblems([problem({ column: 1 })], line, "x")
      .split("\n")[1]
      ?.slice(8);
  const lines: [string, string][] = [
    ["{ password: s3cret, password_file: /etc/x }", "{ password: ******, password_file: /etc/x }"],
    ["{ 'passwd': \"a, b\" }", "{ 'passwd': ****** }"],
    ["snmp-priv-passwd: x", "snmp-priv-passwd: *"],
    ["redfish: https://ha:s3cret@10.9.8.2/x", "redfish: https://ha:******@10.9.8.2/x"],
    ["tcp: localhost:25", "tcp: localhost:25"],
  ];
  for (const [line, expected] of lines) assert.equal(shown(line), expected);
});
