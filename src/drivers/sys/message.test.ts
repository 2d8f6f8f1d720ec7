import assert from "node:assert/strict";
import { test } from "node:test";
import { listAttributes, MessageWriter, readAttributes, readMessages, readText } from "./message.ts";

const header = Uint8Array.of(1, 2, 3, 4);

function sample(): Buffer {
  return new MessageWriter()
    .begin({ type: 20, flags: 5, seq: 7, header })
    .text(1, "eth0")
    .nest(2, (w) => w.u8(1, 9).be32(2, 0x01020304))
    .be64(3, 300)
    .end()
    .begin({ type: 21, flags: 1, seq: 8, header })
    .end().bytes;
}

test("what is written is read back, message by message", () => {
  const messages = readMessages(sample());
  assert.deepEqual(
    messages.map(({ type, flags, seq }) => [type, flags, seq]),
    [
      [20, 5, 7],
      [21, 1, 8],
    ],
  );
  const [first] = messages;
  assert.ok(first !== undefined);
  const attributes = readAttributes(first.body, header.length);
  assert.equal(readText(attributes.get(1)), "eth0");
  assert.equal(attributes.get(3)?.readBigUInt64BE(0), 300n);
  const nested = listAttributes(attributes.get(2) ?? Buffer.alloc(0), 0);
  assert.deepEqual(
    nested.map(([type, value]) => [type, value.toString("hex")]),
    [
      [1, "09"],
      [2, "01020304"],
    ],
  );
});

test("a writer that is used again carries nothing over", () => {
  const writer = new MessageWriter();
  const make = (name: string) =>
    Buffer.from(writer.reset().begin({ type: 1, flags: 0, seq: 1, header }).text(1, name).end().bytes);
  const short = make("a");
  make("a much longer name than before");
  assert.deepEqual(make("a"), short);
});

test("a message larger than the buffer is written whole", () => {
  const value = Buffer.alloc(20_000, 7);
  const bytes = new MessageWriter()
    .begin({ type: 1, flags: 0, seq: 1, header })
    .attribute(1, value)
    .end().bytes;
  const [message] = readMessages(bytes);
  assert.deepEqual(readAttributes(message?.body ?? Buffer.alloc(0), header.length).get(1), value);
});

test("cut or senseless bytes end the reading, never throw", () => {
  const whole = sample();
  for (let length = 0; length < whole.length; length++) {
    for (const { body } of readMessages(whole.subarray(0, length))) readAttributes(body, header.length);
  }
  for (let at = 0; at < whole.length; at++) {
    const broken = Buffer.from(whole);
    for (const value of [0, 1, 0xff]) {
      broken[at] = value;
      for (const { body } of readMessages(broken)) readAttributes(body, header.length);
    }
  }
});
