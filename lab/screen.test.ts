import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { openLedger } from "./ledger.ts";
import { renderScreen, type View } from "./screen.ts";

function view(change: Partial<View> = {}): View {
  const ledger = openLedger();
  ledger.add(
    Array.from({ length: 3000 }, (_, number) => ({
      kind: "request" as const,
      number,
      sentMs: number,
      rttMs: number > 800 && number < 1000 ? null : 0.06,
      host: number > 800 && number < 1000 ? "" : number < 900 ? "chip" : "dale",
    })),
  );
  const member = { daemon: "runs", network: "connected", service: "", lease: "" } as const;
  return {
    address: "10.77.0.100",
    timing: "default",
    sentence: "web is active on dale.",
    members: ["chip", "dale", "witness"].map((name) => ({ name, ...member })),
    sight: ledger.now(),
    outages: [
      { fromMs: 800, toMs: 1000, before: "chip", after: "dale", cause: "cut chip off", date: new Date(0) },
    ],
    journal: Array.from({ length: 30 }, (_, index) => ({
      number: 30 - index,
      at_ms: 0,
      node: "dale",
      area: "service",
      subject: "web",
      what: `standby -> active ${30 - index}`,
      code: "active-lost",
      why: "a very long reason ".repeat(10),
      term: 3 as never,
    })),
    message: "",
    nowMs: 3001,
    ...change,
  };
}

function plainScreen(shown: View, size = { columns: 80, rows: 24 }): readonly string[] {
  return renderScreen(shown, size).map(stripVTControlCharacters);
}

describe("the live screen", () => {
  test("fits into 80 by 24, and into less and more", () => {
    for (const size of [
      { columns: 80, rows: 24 },
      { columns: 40, rows: 10 },
      { columns: 200, rows: 60 },
    ]) {
      const lines = plainScreen(view(), size);
      assert.ok(lines.length <= size.rows, `${lines.length} rows of ${size.rows}`);
      for (const line of lines) assert.ok([...line].length <= size.columns, line);
    }
    assert.equal(plainScreen(view()).length, 24);
  });

  test("the keys are the last line of 80 by 24", () => {
    assert.match(plainScreen(view()).at(-1) ?? "", /s {2}switch over .*q {2}quit/);
  });

  test("shows who answers, how fast, and the outages with their cause", () => {
    const text = plainScreen(view()).join("\n");
    assert.match(text, /dale answers {2}1000\/s {2}0\.06 ms {2}lost 199 of 3000/);
    assert.match(text, /200 ms {2}chip -> dale {4}cut chip off/);
    assert.match(text, /two hosts answering: never/);
    assert.match(text, /^ccc·dddd/m);
  });

  test("a silence that goes on is shown at once", () => {
    assert.match(plainScreen(view({ nowMs: 4500 })).join("\n"), /no answer for 1\.5 s/);
  });

  test("control characters of a daemon do not reach the terminal", () => {
    const text = renderScreen(view({ sentence: "a\x1b[2Jb\nc" }), { columns: 80, rows: 24 }).join("");
    assert.equal(text.includes("\x1b[2J"), false);
    assert.equal(text.includes("\n"), false);
  });
});
