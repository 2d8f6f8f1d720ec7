// Numbers, short names and raw bytes one after the other: what the datagrams are made of. The writer asserts,
// for what it is given is ours; the reader never throws, for what it is given is anybody's.

import { assert } from "./assert.ts";

/** Names and fingerprints: visible ASCII without the space, up to this many characters. */
export const TEXT_LIMIT = 63;

/** Fills a buffer of fixed size that it owns and reuses. */
export class ByteWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #length = 0;

  /** `what` names the content in the assertion that ends the program when it does not fit. */
  constructor(limit: number, what: string) {
    this.#bytes = new Uint8Array(limit);
    this.#view = new DataView(this.#bytes.buffer);
    this.#what = what;
  }

  reset(): void {
    this.#length = 0;
  }

  /** What was written since `reset`: a view, good until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** 0 to 255. */
  byte(value: number): void {
    this.#need(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1 in 1 to 8 bytes: seven bits in each, the lowest first (LEB128). */
  whole(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) this.#refuse(`${value} is a whole number`);
    this.#need(8);
    let rest = value;
    while (rest > 0x7f) {
      // Not by shifts: those would cut it to 32 bits.
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Any finite number, exactly: eight bytes, IEEE 754, the highest first. */
  real(value: number): void {
    if (!Number.isFinite(value)) this.#refuse(`${value} is a number`);
    this.#need(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** Visible ASCII, at most TEXT_LIMIT characters; length first. */
  text(value: string): void {
    if (value.length > TEXT_LIMIT) this.#refuse(`"${value}" has at most ${TEXT_LIMIT} characters`);
    this.#need(1 + value.length);
    this.#bytes[this.#length++] = value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (!isVisible(code)) this.#refuse(`"${value}" is visible ASCII`);
      this.#bytes[this.#length++] = code;
    }
  }

  /** As they are, without their number. */
  raw(bytes: Uint8Array): void {
    this.#need(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #need(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    assert(false, `${this.#what} fits into ${this.#bytes.length} bytes`);
  }

  /** An assertion whose sentence is put together only when it is needed: this runs for every byte of every pulse. */
  #refuse(whatHolds: string): never {
    assert(false, `${this.#what}: ${whatHolds}`);
  }
}

/**
 * Reads what ByteWriter wrote. After the first thing that is wrong everything else reads as 0 or "", and
 * `ok` stays false: the caller reads to the end and asks once.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #ok = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get ok(): boolean {
    return this.#ok;
  }

  /** Everything was right so far, and nothing is left. */
  get isComplete(): boolean {
    return this.#ok && this.#at === this.#bytes.length;
  }

  /** How many bytes were read. */
  get position(): number {
    return this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (!this.#ok || value === undefined) return this.#fail();
    this.#at++;
    return value;
  }

  /** Refuses numbers above 2^53 - 1 and those written in more bytes than needed. */
  whole(): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; count <= 8; count++) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      scale *= 0x80;
      if (next >= 0x80) continue;
      const isLonger = next === 0 && count > 1;
      return isLonger || !Number.isSafeInteger(value) ? this.#fail() : value;
    }
    return this.#fail();
  }

  /** At most `limit`, or it is wrong. */
  count(limit: number): number {
    const value = this.whole();
    return value <= limit ? value : this.#fail();
  }

  real(): number {
    if (!this.#ok || this.#at + 8 > this.#bytes.length) return this.#fail();
    const { buffer, byteOffset } = this.#bytes;
    const value = new DataView(buffer).getFloat64(byteOffset + this.#at);
    this.#at += 8;
    return Number.isFinite(value) ? value : this.#fail();
  }

  text(): string {
    const end = this.byte() + this.#at;
    if (end - this.#at > TEXT_LIMIT || end > this.#bytes.length) this.#fail();
    let text = "";
    while (this.#ok && this.#at < end) {
      const code = this.byte();
      if (!isVisible(code)) this.#fail();
      text += String.fromCharCode(code);
    }
    return this.#ok ? text : "";
  }

  /** A text that is not empty. */
  name(): string {
    const text = this.text();
    if (text === "") this.#fail();
    return text;
  }

  /** All that is left, as a view. */
  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#ok ? this.#at : this.#bytes.length);
    this.#at = this.#bytes.length;
    return rest;
  }

  /** Declares what was read wrong; for values that only the caller can judge. */
  refuse(): void {
    this.#fail();
  }

  #fail(): 0 {
    this.#ok = false;
    return 0;
  }
}

function isVisible(code: number): boolean {
  return code > 0x20 && code < 0x7f;
}
