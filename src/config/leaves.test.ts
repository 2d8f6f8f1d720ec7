import assert from "node:assert/strict";
import { test } from "node:test";
import { ms } from "#model/units.ts";
import { formatDuration, parseDuration, parseFloating } from "./leaves.ts";

test("durations have a unit and are written back with the largest one that fits", () => {
  const durations: [string, number, string][] = [
    ["500ms", 500, "500ms"],
    ["0.25s", 250, "250ms"],
    ["90s", 90_000, "90s"],
    ["10m", 600_000, "10m"],
    ["1d", 86_400_000, "1d"],
    ["0s", 0, "0ms"],
  ];
  for (const [written, value, shown] of durations) {
    assert.deepEqual(parseDuration(written), { kind: "read", value }, written);
    assert.equal(formatDuration(ms(value)), shown);
  }
});

test("durations without unit, below zero or beyond what timers can do are refused", () => {
  for (const written of [5, "5", "5 s", "-5s", "s", "5w", "1m30s", "25d", null, true]) {
    assert.equal(parseDuration(written).kind, "refused", String(written));
  }
});

test("network and broadcast addresses cannot float, unless the network has no such addresses", () => {
  const kinds = (texts: readonly string[]) => texts.map((text) => parseFloating(text).kind);
  assert.deepEqual(kinds(["192.0.2.0/24", "192.0.2.255/24", "192.0.3.255/23"]), [
    "refused",
    "refused",
    "refused",
  ]);
  assert.deepEqual(
    kinds(["192.0.2.0/31", "192.0.2.255/32", "192.0.2.255/23", "2001:db8::/64"]),
    Array(4).fill("read"),
  );
});
