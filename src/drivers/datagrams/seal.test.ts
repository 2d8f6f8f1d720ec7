import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpener, createSealer, type KeyRing, SEAL_BYTES } from "./seal.ts";

const ring: KeyRing = { key: new Uint8Array(32).fill(7), cluster: "prod", purpose: "pulse" };
const content = new TextEncoder().encode("what a node states");

test("a sealed content opens, with the sender's life and a growing number", () => {
  const sealer = createSealer(ring);
  const open = createOpener(ring);
  const first = open(sealer.seal(content).datagram);
  const second = open(sealer.seal(content).datagram);
  assert.ok(first.kind === "opened" && second.kind === "opened");
  assert.deepEqual(Uint8Array.from(first.content), content);
  assert.deepEqual([first.number, second.number], [1, 2]);
  assert.equal(first.life, second.life);
});

test("equal contents never give equal datagrams, not even after a restart", () => {
  const sealers = [createSealer(ring), createSealer(ring)];
  const texts = sealers.flatMap((sealer) => [1, 2, 3].map(() => Buffer.from(sealer.seal(content).datagram)));
  assert.equal(new Set(texts.map((bytes) => bytes.toString("hex", 23))).size, 6);
  assert.ok(
    texts.every(
      (bytes) => bytes.length === content.length + SEAL_BYTES && !bytes.includes(Buffer.from(content)),
    ),
  );
});

test("another key, cluster or purpose does not open", () => {
  const { datagram } = createSealer(ring).seal(content);
  const others: readonly KeyRing[] = [
    { ...ring, key: new Uint8Array(32).fill(8) },
    { ...ring, cluster: "test" },
    { ...ring, purpose: "message" },
  ];
  for (const other of others) assert.equal(createOpener(other)(datagram).kind, "not-authentic");
});

test("a change of any bit, and any missing byte, is noticed", () => {
  const open = createOpener(ring);
  const { datagram } = createSealer(ring).seal(content);
  for (let bit = 0; bit < datagram.length * 8; bit++) {
    const changed = Uint8Array.from(datagram);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.notEqual(open(changed).kind, "opened", `bit ${bit}`);
  }
  for (let length = 0; length < datagram.length; length++) {
    assert.notEqual(open(datagram.subarray(0, length)).kind, "opened", `${length} bytes`);
  }
  assert.equal(open(datagram).kind, "opened");
});
