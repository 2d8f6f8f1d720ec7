import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { generateKey, readClusterKey } from "./key.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-key-"));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function problemOf(content: string, mode = 0o600): string {
  const path = join(folder, `key-${++files}`);
  writeFileSync(path, content);
  chmodSync(path, mode);
  const read = readClusterKey(path);
  return read.kind === "problem" ? read.problem.replaceAll(path, "FILE") : "none";
}

test("a generated key is read back, with or without a newline", () => {
  const digits = generateKey();
  for (const end of ["", "\n", "\r\n"]) {
    const path = join(folder, `good-${++files}`);
    writeFileSync(path, digits + end, { mode: 0o600 });
    const read = readClusterKey(path);
    assert.equal(read.kind === "key" && Buffer.from(read.key).toString("hex"), digits);
  }
  assert.notEqual(generateKey(), digits);
});

test("a key that others could read is refused, with the command that mends it", () => {
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    assert.match(problemOf(generateKey(), mode), /is open to others \(mode 06..\); run: chmod 600 FILE$/);
  }
  assert.equal(problemOf(generateKey(), 0o400), "none");
});

test("a file that holds no key says what is wrong and never what it holds", () => {
  assert.match(problemOf("abcd\n"), /holds 4 hex digits instead of 64; make one with understudy keygen/);
  assert.match(problemOf("a".repeat(300)), /holds 256 or more hex digits/);
  assert.match(problemOf(""), /is empty/);
  const text = problemOf(`${"a".repeat(63)}z`);
  assert.match(text, /something else than hex digits/);
  assert.doesNotMatch(text, /aaa/);
});

test("a missing file and a directory are named", () => {
  const missing = readClusterKey(join(folder, "missing"));
  assert.match(
    missing.kind === "problem" ? missing.problem : "",
    /there is no key file .*missing; make one with/,
  );
  mkdirSync(join(folder, "sub"));
  const directory = readClusterKey(join(folder, "sub"));
  assert.match(directory.kind === "problem" ? directory.problem : "", /not a regular file/);
});
