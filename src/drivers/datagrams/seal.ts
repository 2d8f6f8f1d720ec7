// Seals and opens datagrams: AES-256-GCM under a key that belongs to one life of one sender.
//
//   version 1 | life 16 | counter 6 | ciphertext | tag 16        39 bytes around the content
//
// A nonce must never return under one key (RFC 5116, 3.1; NIST SP 800-38D, 8): with GCM one return gives the
// authentication key away. Members share the cluster key, restart, lose their disks and are cloned, so no
// counter on disk can promise that. Instead each life draws 128 random bits and derives a key of its own from
// them: HKDF-SHA256 (RFC 5869) with the life as salt. Under that key the nonce is a plain counter (the
// deterministic construction of SP 800-38D, 8.2.1, with an empty fixed field). Two lives of all members ever
// would have to draw the same 128 bits: after 2^32 lives the odds are 2^-65. A random 64-bit salt inside the
// nonce would be 8 bytes shorter but leaves the odds at two in five for the same number of lives.
//
// The counter has 48 bits and is asserted: at 10,000 datagrams a second it lasts 890 years. Who sent it stands
// inside, encrypted: a listener learns no names.
//
// Not covered: a virtual machine set back to a snapshot of the running daemon repeats life and counter.

import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { assert } from "#lib/assert.ts";

const VERSION = 1;
const LIFE_BYTES = 16;
const COUNTER_BYTES = 6;
const HEADER_BYTES = 1 + LIFE_BYTES + COUNTER_BYTES;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const COUNTER_LIMIT = 2 ** 48;
const CIPHER = "aes-256-gcm";

/** What sealing adds to a content. */
export const SEAL_BYTES = HEADER_BYTES + TAG_BYTES;

/** Pulses and messages have keys of their own: one is never taken for the other. */
export type Purpose = "pulse" | "message";

export interface KeyRing {
  /** The cluster key. */
  readonly key: Uint8Array;
  readonly cluster: string;
  readonly purpose: Purpose;
}

export interface Sealer {
  /** Seals a content; the datagram is new memory. `number` counts from 1. */
  seal(content: Uint8Array): { readonly datagram: Uint8Array; readonly number: number };
}

export type Opened =
  | {
      readonly kind: "opened";
      /** 32 hex digits: names one life of one sender. */
      readonly life: string;
      readonly number: number;
      readonly content: Uint8Array;
    }
  | { readonly kind: "not-authentic" }
  | { readonly kind: "malformed" };

/** A new life with a key of its own; for one sender, never copied. */
export function createSealer(ring: KeyRing): Sealer {
  const life = randomBytes(LIFE_BYTES);
  const key = deriveKey(ring, life);
  const nonce = Buffer.alloc(NONCE_BYTES);
  let number = 0;
  return {
    seal(content) {
      number++;
      assert(number < COUNTER_LIMIT, "no nonce is used twice");
      const header = Buffer.allocUnsafe(HEADER_BYTES);
      header[0] = VERSION;
      life.copy(header, 1);
      header.writeUIntBE(number, 1 + LIFE_BYTES, COUNTER_BYTES);
      nonce.writeUIntBE(number, NONCE_BYTES - COUNTER_BYTES, COUNTER_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(header);
      const sealed = cipher.update(content);
      cipher.final();
      return { datagram: Buffer.concat([header, sealed, cipher.getAuthTag()]), number };
    },
  };
}

/** Opens what any life of any holder of the key sealed; never throws. Keeps the keys of the last lives heard. */
export function createOpener(ring: KeyRing): (datagram: Uint8Array) => Opened {
  const keys = new Map<string, KeyObject>();
  const nonce = Buffer.alloc(NONCE_BYTES);
  return (datagram) => {
    if (datagram.length < SEAL_BYTES || datagram[0] !== VERSION) return { kind: "malformed" };
    const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.length);
    const life = bytes.toString("hex", 1, 1 + LIFE_BYTES);
    const known = keys.get(life);
    const key = known ?? deriveKey(ring, bytes.subarray(1, 1 + LIFE_BYTES));
    bytes.copy(nonce, NONCE_BYTES - COUNTER_BYTES, 1 + LIFE_BYTES, HEADER_BYTES);
    const content = decipher(key, nonce, bytes);
    if (content === null) return { kind: "not-authentic" };
    // Only what opened is kept: a stranger cannot fill the table.
    if (known === undefined) remember(keys, life, key);
    return { kind: "opened", life, number: bytes.readUIntBE(1 + LIFE_BYTES, COUNTER_BYTES), content };
  };
}

/** Lives whose keys are kept: a few for each of a few dozen members. Losing one costs a derivation. */
const LIVES_KEPT = 256;

function remember(keys: Map<string, KeyObject>, life: string, key: KeyObject): void {
  keys.set(life, key);
  if (keys.size <= LIVES_KEPT) return;
  const [oldest] = keys.keys();
  if (oldest !== undefined) keys.delete(oldest);
}

function decipher(key: KeyObject, nonce: Buffer, bytes: Buffer): Buffer | null {
  const end = bytes.length - TAG_BYTES;
  const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(bytes.subarray(0, HEADER_BYTES));
  cipher.setAuthTag(bytes.subarray(end));
  const content = cipher.update(bytes.subarray(HEADER_BYTES, end));
  try {
    // Throws when the tag does not fit; until then nothing of the content may be used.
    cipher.final();
    return content;
  } catch {
    return null;
  }
}

/**
 * A KeyObject, not bytes: with bytes Node makes one for each datagram, which is three quarters of the cost
 * (test/bench-pulse.ts: 10 us to seal instead of 3).
 *
 * The text ends with the cluster's name, the one part of free length, so that no two pairs give one text.
 */
function deriveKey(ring: KeyRing, life: Uint8Array): KeyObject {
  const info = `understudy ${ring.purpose} v1 ${ring.cluster}`;
  return createSecretKey(Buffer.from(hkdfSync("sha256", ring.key, life, info, 32)));
}
