// Netlink messages (RFC 3549): a writer that fills one buffer, a reader of messages and attributes.

import { endianness } from "node:os";
import { assert } from "#lib/assert.ts";

// Netlink speaks the host's byte order; every machine that Node is released for is little endian.
assert(endianness() === "LE", "the host is little endian");

const HEADER = 16;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const align = (n: number): number => (n + 3) & ~3;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  /** Everything behind the netlink header. */
  readonly body: Buffer;
}

/** Writes messages one after the other into a buffer of its own that is used again and again. */
export class MessageWriter {
  #buffer = Buffer.alloc(8192);
  #length = 0;
  #start = 0;
  readonly #nests: number[] = [];

  /** Forgets what was written. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  /** Begins a message; `header` is the fixed part before the attributes, a multiple of four bytes. */
  begin(message: { type: number; flags: number; seq: number; header: Uint8Array }): this {
    this.#start = this.#length;
    const at = this.#grow(HEADER + message.header.length);
    this.#buffer.writeUInt16LE(message.type, at + 4);
    this.#buffer.writeUInt16LE(message.flags, at + 6);
    this.#buffer.writeUInt32LE(message.seq, at + 8);
    this.#buffer.set(message.header, at + HEADER);
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    const at = this.#grow(4 + value.length);
    this.#buffer.writeUInt16LE(4 + value.length, at);
    this.#buffer.writeUInt16LE(type, at + 2);
    this.#buffer.set(value, at + 4);
    return this;
  }

  /** A text with its closing zero. */
  text(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  u8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  u32(type: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    return this.attribute(type, bytes);
  }

  /** In network byte order, as nf_tables wants its numbers. */
  be32(type: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value >>> 0);
    return this.attribute(type, bytes);
  }

  be64(type: number, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    return this.attribute(type, bytes);
  }

  /** Attributes inside an attribute. */
  nest(type: number, fill: (writer: this) => void): this {
    const at = this.#grow(4);
    this.#nests.push(at);
    fill(this);
    this.#nests.pop();
    this.#buffer.writeUInt16LE(this.#length - at, at);
    this.#buffer.writeUInt16LE(type | NLA_F_NESTED, at + 2);
    return this;
  }

  /** Ends the message. */
  end(): this {
    this.#buffer.writeUInt32LE(this.#length - this.#start, this.#start);
    return this;
  }

  /** What was written; valid until the next `reset`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Room for `n` more bytes, padded with zeros; where they begin. */
  #grow(n: number): number {
    const at = this.#length;
    this.#length += align(n);
    while (this.#buffer.length < this.#length) this.#buffer = Buffer.concat([this.#buffer, this.#buffer]);
    this.#buffer.fill(0, at, this.#length);
    return at;
  }
}

/** The messages in what was received; a cut or senseless rest is left out. Views, not copies. */
export function readMessages(received: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + HEADER <= received.length; ) {
    const length = received.readUInt32LE(at);
    if (length < HEADER || at + length > received.length) break;
    messages.push({
      type: received.readUInt16LE(at + 4),
      flags: received.readUInt16LE(at + 6),
      seq: received.readUInt32LE(at + 8),
      body: received.subarray(at + HEADER, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** Attributes by type, read from `at`; of several with one type the last. */
export function readAttributes(bytes: Buffer, at: number): Map<number, Buffer> {
  return new Map(listAttributes(bytes, at));
}

/** Attributes in their order, as in a nested list; a cut or senseless rest is left out. */
export function listAttributes(bytes: Buffer, at: number): [type: number, value: Buffer][] {
  const found: [number, Buffer][] = [];
  for (let from = at; from + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(from);
    if (length < 4 || from + length > bytes.length) break;
    found.push([bytes.readUInt16LE(from + 2) & NLA_TYPE_MASK, bytes.subarray(from + 4, from + length)]);
    from += align(length);
  }
  return found;
}

/** A text attribute without its closing zero; "" when it is missing. */
export function readText(value: Buffer | undefined): string {
  const text = value?.toString("utf8") ?? "";
  return text.endsWith("\0") ? text.slice(0, -1) : text;
}
