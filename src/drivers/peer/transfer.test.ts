// Outbox and inbox against each other, over a network of our own that loses, doubles and reorders.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "#lib/prng.ts";
import { Inbox, PENDING_AGE, PENDING_LIMIT } from "./inbox.ts";
import { Outbox, type Parcel } from "./outbox.ts";
import { decodePacket, encodePacket, FRAGMENT_BYTES, type Fragment, MESSAGE_LIMIT } from "./packets.ts";

interface Faults {
  /** Shares of the packets, 0 to 1. */
  readonly lost: number;
  readonly doubled: number;
  /** Ms at most; packets overtake each other. */
  readonly delay: number;
}

interface Mail {
  readonly at: number;
  readonly toInbox: boolean;
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** Two ends and a network, a millisecond at a time. */
class World {
  now = 0;
  readonly arrived: Uint8Array[] = [];
  readonly outbox = new Outbox((fragment) => this.#post(true, encodePacket(fragment)));
  readonly #inbox = new Inbox(1);
  readonly #prng: Prng;
  readonly #faults: Faults;
  #mail: Mail[] = [];
  #number = 0;

  constructor(seed: number, faults: Faults) {
    this.#prng = Prng.from(seed);
    this.#faults = faults;
  }

  run(until: () => boolean, limit: number): void {
    const end = this.now + limit;
    while (!until() && this.now < end) this.#step();
  }

  #step(): void {
    this.now++;
    const due = this.#mail.filter((mail) => mail.at <= this.now);
    this.#mail = this.#mail.filter((mail) => mail.at > this.now);
    for (const { toInbox, number, bytes } of due) {
      const packet = decodePacket(bytes);
      if (packet?.kind === "ack" && !toInbox) this.outbox.acknowledge(packet, this.now);
      if (packet?.kind !== "fragment") continue;
      const whole = this.#inbox.put(packet, number, this.now);
      if (whole !== null && whole !== "contradiction") this.arrived.push(whole.bytes);
    }
    for (const ack of this.#inbox.takeAcks()) this.#post(false, encodePacket(ack));
    if (this.now % 10 === 0) this.outbox.tick(this.now);
  }

  #post(toInbox: boolean, view: Uint8Array): number {
    this.#number++;
    const bytes = Uint8Array.from(view);
    const copies = this.#prng.float() < this.#faults.doubled ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.#prng.float() < this.#faults.lost) continue;
      const at = this.now + 1 + this.#prng.int(this.#faults.delay + 1);
      this.#mail.push({ at, toInbox, number: this.#number, bytes });
    }
    return this.#number;
  }
}

function parcelOf(length: number, slot = "report", fill = 1): Parcel {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + fill) & 0xff);
  return { slot, bytes, isDeflated: false };
}

const GOOD: Faults = { lost: 0, doubled: 0, delay: 0 };
const BAD: Faults = { lost: 0.2, doubled: 0.1, delay: 20 };

test("packets come back as they were, and nothing else is one", () => {
  const bytes = new Uint8Array(FRAGMENT_BYTES).fill(9);
  const fragment = { kind: "fragment", id: 5, total: 3000, isDeflated: true, index: 1, bytes } as const;
  assert.deepEqual(decodePacket(encodePacket(fragment)), fragment);
  const ack = { kind: "ack", boot: 3, id: 5, newest: 77, bits: Uint8Array.from([1, 2]) } as const;
  assert.deepEqual(decodePacket(encodePacket(ack)), ack);
  assert.deepEqual(decodePacket(encodePacket({ ...ack, bits: null })), { ...ack, bits: null });
  const wrong: readonly Fragment[] = [
    { ...fragment, index: 3 },
    { ...fragment, index: 2 },
    { ...fragment, total: MESSAGE_LIMIT + 1 },
    { ...fragment, total: 0, index: 0, bytes: new Uint8Array() },
    { ...fragment, bytes: bytes.subarray(1) },
  ];
  for (const packet of wrong) assert.equal(decodePacket(encodePacket(packet)), null);
});

test("random packets never throw", () => {
  const prng = Prng.from(6);
  const inbox = new Inbox(1);
  for (let i = 0; i < 10_000; i++) {
    const bytes = Uint8Array.from({ length: prng.int(60) }, (_, at) =>
      at === 0 ? prng.int(4) : prng.int(256),
    );
    const packet = decodePacket(bytes);
    if (packet?.kind === "fragment") inbox.put(packet, i, i);
  }
  inbox.takeAcks();
});

test("messages of every size arrive whole, once", () => {
  for (const length of [1, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 100_000, MESSAGE_LIMIT]) {
    const world = new World(1, GOOD);
    const parcel = parcelOf(length);
    world.outbox.put(parcel, world.now);
    world.run(() => world.outbox.isIdle, 10_000);
    assert.equal(world.arrived.length, 1);
    assert.deepEqual(world.arrived[0], parcel.bytes);
  }
});

test("with a fifth of all packets lost, and others doubled and late, messages still arrive soon and once", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const world = new World(seed, BAD);
    const parcel = parcelOf(20_000);
    world.outbox.put(parcel, world.now);
    world.run(() => world.arrived.length > 0, 1000);
    assert.deepEqual(world.arrived[0], parcel.bytes, `seed ${seed}`);
    world.run(() => world.outbox.isIdle, 2000);
    assert.deepEqual(
      [world.arrived.length, world.outbox.lost, world.outbox.isIdle],
      [1, 0, true],
      `seed ${seed}`,
    );
  }
});

test("a megabyte arrives over a slow and lossy path", () => {
  const world = new World(1, { lost: 0.2, doubled: 0, delay: 5 });
  world.outbox.put(parcelOf(MESSAGE_LIMIT), world.now);
  world.run(() => world.arrived.length > 0, 20_000);
  assert.deepEqual(world.arrived[0], parcelOf(MESSAGE_LIMIT).bytes);
});

test("what nobody acknowledges is given up, and the next message does not wait for it", () => {
  const world = new World(1, { ...GOOD, lost: 1 });
  world.outbox.put(parcelOf(5000), world.now);
  world.run(() => world.outbox.isIdle, 10_000);
  assert.deepEqual([world.outbox.lost, world.outbox.isIdle], [1, true]);
});

test("a newer message replaces an older one of its slot that was not sent yet", () => {
  const world = new World(1, GOOD);
  // The first fills the window several times over; of the others only the last is still of use.
  for (const fill of [1, 2, 3]) world.outbox.put(parcelOf(200_000, "order", fill), world.now);
  world.outbox.put(parcelOf(10, "report", 4), world.now);
  world.run(() => world.outbox.isIdle, 10_000);
  const firsts = world.arrived.map((bytes) => bytes[0]);
  assert.deepEqual(firsts.toSorted(), [1, 3, 4]);
});

test("a document that changes faster than it can be sent still arrives", () => {
  const world = new World(1, { ...GOOD, delay: 10 });
  for (let fill = 0; fill < 100; fill++) {
    world.outbox.put(parcelOf(100_000, "order", fill), world.now);
    world.run(() => false, 20);
  }
  assert.ok(world.arrived.length > 3);
});

test("the same message sent anew does not begin again", () => {
  const world = new World(1, GOOD);
  for (let i = 0; i < 5; i++) world.outbox.put(parcelOf(50_000), world.now);
  world.run(() => world.outbox.isIdle, 10_000);
  assert.equal(world.arrived.length, 1);
});

function fragmentOf(id: number, index: number, total = 3 * FRAGMENT_BYTES): Fragment {
  const bytes = new Uint8Array(FRAGMENT_BYTES).fill(index);
  return { kind: "fragment", id, total, isDeflated: false, index, bytes };
}

test("an unfinished message is dropped when it is old, or when there are too many", () => {
  const inbox = new Inbox(1);
  for (const index of [0, 1]) inbox.put(fragmentOf(1, index), index + 1, 0);
  assert.equal(inbox.put(fragmentOf(1, 2), 3, PENDING_AGE + 1), null, "too old: it begins again");
  for (let id = 2; id < 2 + PENDING_LIMIT; id++) inbox.put(fragmentOf(id, 0), 10, PENDING_AGE + 2);
  for (const index of [0, 1]) assert.equal(inbox.put(fragmentOf(1, index), 11, PENDING_AGE + 2), null);
});

test("fragments that contradict each other are refused", () => {
  const inbox = new Inbox(1);
  inbox.put(fragmentOf(1, 0), 1, 0);
  assert.equal(inbox.put(fragmentOf(1, 1, 5 * FRAGMENT_BYTES), 2, 0), "contradiction");
});
