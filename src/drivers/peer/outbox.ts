// Messages on their way to one peer: which fragment to send now, again, or not at all any more.
//
// Lost fragments are found as QUIC finds lost packets (RFC 9002, 6.1): a newer datagram was acknowledged and
// this one was not, or it took too long. Time is handed in, so that this can be tried without waiting.

import { type Ack, FRAGMENT_BYTES, type Fragment, fragmentsOf } from "./packets.ts";

/** Fragments under way at once: what a receiver reads in one turn of its event loop, and its buffer holds. */
const WINDOW = 32;
/** Datagrams that may overtake one before it counts as lost. RFC 9002: kPacketThreshold. */
const OVERTAKEN = 3;
/** Ms before a fragment is sent again: the least, that before a round trip was measured, and the most. */
const RESEND = { least: 30, first: 60, most: 400 } as const;
/** Ms without any acknowledgement after which a message counts as lost; its document will be sent anew. */
const GIVE_UP = 1500;
/** Ms since an acknowledgement within which a large message is let finish before a newer one follows. */
const PROGRESS = 200;
/** Messages under way to one peer; the oldest is dropped for another. */
const UNDERWAY_LIMIT = 64;

/** A message, encoded. */
export interface Parcel {
  /** Of two parcels with one slot only the newer matters. */
  readonly slot: string;
  readonly bytes: Uint8Array;
  readonly isDeflated: boolean;
}

/** Sends a fragment over the best link, or another one when it is sent again; answers the datagram's number. */
export type SendFragment = (fragment: Fragment, attempt: number) => number;

interface Underway {
  readonly id: number;
  readonly parcel: Parcel;
  readonly fragments: FragmentState[];
  missing: number;
  /** When something of it was acknowledged, at first when it was begun. */
  progressAt: number;
}

interface FragmentState {
  isThere: boolean;
  /** Number of the datagram in which it went out last; 0: never, or that one is lost. */
  number: number;
  sentAt: number;
  attempts: number;
}

export class Outbox {
  readonly #send: SendFragment;
  /** By slot, in the order begun. */
  readonly #underway = new Map<string, Underway>();
  /** What follows a large message of the same slot. */
  readonly #waiting = new Map<string, Parcel>();
  #nextId = 1;
  #roundTrip: number | null = null;
  #lost = 0;

  constructor(send: SendFragment) {
    this.#send = send;
  }

  /** Messages given up without an acknowledgement of their whole. */
  get lost(): number {
    return this.#lost;
  }

  get isIdle(): boolean {
    return this.#underway.size === 0;
  }

  /** Takes a message; it replaces an older one of its slot that is not through. */
  put(parcel: Parcel, now: number): void {
    const older = this.#underway.get(parcel.slot);
    if (older !== undefined && isSame(older.parcel, parcel)) {
      // Sent anew while under way: going on is faster than beginning again.
      this.#waiting.delete(parcel.slot);
      return;
    }
    // Else a large document that changes all the time would never arrive.
    const isLarge = older !== undefined && older.fragments.length > 1;
    if (isLarge && now - older.progressAt < PROGRESS) this.#waiting.set(parcel.slot, parcel);
    else this.#begin(parcel, now);
    this.#pump(now);
  }

  acknowledge(ack: Ack, now: number): void {
    const underway = this.#find(ack.id);
    if (underway === undefined) return;
    const before = underway.missing;
    for (const [index, fragment] of underway.fragments.entries()) {
      if (fragment.isThere) continue;
      if (fragment.number !== 0 && fragment.number === ack.newest) this.#measure(now - fragment.sentAt);
      if (hasBit(ack.bits, index)) {
        fragment.isThere = true;
        underway.missing--;
      } else if (fragment.number < ack.newest - OVERTAKEN) fragment.number = 0;
    }
    if (underway.missing < before) underway.progressAt = now;
    if (underway.missing === 0) this.#finish(underway, now);
    this.#pump(now);
  }

  /** To be called every few milliseconds while not idle. */
  tick(now: number): void {
    const resendAfter = this.#resendAfter();
    for (const underway of [...this.#underway.values()]) {
      if (now - underway.progressAt > GIVE_UP) {
        this.#lost++;
        this.#finish(underway, now);
        continue;
      }
      for (const fragment of underway.fragments) {
        // Each vain attempt doubles the wait: the peer is away, or the path slower than measured.
        const wait = Math.min(resendAfter * 2 ** Math.max(0, fragment.attempts - 1), RESEND.most);
        if (!fragment.isThere && fragment.number !== 0 && now - fragment.sentAt >= wait) fragment.number = 0;
      }
    }
    this.#pump(now);
  }

  #begin(parcel: Parcel, now: number): void {
    // Deleted first, so that it goes to the end of the order.
    this.#underway.delete(parcel.slot);
    this.#waiting.delete(parcel.slot);
    const count = fragmentsOf(parcel.bytes.length);
    const fragments = Array.from({ length: count }, () => ({
      isThere: false,
      number: 0,
      sentAt: 0,
      attempts: 0,
    }));
    const id = this.#nextId++;
    this.#underway.set(parcel.slot, { id, parcel, fragments, missing: count, progressAt: now });
    if (this.#underway.size <= UNDERWAY_LIMIT) return;
    const [oldest] = this.#underway.values();
    if (oldest === undefined) return;
    this.#lost++;
    this.#finish(oldest, now);
  }

  #finish(underway: Underway, now: number): void {
    const { slot } = underway.parcel;
    this.#underway.delete(slot);
    const next = this.#waiting.get(slot);
    if (next !== undefined) this.#begin(next, now);
  }

  /** Sends what is due, oldest message first, as far as the window allows. */
  #pump(now: number): void {
    let room = WINDOW;
    for (const { fragments } of this.#underway.values()) {
      for (const { isThere, number } of fragments) if (!isThere && number !== 0) room--;
    }
    for (const { id, parcel, fragments } of this.#underway.values()) {
      for (const [index, fragment] of fragments.entries()) {
        if (room <= 0) return;
        if (fragment.isThere || fragment.number !== 0) continue;
        const bytes = parcel.bytes.subarray(index * FRAGMENT_BYTES, (index + 1) * FRAGMENT_BYTES);
        const { isDeflated } = parcel;
        const content = {
          kind: "fragment",
          id,
          total: parcel.bytes.length,
          isDeflated,
          index,
          bytes,
        } as const;
        fragment.number = this.#send(content, fragment.attempts);
        fragment.sentAt = now;
        fragment.attempts++;
        room--;
      }
    }
  }

  #find(id: number): Underway | undefined {
    for (const underway of this.#underway.values()) if (underway.id === id) return underway;
    return undefined;
  }

  /** Smoothed as in RFC 9002, 5.3. */
  #measure(sample: number): void {
    this.#roundTrip = this.#roundTrip === null ? sample : (this.#roundTrip * 7 + sample) / 8;
  }

  #resendAfter(): number {
    if (this.#roundTrip === null) return RESEND.first;
    return Math.min(Math.max(2 * this.#roundTrip, RESEND.least), RESEND.most);
  }
}

function hasBit(bits: Uint8Array | null, index: number): boolean {
  return bits === null || ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

function isSame(a: Parcel, b: Parcel): boolean {
  return a.bytes.length === b.bytes.length && a.bytes.every((byte, index) => byte === b.bytes[index]);
}
