// What stands in the datagrams between workers: fragments of messages, and acknowledgements of fragments. In front
// the two numbers of the protocol; the rest of a packet is as it is for good, what changes are the messages.

import { ByteReader, ByteWriter } from "#lib/bytes.ts";
import { OWN, understands } from "#model/protocol.ts";
import { BODY_LIMIT } from "#ports/datagrams.ts";

/** Bytes of a message in one datagram; the last fragment may be shorter. */
export const FRAGMENT_BYTES = 1200;
/** Bytes of a message, deflated or not: a megabyte, as the port promises. */
export const MESSAGE_LIMIT = 1024 * 1024;
/** So an acknowledgement of the largest message (110 bytes of bits) fits into a datagram as well. */
export const FRAGMENT_LIMIT = Math.ceil(MESSAGE_LIMIT / FRAGMENT_BYTES);

const FRAGMENT = 1;
const ACK = 2;

export interface Fragment {
  readonly kind: "fragment";
  /** Of the message: unique and growing in a boot of the sender. */
  readonly id: number;
  /** Bytes of the whole message. */
  readonly total: number;
  readonly isDeflated: boolean;
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface Ack {
  readonly kind: "ack";
  /** Of the message's sender: an acknowledgement for an earlier life says nothing. */
  readonly boot: number;
  readonly id: number;
  /** Number of the newest datagram in which a fragment of this message came. */
  readonly newest: number;
  /** A bit for each fragment that is there, the lowest first. Null: all are, the message is complete. */
  readonly bits: Uint8Array | null;
}

const writer = new ByteWriter(BODY_LIMIT, "a packet");

export const fragmentsOf = (total: number): number => Math.ceil(total / FRAGMENT_BYTES);

/** The bytes of a packet: a view into memory that the next call overwrites. */
export function encodePacket(packet: Fragment | Ack): Uint8Array {
  writer.reset();
  writer.byte(OWN.protocol);
  writer.byte(OWN.oldest);
  if (packet.kind === "fragment") {
    writer.byte(FRAGMENT);
    writer.whole(packet.id);
    writer.whole(packet.total);
    writer.byte(packet.isDeflated ? 1 : 0);
    writer.whole(packet.index);
    writer.raw(packet.bytes);
  } else {
    writer.byte(ACK);
    writer.whole(packet.boot);
    writer.whole(packet.id);
    writer.whole(packet.newest);
    writer.raw(packet.bits ?? new Uint8Array());
  }
  return writer.written();
}

/**
 * Reads a packet; null when it is none, or its sender and this program do not understand each other. Never throws.
 * The bytes in it are views.
 */
export function decodePacket(bytes: Uint8Array): Fragment | Ack | null {
  const reader = new ByteReader(bytes);
  if (!understands(OWN, reader.byte(), reader.byte())) return null;
  switch (reader.byte()) {
    case FRAGMENT:
      return readFragment(reader);
    case ACK:
      return readAck(reader);
    default:
      return null;
  }
}

function readFragment(reader: ByteReader): Fragment | null {
  const id = reader.whole();
  const total = reader.count(MESSAGE_LIMIT);
  const deflated = reader.byte();
  const index = reader.whole();
  const bytes = reader.rest();
  const isLast = index === fragmentsOf(total) - 1;
  const length = isLast ? total - index * FRAGMENT_BYTES : FRAGMENT_BYTES;
  const fits = index < fragmentsOf(total) && bytes.length === length && deflated <= 1;
  return reader.ok && fits ? { kind: "fragment", id, total, isDeflated: deflated === 1, index, bytes } : null;
}

function readAck(reader: ByteReader): Ack | null {
  const boot = reader.whole();
  const id = reader.whole();
  const newest = reader.whole();
  const rest = reader.rest();
  if (!reader.ok || rest.length > Math.ceil(FRAGMENT_LIMIT / 8)) return null;
  return { kind: "ack", boot, id, newest, bits: rest.length === 0 ? null : rest };
}
