import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BUCKET_MS, openLedger } from "./ledger.ts";
import type { Entry } from "./probe-log.ts";

function request(number: number, host: string, sentMs = number): Entry {
  return { kind: "request", number, sentMs, rttMs: host === "" ? null : 0.5, host };
}

describe("the ledger of what the client sees", () => {
  test("lost requests, logged later than the answers after them, still make one outage", () => {
    const ledger = openLedger();
    ledger.add([request(0, "a"), request(3, "b"), request(4, "b")]);
    assert.deepEqual(ledger.now().outages, []);
    assert.equal(ledger.now().last?.host, "b");
    ledger.add([request(1, ""), request(2, "")]);
    assert.deepEqual(ledger.now().outages, [{ fromMs: 0, toMs: 3, before: "a", after: "b" }]);
    assert.equal(ledger.now().lost, 2);
    assert.equal(ledger.now().asked, 5);
  });

  test("the strip has one bucket for each stretch, with who answered and what was lost", () => {
    const ledger = openLedger();
    ledger.add([request(0, "a", BUCKET_MS), request(1, "", BUCKET_MS + 1), request(2, "b", 2 * BUCKET_MS)]);
    assert.deepEqual(ledger.now().buckets, [
      { host: "a", asked: 2, lost: 1 },
      { host: "b", asked: 1, lost: 0 },
    ]);
  });

  test("a host that answers right after its successor is a crossing; much later it is a move back", () => {
    const ledger = openLedger();
    ledger.add([request(0, "a"), request(1, "b"), request(2, "a"), request(3, "b")]);
    assert.equal(ledger.now().crossings, 2);
    ledger.add([request(4, "a", 5000)]);
    assert.equal(ledger.now().crossings, 2);
  });

  test("ARP questions answered by two hosts are counted", () => {
    const ledger = openLedger();
    ledger.add([
      { kind: "ask", number: 0, sentMs: 0, macs: ["m1"] },
      { kind: "ask", number: 1, sentMs: 20, macs: ["m1", "m2"] },
    ]);
    assert.equal(ledger.now().asks, 2);
    assert.equal(ledger.now().doubledAsks, 1);
  });
});
