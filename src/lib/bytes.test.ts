import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, ByteWriter } from "./bytes.ts";

function write(fill: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(100, "a test");
  fill(writer);
  return writer.written();
}

test("whole numbers come back, the largest included", () => {
  for (const value of [0, 1, 127, 128, 16383, 16384, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER]) {
    const reader = new ByteReader(write((writer) => writer.whole(value)));
    assert.equal(reader.whole(), value);
    assert.ok(reader.isComplete);
  }
});

test("a number in more bytes than needed, too large or cut off is refused", () => {
  for (const bytes of [[0x80, 0], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x80], []]) {
    const reader = new ByteReader(Uint8Array.from(bytes));
    assert.equal(reader.whole(), 0);
    assert.equal(reader.ok, false);
  }
});

test("texts and real numbers come back, also from the middle of a buffer", () => {
  const bytes = write((writer) => {
    writer.text("a-1.b");
    writer.text("");
    writer.real(0.1);
  });
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  const reader = new ByteReader(shifted.subarray(3));
  assert.deepEqual([reader.name(), reader.text(), reader.real()], ["a-1.b", "", 0.1]);
  assert.ok(reader.isComplete);
});

test("a text that is cut off, too long or not visible ASCII is refused", () => {
  for (const bytes of [
    [2, 65],
    [64, ...new Array<number>(64).fill(65)],
    [1, 0x20],
    [1, 0x80],
  ]) {
    const reader = new ByteReader(Uint8Array.from(bytes));
    assert.equal(reader.text(), "");
    assert.equal(reader.ok, false);
  }
});

test("after a fault everything reads as nothing", () => {
  const reader = new ByteReader(Uint8Array.from([0x80, 0, 5]));
  reader.whole();
  assert.deepEqual([reader.byte(), reader.whole(), reader.text(), reader.rest().length], [0, 0, "", 0]);
  assert.equal(reader.isComplete, false);
});

test("what does not fit is a bug", () => {
  const writer = new ByteWriter(3, "a note");
  assert.throws(() => writer.text("abc"), /a note fits into 3 bytes/);
  assert.throws(() => writer.whole(-1), /whole number/);
  assert.throws(() => writer.whole(1.5), /whole number/);
  assert.throws(() => writer.real(Number.NaN), /is a number/);
});
