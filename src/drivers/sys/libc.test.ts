import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { test } from "node:test";
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
