import assert from "node:assert/strict";
import { test } from "node:test";
import type { Perfdata } from "#ports/checks.ts";
import { judgeEnd } from "./command-check.ts";
import { oneLine, parsePerfdata, parsePluginOutput } from "./nagios.ts";

const figure = (name: string, value: number | null, more: Partial<Perfdata> = {}): Perfdata => ({
  name,
  value,
  unit: "",
  warn: null,
  crit: null,
  min: null,
  max: null,
  ...more,
});

// The first ones are the examples of the guidelines.
const TABLE: readonly (readonly [string, readonly Perfdata[]])[] = [
  [
    "/=2643MB;5948;5958;0;5968",
    [figure("/", 2643, { unit: "MB", warn: "5948", crit: "5958", min: 0, max: 5968 })],
  ],
  ["time=0.002s;;;0.000;10", [figure("time", 0.002, { unit: "s", min: 0, max: 10 })]],
  [
    "load1=0.1;5.0;10;0; load5=.25",
    [figure("load1", 0.1, { warn: "5.0", crit: "10", min: 0 }), figure("load5", 0.25)],
  ],
  ["'free space'=12%;@10:20;~:30", [figure("free space", 12, { unit: "%", warn: "@10:20", crit: "~:30" })]],
  ["'it''s'=1c", [figure("it's", 1, { unit: "c" })]],
  ["'a=b'=1", [figure("a=b", 1)]],
  ["x=U", [figure("x", null)]],
  ["x=-1.5e-3s", [figure("x", -0.0015, { unit: "s" })]],
  ["x=5;;;;;", [figure("x", 5)]],
  ["  a=1 \t b=2\nc=3 ", [figure("a", 1), figure("b", 2), figure("c", 3)]],
  ["a=1 nonsense =3 b= c=x d=1,5 'open=4 e=2", [figure("a", 1), figure("e", 2)]],
  ["", []],
  ["'''''''''='", []],
];

for (const [text, expected] of TABLE) {
  test(`perfdata ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parsePerfdata(text), expected);
  });
}

test("text and figures are taken apart, on the first line and on later ones", () => {
  const output = [
    "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968",
    "/ 15272 MB (77%);",
    "/boot 68 MB (69%); | /boot=68MB;88;93;0;98",
    "/home=69357MB",
  ].join("\n");
  const { text, perfdata } = parsePluginOutput(output);
  assert.equal(text, "DISK OK - free space: / 3326 MB (56%);");
  assert.deepEqual(
    perfdata.map((one) => one.name),
    ["/", "/boot", "/home"],
  );
});

test("what would move an operator's cursor becomes a blank, and a long line is cut", () => {
  assert.equal(oneLine("\u001b[2Jred\ttext\u0007 "), "[2Jred text");
  assert.equal(oneLine("x".repeat(2000)).length, 501);
});

test("a hostile line takes no long time and keeps a bounded number of figures", { timeout: 5000 }, () => {
  assert.deepEqual(parsePerfdata("'".repeat(60_000)), []);
  assert.deepEqual(parsePerfdata(`${"'a".repeat(30_000)}=`), []);
  assert.equal(parsePerfdata("a=1 ".repeat(16_000)).length, 256);
});

test("exit codes and other ends give the outcomes of the guidelines", () => {
  const exit = (code: number, output = "said") => judgeEnd({ kind: "exited", code, output });
  const outcomes = [0, 1, 2, 3, 4, 126, 127, 255].map((code) => exit(code).outcome);
  assert.deepEqual(outcomes, [
    "ok",
    "warning",
    "critical",
    "unknown",
    "critical",
    "unknown",
    "unknown",
    "critical",
  ]);
  assert.equal(exit(0, "").text, "(no output)");
  assert.equal(exit(7, "curl: refused\nmore").text, "exit code 7: curl: refused");
  assert.equal(judgeEnd({ kind: "signalled", signal: "SIGSEGV", output: "" }).outcome, "critical");
  assert.equal(judgeEnd({ kind: "not-started", problem: "no such program" }).outcome, "unknown");
});
