import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { JournalEntry, JournalLine } from "#model/journal.ts";
import { term } from "#model/units.ts";
import { type Journal, type JournalOptions, openJournal } from "./journal.ts";

let dir = "";
let file = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "understudy-journal-"));
  file = join(dir, "journal.jsonl");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const line = (what: string): JournalLine => ({
  area: "plan",
  subject: "web",
  what,
  code: "active-lost",
  why: "chip has lapsed",
  term: term(5),
});

const open = (options: Partial<JournalOptions> = {}): Journal =>
  openJournal({ file, node: "dale", date: () => 1000, retryAfter: 10, ...options });

const close = (journal: Journal): Promise<void> => new Promise((done) => journal.close(5_000, done));
const whats = (journal: Journal): string[] => journal.read({ limit: 100_000 }).map((entry) => entry.what);
const lines = (path: string): string[] => readFileSync(path, "utf8").split("\n").filter(Boolean);

test("an entry gets number, date and node, is in memory at once, and on disk after the end", async () => {
  const journal = open();
  journal.append(line("chip -> dale"));
  const expected: JournalEntry = { number: 1, at_ms: 1000, node: "dale", ...line("chip -> dale") };
  assert.deepEqual(journal.read({ limit: 10 }), [expected]);
  await close(journal);
  assert.deepEqual(
    lines(file).map((text) => JSON.parse(text)),
    [expected],
  );
});

test("a new life reads the end back and goes on counting", async () => {
  const first = open();
  for (const what of ["a", "b", "c"]) first.append(line(what));
  await close(first);
  const second = open();
  second.append(line("d"));
  assert.deepEqual(whats(second), ["a", "b", "c", "d"]);
  assert.equal(second.read({ limit: 1 })[0]?.number, 4);
  await close(second);
  assert.equal(lines(file).length, 4);
});

test("a torn last line is skipped, and the next entry does not grow out of it", async () => {
  const first = open();
  first.append(line("a"));
  await close(first);
  appendFileSync(file, '{"number":2,"at_m');
  const second = open();
  assert.deepEqual(whats(second), ["a"]);
  second.append(line("b"));
  await close(second);
  assert.deepEqual(whats(open()), ["a", "b"]);
});

test("lines that are no entries are skipped", () => {
  writeFileSync(file, 'null\n42\n\n{"number":"x"}\nnonsense\n');
  assert.deepEqual(whats(open()), []);
});

test("two files hold the newest entries, none larger than the limit", async () => {
  const journal = open({ rotateAt: 1000 });
  for (let i = 1; i <= 40; i++) {
    journal.append(line(`entry ${i}`));
    // One at a time: a batch is written whole.
    await until(() => existsSync(file) && readFileSync(file, "utf8").includes(`"entry ${i}"`));
  }
  await close(journal);
  assert.ok(existsSync(`${file}.1`));
  for (const path of [file, `${file}.1`]) assert.ok(readFileSync(path).length <= 1000);
  const back = open({ rotateAt: 100_000 });
  assert.equal(whats(back).at(-1), "entry 40");
  back.append(line("next"));
  assert.equal(back.read({ limit: 1 })[0]?.number, 41);
  await close(back);
});

test("a disk that fails never throws; it is said, and what waited is written when it works again", async () => {
  const missing = join(dir, "not-there");
  const journal = open({ file: join(missing, "journal.jsonl") });
  journal.append(line("a"));
  await until(() => journal.condition().problem !== null);
  assert.match(journal.condition().problem ?? "", /^the journal cannot be written: ENOENT/);
  journal.append(line("b"));
  assert.deepEqual(whats(journal), ["a", "b"]);
  mkdirSync(missing);
  await until(() => journal.condition().problem === null);
  await close(journal);
  assert.deepEqual(journal.condition(), { problem: null, lost: 0 });
  assert.equal(lines(join(missing, "journal.jsonl")).length, 2);
});

test("a full disk is said, and the queue stays bounded: the oldest entries are lost and counted", async () => {
  // Every write to /dev/full fails with ENOSPC.
  const journal = openJournal({ file: "/dev/full", node: "dale", queueLimit: 1000, retryAfter: 10 });
  for (let i = 0; i < 100; i++) journal.append(line(`entry ${i}`));
  await until(() => /ENOSPC/.test(journal.condition().problem ?? ""));
  assert.ok(journal.condition().lost > 80);
  assert.equal(whats(journal).length, 100);
  await close(journal);
});

test("what a full disk refused is written when there is room again", async () => {
  symlinkSync("/dev/full", file);
  const journal = open({ retryAfter: 10 });
  journal.append(line("a"));
  await until(() => /ENOSPC/.test(journal.condition().problem ?? ""));
  journal.append(line("b"));
  rmSync(file);
  await until(() => journal.condition().problem === null);
  await close(journal);
  assert.deepEqual(whats(open()), ["a", "b"]);
});

test("a journal that cannot be read says so and starts anew", async () => {
  mkdirSync(file);
  const journal = open();
  assert.match(journal.condition().problem ?? "", /^earlier entries of the journal cannot be read/);
  journal.append(line("a"));
  assert.deepEqual(whats(journal), ["a"]);
  await close(journal);
});

test("queries choose by number and date, and give the newest ones in order", async () => {
  let now = 0;
  const journal = open({ date: () => now });
  for (const what of ["a", "b", "c", "d"]) {
    now += 10;
    journal.append(line(what));
  }
  const ask = (query: object) => journal.read({ limit: 100, ...query }).map((entry) => entry.what);
  assert.deepEqual(ask({ sinceNumber: 2 }), ["c", "d"]);
  assert.deepEqual(ask({ sinceMs: 20 }), ["b", "c", "d"]);
  assert.deepEqual(ask({ sinceMs: 20, limit: 2 }), ["c", "d"]);
  await close(journal);
});

test("memory keeps the last 10,000", async () => {
  const journal = open();
  for (let i = 1; i <= 11_500; i++) journal.append(line(String(i)));
  const kept = whats(journal);
  assert.equal(kept.length, 10_000);
  assert.equal(kept.at(-1), "11500");
  await close(journal);
});

test("followers hear each entry until they stop", async () => {
  const journal = open();
  const heard: string[] = [];
  const stop = journal.follow((entry) => heard.push(entry.what));
  journal.append(line("a"));
  stop();
  journal.append(line("b"));
  assert.deepEqual(heard, ["a"]);
  await close(journal);
});

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, "did not happen within 10 s");
    await new Promise((done) => setTimeout(done, 5));
  }
}
