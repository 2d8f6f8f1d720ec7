// The part of a program's output that is kept: its beginning or its end, never more than a fixed size.

/** Bytes of output kept of one program; the rest is read and dropped. */
export const OUTPUT_KEPT = 64 * 1024;

export interface KeptOutput {
  append(chunk: Uint8Array): void;
  text(): string;
}

/** Keeps the first OUTPUT_KEPT bytes. */
export function keepHead(): KeptOutput {
  let bytes: Buffer = Buffer.alloc(0);
  let used = 0;
  return {
    append(chunk) {
      const first = chunk.subarray(0, OUTPUT_KEPT - used);
      bytes = withRoomFor(bytes, used + first.length, OUTPUT_KEPT);
      bytes.set(first, used);
      used += first.length;
    },
    text: () => decode(bytes.subarray(0, used)),
  };
}

/** Keeps the last OUTPUT_KEPT bytes; twice that is held, so that each byte is moved only once. */
export function keepTail(): KeptOutput {
  let bytes: Buffer = Buffer.alloc(0);
  let used = 0;
  return {
    append(chunk) {
      const last = chunk.subarray(Math.max(0, chunk.length - OUTPUT_KEPT));
      bytes = withRoomFor(bytes, used + last.length, 2 * OUTPUT_KEPT);
      if (used + last.length > bytes.length) {
        const from = Math.max(0, used - OUTPUT_KEPT);
        bytes.copy(bytes, 0, from, used);
        used -= from;
      }
      bytes.set(last, used);
      used += last.length;
    },
    text: () => decode(bytes.subarray(Math.max(0, used - OUTPUT_KEPT), used)),
  };
}

/** The same bytes with room for at least `wanted` of them, up to `most`. */
function withRoomFor(bytes: Buffer, wanted: number, most: number): Buffer {
  if (wanted <= bytes.length || bytes.length === most) return bytes;
  const grown = Buffer.alloc(Math.min(most, Math.max(1024, 2 * wanted)));
  bytes.copy(grown);
  return grown;
}

/** As UTF-8, without the rest of a character that was cut in two at the beginning. */
function decode(bytes: Buffer): string {
  const isContinuation = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  let from = 0;
  while (from < 3 && isContinuation(from)) from += 1;
  return bytes.toString("utf8", from);
}
