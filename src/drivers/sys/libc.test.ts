import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { test } from "node:test";
import { ms } from "#model/units.ts";
import { monotonicNow } from "./clock.ts";
import { closeSocket, openPipe, SocketSet } from "./libc.ts";

function pipes(count: number): { readonly readEnd: number; readonly writeEnd: number }[] {
  return Array.from({ length: count }, () => {
    const pipe = openPipe();
    assert.ok(typeof pipe !== "number");
    return pipe;
  });
}

test("a set has news while any of its descriptors has something to say", () => {
  const [one, other] = pipes(2);
  assert.ok(one !== undefined && other !== undefined);
  const set = new SocketSet([one.readEnd, other.readEnd]);
  assert.equal(set.hasNews(), false);
  writeSync(other.writeEnd, "x");
  assert.equal(set.hasNews(), true);
  for (const pipe of [one, other]) for (const fd of Object.values(pipe)) closeSocket(fd);
});

test("a wait ends with the first news, and tells whose it is; without any it ends with its time", () => {
  const [one, other] = pipes(2);
  assert.ok(one !== undefined && other !== undefined);
  const set = new SocketSet([one.readEnd, other.readEnd]);
  const begun = monotonicNow();
  assert.equal(set.wait(ms(3.5)), false);
  assert.ok(monotonicNow() >= begun + 3.5);
  writeSync(other.writeEnd, "x");
  assert.equal(set.wait(ms(3_600_000)), true);
  assert.deepEqual([set.isReady(0), set.isReady(1)], [false, true]);
  for (const pipe of [one, other]) for (const fd of Object.values(pipe)) closeSocket(fd);
});

test("a descriptor that was closed is news, an empty set never has any", () => {
  const [pipe] = pipes(1);
  assert.ok(pipe !== undefined);
  const set = new SocketSet([pipe.readEnd]);
  closeSocket(pipe.writeEnd);
  assert.equal(set.hasNews(), true);
  closeSocket(pipe.readEnd);
  assert.equal(set.hasNews(), true);
  assert.equal(new SocketSet([]).hasNews(), false);
});
