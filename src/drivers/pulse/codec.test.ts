import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "#lib/prng.ts";
import { type NodeId, nodeId } from "#model/ids.ts";
import { OWN } from "#model/protocol.ts";
import type { Pulse } from "#model/pulse.ts";
import { ms, term } from "#model/units.ts";
import { decodePulse, encodePulse, LIST_LIMIT } from "./codec.ts";

/** A whole number below the limit, 2^53 at most. */
function chance(seed: number): (below: number) => number {
  const prng = Prng.from(seed);
  return (below) => Math.floor(prng.float() * below);
}

const SIZES = [2, 200, 2 ** 20, 2 ** 40, Number.MAX_SAFE_INTEGER];

function randomPulse(pick: (below: number) => number): Pulse {
  const whole = () => pick(SIZES[pick(SIZES.length)] ?? 1);
  const node = (): NodeId => nodeId(`node-${pick(9)}`);
  const list = <T>(make: () => T): T[] => Array.from({ length: pick(8) }, make);
  const maybe = <T>(make: () => T): T | null => (pick(2) === 0 ? null : make());
  return {
    from: node(),
    number: 1 + pick(2 ** 40),
    session: { boot: whole(), lapses: whole() },
    voters: pick(2 ** 40).toString(16),
    config: pick(2 ** 40).toString(16),
    lease: ms(1 + pick(10_000) / 7),
    term: term(whole()),
    heard: list(() => ({ node: node(), boot: whole(), number: whole(), counts: pick(2) === 1 })),
    vote: maybe(() => ({ term: term(whole()), for: node() })),
    voteIsFree: pick(2) === 1,
    candidate: maybe(() => term(whole())),
    leads: maybe(() => term(whole())),
    gaveUp: term(whole()),
    promises: list(() => ({ node: node(), term: term(whole()) })),
    exclude: list(node),
    reset: list(() => ({ node: node(), id: { term: term(whole()), number: whole() } })),
    readmit: list(node),
    resetDone: maybe(() => ({ term: term(whole()), number: whole() })),
    list: maybe(() => ({
      id: { term: term(whole()), number: whole() },
      floor: { term: term(whole()), number: whole() },
      voters: [...new Set(list(node))],
    })),
    watchdog: maybe(() => ms(1 + pick(300_000))),
    left: pick(2) === 1,
    hurry: pick(2) === 1,
  };
}

test("every pulse comes back as it was", () => {
  const pick = chance(1);
  for (let i = 0; i < 3000; i++) {
    const pulse = randomPulse(pick);
    const bytes = Uint8Array.from(encodePulse(pulse));
    assert.deepEqual(decodePulse(bytes, pulse.from, pulse.session.boot), pulse);
  }
});

test("a pulse that is cut off, or longer than it says, is no pulse", () => {
  const pulse = randomPulse(chance(2));
  const bytes = Uint8Array.from(encodePulse(pulse));
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodePulse(bytes.subarray(0, length), pulse.from, 1), null);
  }
  assert.equal(decodePulse(Uint8Array.from([...bytes, 0]), pulse.from, 1), null);
});

test("changed and random bytes never throw, and what they yield is a pulse that can be sent", () => {
  const pick = chance(3);
  let read = 0;
  for (let i = 0; i < 10_000; i++) {
    const bytes = Uint8Array.from(encodePulse(randomPulse(pick)));
    if (i % 2 === 0) bytes[pick(bytes.length)] = pick(256);
    else for (const at of bytes.keys()) bytes[at] = at < 2 ? OWN.protocol : pick(256);
    const pulse = decodePulse(bytes, nodeId("a"), 1);
    if (pulse === null) continue;
    read++;
    assert.deepEqual(decodePulse(encodePulse(pulse), nodeId("a"), 1), pulse);
  }
  assert.ok(read > 500);
});

/** The extensions of a pulse that has none of its own, instead of their count. */
function extended(...extensions: readonly number[]): Pulse | null {
  const bytes = encodePulse({ ...randomPulse(chance(6)), watchdog: null, list: null });
  return decodePulse(Uint8Array.from([...bytes.slice(0, -1), ...extensions]), nodeId("a"), 1);
}

const WATCHDOG = [1, 8, 0x40, 0x4e, 0, 0, 0, 0, 0, 0];

test("extensions that are not known are passed over; one that is missing has its default", () => {
  assert.equal(extended(0)?.watchdog, null);
  assert.equal(extended(1, ...WATCHDOG)?.watchdog, 60);
  assert.equal(extended(1, 9, 3, 7, 7, 7)?.watchdog, null);
  assert.equal(extended(3, ...WATCHDOG, 9, 0, 0x80, 0x01, 1, 7)?.watchdog, 60);
});

test("an extension that is there twice, in disorder, cut off or not what it should be makes no pulse", () => {
  assert.equal(extended(2, ...WATCHDOG, ...WATCHDOG), null);
  assert.equal(extended(2, 9, 0, 9, 0), null);
  assert.equal(extended(2, 9, 0, ...WATCHDOG), null);
  assert.equal(extended(1, 0, 0), null);
  assert.equal(extended(1, 9, 3, 7, 7), null);
  assert.equal(extended(1, 9, 3, 7, 7, 7, 7), null);
  assert.equal(extended(2, ...WATCHDOG), null);
  // A list of voters: as long as it says, no more and no less.
  assert.deepEqual(extended(1, 2, 6, 3, 1, 3, 0, 0, 0)?.list ?? null, null);
  assert.deepEqual(extended(1, 2, 5, 3, 1, 3, 0, 0)?.list, {
    id: { term: 3, number: 1 },
    floor: { term: 3, number: 0 },
    voters: [],
  });
  // Too long, too short, and no time at all.
  assert.equal(extended(1, 1, 9, ...WATCHDOG.slice(2), 0), null);
  assert.equal(extended(1, 1, 7, ...WATCHDOG.slice(2, 9)), null);
  assert.equal(extended(1, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0), null);
  assert.equal(extended(65, ...Array.from({ length: 65 }, (_, i) => [9 + i, 0]).flat()), null);
});

test("a pulse of the next version is read, one of the version after that is not", () => {
  const pulse = randomPulse(chance(7));
  const bytes = Uint8Array.from(encodePulse(pulse));
  const next = OWN.protocol + 1;
  const says = (protocol: number, oldest: number) =>
    decodePulse(Uint8Array.from([protocol, oldest, ...bytes.subarray(2)]), pulse.from, pulse.session.boot);
  assert.deepEqual(says(next, OWN.protocol), pulse);
  assert.equal(says(next, next), null);
  assert.equal(says(next + 1, OWN.protocol), null);
  assert.equal(says(OWN.oldest - 1, 1), null);
});

test("24 members fit into a pulse that says all that can be said of each", () => {
  const nodes = Array.from({ length: 24 }, (_, i) =>
    nodeId(`${"a-rather-long-hostname".padEnd(23, "-")}${10 + i}`),
  );
  const large = 2 ** 28 - 1;
  const id = { term: term(large), number: 1000 };
  const encoded = encodePulse({
    ...randomPulse(chance(4)),
    voters: "0123456789abcdef",
    config: "0123456789abcdef",
    vote: { term: term(large), for: nodes[0] ?? nodeId("a") },
    heard: nodes.map((node) => ({ node, boot: large, number: large, counts: true })),
    promises: nodes.map((node) => ({ node, term: term(large) })),
    // Each is asked for one of the three; a reset takes most.
    exclude: [],
    reset: nodes.map((node) => ({ node, id })),
    readmit: [],
    list: { id, floor: id, voters: nodes },
  });
  assert.ok(encoded.length > 1000);
});

test("a pulse that does not fit into a datagram is a bug, not a silence", () => {
  const pulse = randomPulse(chance(5));
  const nodes = Array.from({ length: LIST_LIMIT }, (_, i) => nodeId(`${"x".repeat(60)}${i}`));
  assert.throws(() => encodePulse({ ...pulse, exclude: nodes }), /a pulse fits into/);
  assert.throws(() => encodePulse({ ...pulse, exclude: [...nodes, nodeId("one-more")] }), /at most 64 lines/);
});
