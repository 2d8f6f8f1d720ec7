// Whole configuration files and what is said about them. Beside each file stands the exact answer that
// people see: NAME.txt for problems and warnings, NAME.json for what a good one becomes. UPDATE_GOLDEN=1 rewrites the
// answers; the difference is reviewed like code.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TIMING_PROFILES } from "#config/defaults.ts";
import { formatDuration } from "#config/leaves.ts";
import * as later from "#config/not-yet.ts";
import { type Parsed, parseConfig } from "#config/parse.ts";
import { formatProblems, type Problem } from "#config/problem.ts";

const BROKEN = join(import.meta.dirname, "config-broken");
const LATER = join(import.meta.dirname, "config-later");
const WARNED = join(import.meta.dirname, "config-warned");
const GOOD = join(import.meta.dirname, "config-good");

test("there are fifty-two broken configurations", () => {
  assert.equal(yamlIn(BROKEN).length, 52);
});

for (const file of yamlIn(BROKEN)) {
  test(`broken: ${file}`, () => {
    const { text, parsed } = read(BROKEN, file);
    const problems = problemsOf(parsed);
    assert.notEqual(problems.length, 0);
    for (const problem of problems) assert.notEqual(problem.hint, null, `a hint for: ${problem.message}`);
    expectGolden(join(BROKEN, file.replace(".yaml", ".txt")), `${formatProblems(problems, text, file)}\n`);
  });
}

for (const file of yamlIn(LATER)) {
  test(`later: of ${file} only what is not built yet is refused`, () => {
    const { parsed } = read(LATER, file);
    const problems = problemsOf(parsed);
    assert.notEqual(problems.length, 0);
    for (const { message } of problems) assert.match(message, /^not yet: /);
    const refused = problems.map(({ line, column, path }) => `${line}:${column} ${path}\n`).join("");
    expectGolden(join(LATER, file.replace(".yaml", ".txt")), refused);
  });
}

for (const file of yamlIn(GOOD)) {
  test(`good: ${file}`, () => {
    const { text, parsed } = read(GOOD, file);
    assert.deepEqual(problemsOf(parsed), [], formatProblems(problemsOf(parsed), text, file));
    assert(parsed.kind === "ok");
    assert.deepEqual(parsed.warnings, []);
    expectGolden(join(GOOD, file.replace(".yaml", ".json")), `${JSON.stringify(parsed.config, null, 1)}\n`);
  });
}

for (const file of yamlIn(WARNED)) {
  test(`warned: ${file} is good, and probably not what was meant`, () => {
    const { text, parsed } = read(WARNED, file);
    assert(parsed.kind === "ok", formatProblems(problemsOf(parsed), text, file));
    assert.notEqual(parsed.warnings.length, 0);
    for (const { hint, message } of parsed.warnings) assert.notEqual(hint, null, `a hint for: ${message}`);
    expectGolden(
      join(WARNED, file.replace(".yaml", ".txt")),
      `${formatProblems(parsed.warnings, text, file)}\n`,
    );
  });
}

test("each whole file in docs/configuration.md is good, and its tables have the defaults of the code", () => {
  const text = readFileSync(join(import.meta.dirname, "..", "docs", "configuration.md"), "utf8");
  const blocks = [...text.matchAll(/^```yaml\n(version:.*?)^```$/gms)].map(([, block = ""]) => block);
  assert.equal(blocks.length, 8);
  for (const block of blocks) {
    const parsed = parseConfig(block);
    const said = parsed.kind === "ok" ? parsed.warnings : parsed.problems;
    assert.equal(said.length, 0, formatProblems(said, block, "docs/configuration.md"));
  }
  for (const { profile, lease, pulse, drift, workerSilence } of Object.values(TIMING_PROFILES)) {
    const cells = [
      formatDuration(lease),
      formatDuration(pulse),
      String(drift),
      formatDuration(workerSilence),
    ];
    assert(text.includes(`| \`${profile}\` | ${cells.join(" | ")} |`), profile);
  }
  const planned = text.slice(text.indexOf("## Not in this version"));
  const keys = Object.values(later).flatMap((section) => Object.keys(section));
  for (const key of keys) assert(planned.includes(`\`${key}\``), key);
});

function yamlIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .sort();
}

function read(folder: string, file: string): { readonly text: string; readonly parsed: Parsed } {
  const text = readFileSync(join(folder, file), "utf8");
  return { text, parsed: parseConfig(text) };
}

function problemsOf(parsed: Parsed): readonly Problem[] {
  return parsed.kind === "ok" ? [] : parsed.problems;
}

function expectGolden(path: string, actual: string): void {
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, actual);
  const expected = existsSync(path) ? readFileSync(path, "utf8") : "";
  assert.equal(actual, expected);
}
