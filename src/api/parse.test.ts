import assert from "node:assert/strict";
import { test } from "node:test";
import { term } from "#model/units.ts";
import { formatEntry } from "./journal-text.ts";
import { JOURNAL_LIMIT, parseDeed, parseIntent, parseJournalQuery } from "./parse.ts";

test("each intent is read, and nothing else of what was sent gets through", () => {
  const good = [
    { kind: "switchover", service: "web", to: null },
    { kind: "switchover", service: "web", to: "dale" },
    { kind: "drain", node: "chip" },
    { kind: "undrain", node: "chip" },
    { kind: "maintenance", on: true, target: null },
    { kind: "maintenance", on: false, target: { kind: "node", node: "chip" } },
    { kind: "maintenance", on: true, target: { kind: "service", service: "web" } },
  ];
  for (const intent of good) {
    assert.deepEqual(parseIntent({ ...intent, extra: 1 }), { kind: "ok", value: intent });
  }
});

test("each deed is read, and nothing else of what was sent gets through", () => {
  const good = [
    { kind: "confirm-dead", node: "chip", who: "anna" },
    { kind: "fence", node: "chip", who: "anna" },
    { kind: "fence-test", node: null },
    { kind: "fence-test", node: "chip" },
  ];
  for (const deed of good) assert.deepEqual(parseDeed({ ...deed, extra: 1 }), { kind: "ok", value: deed });
  const steering = parseDeed({ kind: "fence", node: "chip", who: "an\u001b[2Jna" });
  assert.ok(steering.kind === "ok" && steering.value.kind === "fence");
  assert.equal(steering.value.who, "an?[2Jna");
});

test("what is no deed is refused with a sentence", () => {
  const bad = [
    null,
    "fence",
    {},
    { kind: "reboot", node: "chip", who: "anna" },
    { kind: "fence", node: "chip" },
    { kind: "fence", who: "anna" },
    { kind: "confirm-dead", node: null, who: "anna" },
    { kind: "confirm-dead", node: "chip", who: "x".repeat(256) },
    { kind: "fence-test" },
  ];
  for (const value of bad) {
    const parsed = parseDeed(value);
    assert.ok(parsed.kind === "wrong" && parsed.problem.length > 10, JSON.stringify(value));
  }
});

test("what is no intent is refused with a sentence", () => {
  const bad = [
    null,
    7,
    "drain",
    [],
    {},
    { kind: "reboot" },
    { kind: "__proto__" },
    { kind: "switchover", to: "dale" },
    { kind: "switchover", service: "web" },
    { kind: "switchover", service: "web", to: 7 },
    { kind: "switchover", service: "x".repeat(256), to: null },
    { kind: "drain", node: "" },
    { kind: "maintenance", on: "yes", target: null },
    { kind: "maintenance", on: true },
    { kind: "maintenance", on: true, target: { kind: "node", service: "web" } },
  ];
  for (const value of bad) {
    const parsed = parseIntent(value);
    assert.equal(parsed.kind, "wrong", JSON.stringify(value));
  }
});

test("journal queries are whole numbers, and the limit is bounded", () => {
  const parse = (text: string) => parseJournalQuery(new URLSearchParams(text));
  assert.deepEqual(parse(""), { kind: "ok", value: { limit: JOURNAL_LIMIT } });
  assert.deepEqual(parse("since_number=5&since_ms=7&limit=3"), {
    kind: "ok",
    value: { sinceNumber: 5, sinceMs: 7, limit: 3 },
  });
  assert.deepEqual(parse("limit=0"), { kind: "ok", value: { limit: 1 } });
  assert.deepEqual(parse("limit=99999999"), { kind: "ok", value: { limit: JOURNAL_LIMIT } });
  for (const text of ["limit=-1", "limit=1e3", "since_ms=", "until=3"])
    assert.equal(parse(text).kind, "wrong");
});

test("a journal entry is one line, whatever is in it", () => {
  const line = formatEntry({
    number: 1,
    at_ms: Date.parse("2026-11-20T10:24:34.007"),
    node: "chip",
    area: "health",
    subject: "web",
    what: "healthy -> failed",
    code: "check-failed",
    why: "http: no answer\nwithin 2 s\u001b[31m",
    term: term(5),
  });
  assert.equal(
    line,
    "2026-11-20 10:24:34.007  health   web  healthy -> failed  http: no answer within 2 s?[31m [check-failed]",
  );
});
