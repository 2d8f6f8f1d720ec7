import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compareEvents, compareIdle, figuresOf, parseCsv, type Row } from "./bench-table.ts";

function row(change: Row): Row {
  return {
    peer: "understudy",
    profile: "default",
    scenario: "cut",
    outage_ms: "500.0",
    failed: "499",
    after: "h2",
    dual_ms: "0.0",
    arp_two: "0/100",
    ...change,
  };
}

describe("rows from the measuring lab", () => {
  test("CSV with quotes, commas and line ends within them is read by the names of its head", () => {
    const rows = parseCsv('peer,note\r\nunderstudy,"left:h1, ""h2""\nsoon"\r\nkeepalived,\r\n');
    assert.deepEqual(rows, [
      { peer: "understudy", note: 'left:h1, "h2"\nsoon' },
      { peer: "keepalived", note: "" },
    ]);
  });

  test("median and worst of odd and even numbers of runs", () => {
    const of = (...outages: string[]) => figuresOf(outages.map((outage_ms) => row({ outage_ms })));
    assert.equal(of("300", "100", "200")?.medianMs, 200);
    assert.equal(of("100", "400", "300", "200")?.medianMs, 250);
    assert.equal(of("100", "400", "300", "200")?.worstMs, 400);
    assert.equal(of(), null);
  });

  test("a gap in which nothing failed is no outage, and one without end is worse than any", () => {
    assert.equal(figuresOf([row({ outage_ms: "7.0", failed: "0" })])?.worstMs, 0);
    const figures = figuresOf([row({ outage_ms: "-1" }), row({})]);
    assert.equal(figures?.worstMs, Number.POSITIVE_INFINITY);
    assert.equal(figures?.dead, 1);
  });

  test("both peers stand side by side with the ratio of their medians", () => {
    const lines = compareEvents(
      [
        row({}),
        row({ peer: "keepalived", outage_ms: "3000", arp_two: "4/100", dual_ms: "3" }),
        row({ scenario: "failback", outage_ms: "0", failed: "0" }),
      ],
      "understudy",
      "keepalived",
    );
    assert.deepEqual(lines.slice(2), [
      "| default | cut | 500 / 500 (1 runs) | 3000 / 3000 (1 runs) | 0.17 | 0 of 100 ARP asks | 4 of 100 ARP asks, the client in 1 runs |",
      "| default | failback | 0.0 / 0.0 (1 runs) | - | - | 0 of 100 ARP asks | - |",
    ]);
  });

  test("upkeep is a mean of the runs, CPU in percent of one core", () => {
    const idle = { peer: "understudy", profile: "default", host: "h1", rss_kb: "51200", pss_kb: "40960" };
    const lines = compareIdle([
      { ...idle, cpu_s_per_min: "0.3", packets_per_s: "60" },
      { ...idle, cpu_s_per_min: "0.6", packets_per_s: "61" },
    ]);
    assert.deepEqual(lines.slice(2), ["| understudy | default | h1 | 0.75 | 50.0 | 40.0 | 60.5 |"]);
  });
});
