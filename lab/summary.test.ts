import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, formatEntry, parseEntry } from "./probe-log.ts";
import { outagesAmong, summarize, summarizeAsks } from "./summary.ts";

/** Requests a millisecond apart, one letter each: the host that answered, or "-" for a lost one. */
function requests(pattern: string, firstMs = 0): Entry[] {
  return [...pattern].map((letter, index) => ({
    kind: "request",
    number: firstMs + index,
    sentMs: firstMs + index,
    rttMs: letter === "-" ? null : 0.1,
    host: letter === "-" ? "" : letter,
  }));
}

const WHOLE = { fromMs: 0, toMs: 1000 };

describe("what a client saw", () => {
  test("a service that always answers has no outage", () => {
    const summary = summarize(requests("aaaaaaaa"), WHOLE);
    assert.deepEqual(summary, { asked: 8, lost: 0, outageMs: 0, before: "a", after: "a", interleaved: 0 });
  });

  test("an outage lasts from the last answered request to the next one", () => {
    const summary = summarize(requests("aa---bb"), WHOLE);
    assert.equal(summary.outageMs, 4);
    assert.equal(summary.lost, 3);
    assert.equal(summary.before, "a");
    assert.equal(summary.after, "b");
  });

  test("the longest of several outages counts", () => {
    assert.equal(summarize(requests("a-a--a-a"), WHOLE).outageMs, 3);
  });

  test("a pause of the probe is no outage", () => {
    assert.equal(summarize([...requests("aa"), ...requests("aa", 200)], WHOLE).outageMs, 0);
  });

  test("an outage that has not ended is counted to the end of the stretch", () => {
    const summary = summarize(requests("aa---"), { fromMs: 0, toMs: 50 });
    assert.equal(summary.outageMs, 49);
    assert.equal(summary.after, "a");
  });

  test("an outage from the first request of a stretch on starts at the last answer before it", () => {
    const summary = summarize(requests("aaa--bb"), { fromMs: 3, toMs: 100 });
    assert.equal(summary.outageMs, 3);
    assert.equal(summary.before, "a");
  });

  test("nobody ever answering is an outage as long as the stretch", () => {
    const summary = summarize(requests("---"), { fromMs: 0, toMs: 3 });
    assert.equal(summary.outageMs, 3);
    assert.equal(summary.after, null);
  });

  test("requests logged after later ones are put in order", () => {
    const [lost, ...rest] = requests("-aab").reverse();
    assert.ok(lost);
    assert.equal(summarize([...rest, lost], WHOLE).outageMs, 0);
    assert.equal(
      summarize([...requests("aa-b").slice(0, 2), ...requests("aa-b").slice(2).reverse()], WHOLE).outageMs,
      2,
    );
  });

  test("a clean hand-over is not two hosts answering", () => {
    assert.equal(summarize(requests("aa--bbbb"), WHOLE).interleaved, 0);
  });

  test("each answer of a host that was already followed counts as a moment with two", () => {
    assert.equal(summarize(requests("aabab-a"), WHOLE).interleaved, 2);
  });

  test("a late or second answer of the former host counts too", () => {
    const late: Entry = { kind: "straggler", number: 1, sentMs: 1, rttMs: 700, host: "a" };
    assert.equal(summarize([...requests("a-bb"), late], WHOLE).interleaved, 1);
  });

  test("outages are listed with who answered before and after", () => {
    const listed = outagesAmong(requests("a-a--b").filter((entry) => entry.kind === "request"));
    assert.deepEqual(listed, [
      { fromMs: 0, toMs: 2, before: "a", after: "a" },
      { fromMs: 2, toMs: 5, before: "a", after: "b" },
    ]);
  });
});

describe("who answers ARP", () => {
  test("questions answered by two or by none are counted within the stretch", () => {
    const asks: Entry[] = [["m1"], ["m1", "m2"], [], ["m2"], ["m1", "m2"]].map((macs, index) => ({
      kind: "ask",
      number: index,
      sentMs: index * 10,
      macs,
    }));
    assert.deepEqual(summarizeAsks(asks, { fromMs: 0, toMs: 40 }), { asked: 4, doubled: 1, unanswered: 1 });
  });
});

describe("the probe's log", () => {
  const entries: readonly Entry[] = [
    { kind: "request", number: 7, sentMs: 12.5, rttMs: 0.123, host: "chip" },
    { kind: "request", number: 8, sentMs: 13.5, rttMs: null, host: "" },
    { kind: "straggler", number: 8, sentMs: 13.5, rttMs: 600, host: "dale" },
    { kind: "ask", number: 0, sentMs: 1, macs: ["02:77:00:00:00:01", "02:77:00:00:00:02"] },
    { kind: "ask", number: 1, sentMs: 21, macs: [] },
  ];

  test("every entry reads back as it was written", () => {
    for (const entry of entries) assert.deepEqual(parseEntry(formatEntry(entry)), entry);
  });

  test("a line cut short or of another kind is no entry", () => {
    for (const line of [
      "",
      "r",
      "r,1",
      "r,1,2.0",
      "r,1,2.0,3",
      "x,1,2.0,3,chip",
      "r,a,b,c,d",
      "s,1,2.0,,chip",
    ]) {
      assert.equal(parseEntry(line), null, line);
    }
  });
});
