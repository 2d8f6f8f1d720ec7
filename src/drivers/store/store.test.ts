import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { StorePort, StoreWritten } from "#ports/store.ts";
import { formatDocument, parseDocument } from "./document.ts";
import { lockDirectory } from "./lock.ts";
import { openStore } from "./store.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-store-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let directories = 0;

function newDirectory(): string {
  directories += 1;
  return join(folder, String(directories));
}

function storeOf(directory: string): StorePort {
  const opened = openStore(directory);
  assert.ok(opened.kind === "open");
  return opened.store;
}

const write = (store: StorePort, name: string, text: string): Promise<StoreWritten> =>
  new Promise((resolve) => store.write(name, text, resolve));

test("what was written is found, by this store and by the next", async () => {
  const directory = join(newDirectory(), "deep", "er");
  const store = storeOf(directory);
  assert.deepEqual(store.read("intents"), { kind: "absent" });
  assert.deepEqual(await write(store, "intents", "größer\n"), { kind: "done" });
  assert.deepEqual(store.read("intents"), { kind: "found", text: "größer\n" });
  assert.deepEqual(store.writeSync("intents", ""), { kind: "done" });
  assert.deepEqual(storeOf(directory).read("intents"), { kind: "found", text: "" });
});

test("only its owner may read a document or list the directory", () => {
  const directory = newDirectory();
  const store = storeOf(directory);
  store.writeSync("term", "4");
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(join(directory, "term.doc")).mode & 0o777, 0o600);
});

test("many writes of one name end with the last one, each is answered in order, nothing is left over", async () => {
  const directory = newDirectory();
  const store = storeOf(directory);
  const answered: number[] = [];
  const all = Array.from({ length: 50 }, async (_, i) => {
    assert.deepEqual(await write(store, "intents", `number ${i}`), { kind: "done" });
    answered.push(i);
  });
  await Promise.all(all);
  assert.deepEqual(answered, [...Array(50).keys()]);
  assert.deepEqual(store.read("intents"), { kind: "found", text: "number 49" });
  assert.deepEqual(readdirSync(directory), ["intents.doc"]);
});

test("more writes than a healthy disk ever has waiting fail, the others do not", async () => {
  const store = storeOf(newDirectory());
  const all = await Promise.all(Array.from({ length: 70 }, (_, i) => write(store, "intents", String(i))));
  assert.equal(all.filter((written) => written.kind === "done").length, 64);
  assert.deepEqual(store.read("intents"), { kind: "found", text: "63" });
  assert.deepEqual(await write(store, "intents", "again"), { kind: "done" });
});

test("what a crash left half written beside a document is written over", async () => {
  const directory = newDirectory();
  const store = storeOf(directory);
  store.writeSync("term", "1");
  writeFileSync(join(directory, ".term.tmp"), "half of something longer than the new text");
  assert.deepEqual(store.read("term"), { kind: "found", text: "1" });
  assert.deepEqual(store.writeSync("term", "2"), { kind: "done" });
  writeFileSync(join(directory, ".term.tmp"), "again");
  assert.deepEqual(await write(store, "term", "3"), { kind: "done" });
  assert.deepEqual(store.read("term"), { kind: "found", text: "3" });
});

test("every cut and every flipped bit of a document is noticed", () => {
  const whole = formatDocument('{"term":7}');
  assert.deepEqual(parseDocument(whole), { kind: "whole", text: '{"term":7}' });
  for (let length = 0; length < whole.length; length += 1) {
    assert.equal(parseDocument(whole.subarray(0, length)).kind, "damaged", `cut to ${length}`);
  }
  for (let at = 0; at < whole.length * 8; at += 1) {
    const bytes = Uint8Array.from(whole);
    bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
    assert.equal(parseDocument(bytes).kind, "damaged", `bit ${at}`);
  }
});

test("damage is told with path and kind", () => {
  const directory = newDirectory();
  const store = storeOf(directory);
  const path = join(directory, "term.doc");
  const problem = () => {
    const read = store.read("term");
    assert.ok(read.kind === "damaged", read.kind);
    return read.problem;
  };
  store.writeSync("term", "12345");
  truncateSync(path, statSync(path).size - 2);
  assert.equal(problem(), `${path} has 3 bytes of 5`);
  truncateSync(path, 0);
  assert.equal(problem(), `${path} is empty`);
  writeFileSync(path, "12345");
  assert.equal(problem(), `${path} does not begin like a stored document`);
  store.writeSync("term", "12345");
  writeFileSync(path, readFileSync(path, "utf8").replace("document 1", "document 2"));
  assert.equal(problem(), `${path} has version 2; this program knows 1`);
});

test("what stands in the way is told with path and advice", async () => {
  const directory = newDirectory();
  const store = storeOf(directory);
  const path = join(directory, "term.doc");
  mkdirSync(path);
  const written = await write(store, "term", "1");
  assert.ok(written.kind === "failed");
  assert.equal(
    written.problem,
    `cannot write ${path}: there is a directory of that name: remove it (EISDIR)`,
  );
  assert.deepEqual(store.writeSync("term", "1"), written);
  const read = store.read("term");
  assert.ok(read.kind === "failed" && read.problem.startsWith(`cannot read ${path}: `));
  rmSync(directory, { recursive: true });
  const lost = await write(store, "term", "1");
  assert.ok(lost.kind === "failed" && lost.problem.includes("was the state directory removed"));
});

test("a directory that is a file cannot be opened or locked", () => {
  const directory = newDirectory();
  writeFileSync(directory, "");
  const opened = openStore(join(directory, "state"));
  assert.ok(opened.kind === "failed" && opened.problem.includes("(ENOTDIR)"));
  const lock = lockDirectory(join(directory, "state"), "node chip");
  assert.ok(lock.kind === "refused" && lock.problem.includes("(ENOTDIR)"));
});

test("a second daemon on the same directory is refused and told by whom, until the first lets go", () => {
  const directory = newDirectory();
  const first = lockDirectory(directory, "node chip");
  assert.ok(first.kind === "locked");
  const second = lockDirectory(directory, "node dale");
  assert.ok(second.kind === "refused");
  assert.match(second.problem, new RegExp(`lock is locked by process ${process.pid}, node chip; stop it`));
  first.release();
  first.release();
  const third = lockDirectory(directory, "node dale");
  assert.ok(third.kind === "locked");
  assert.equal(readFileSync(join(directory, "lock"), "utf8"), `process ${process.pid}, node dale\n`);
  third.release();
});
