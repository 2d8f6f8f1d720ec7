// The keeper's way to wait, on real descriptors. No test judges how late a wake is: only order and never early.

import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { afterEach, test } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { createPump, type Pump, type PumpOptions, type Source } from "#drivers/clock/pump.ts";
import { KernelSockets } from "#drivers/datagrams/kernel-sockets.ts";
import type { LinkSocket } from "#drivers/datagrams/sockets.ts";
import { monotonicNow } from "#drivers/sys/clock.ts";
import { findEventLoop } from "#drivers/sys/event-loop.ts";
import { closeSocket, openPipe } from "#drivers/sys/libc.ts";
import { type Instant, instant, ms, NEVER, plus } from "#model/units.ts";
import { address } from "./loopback.ts";

const SILENT: Source = { fds: () => [], take: () => {}, rest: ms(0) };
const found = await findEventLoop();
assert.ok(found !== null);
const loopFd = found;

const pumps: Pump[] = [];
afterEach(() => {
  for (const pump of pumps.splice(0)) pump.stop();
});

/** One that waits; `wakes`: when it woke. */
function pumpWith(options: Partial<PumpOptions> = {}): { readonly pump: Pump; readonly wakes: Instant[] } {
  const wakes: Instant[] = [];
  const wake = () => wakes.push(monotonicNow());
  const pump = createPump({ mail: SILENT, others: [], loopFd, wake, ...options });
  pumps.push(pump);
  pump.start();
  return { pump, wakes };
}

/** Lets the event loop go round until it holds; the pump blocks in between. */
async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < end, "not within 10 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A socket bound to an address of its own, and what it took. */
function mailbox(took: (bytes: Uint8Array) => void = () => {}) {
  const sockets = new KernelSockets();
  const host = address();
  let socket: LinkSocket | null = null;
  const listener = { datagram: took, unsent: assert.fail, broken: () => assert.fail() };
  sockets.bind({ address: host, port: 6000, receiveBuffer: 1 << 18 }, listener, (bound) => {
    assert.ok("send" in bound);
    socket = bound;
  });
  const mail: Source = { fds: () => sockets.fds, take: () => sockets.receiveAll(), rest: ms(0) };
  const post = (text: string) => socket?.send(Buffer.from(text), host, 6000);
  return { mail, post };
}

/** Holds the thread, as a stopped host would. */
function freeze(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

test("a wake comes once, and never early", async () => {
  const { pump, wakes } = pumpWith();
  for (const [index, wait] of [0, 0.2, 1, 1.7, 5.5, 20.1].entries()) {
    const due = plus(monotonicNow(), ms(wait));
    pump.wakeAt(due);
    assert.equal(wakes.length, index, "never within the call");
    await until(() => wakes.length > index);
    assert.ok((wakes[index] ?? NEVER) >= due);
  }
  pump.wakeAt(NEVER);
  await until(() => wakes.length === 7);
});

test("a later call replaces an earlier one", async () => {
  const { pump, wakes } = pumpWith();
  const start = monotonicNow();
  pump.wakeAt(plus(start, ms(5)));
  pump.wakeAt(plus(start, ms(40)));
  await until(() => wakes.length > 0);
  assert.ok((wakes[0] ?? NEVER) >= start + 40);
});

test("mail that came before a deadline is taken before it is judged, after a freeze too", async () => {
  const order: string[] = [];
  const { mail, post } = mailbox((bytes) => order.push(Buffer.from(bytes).toString()));
  const { pump } = pumpWith({ mail, wake: () => order.push("wake") });
  pump.wakeAt(plus(monotonicNow(), ms(5)));
  for (let i = 0; i < 300; i++) post("mail");
  freeze(30);
  await until(() => order.includes("wake"));
  assert.deepEqual([order.length, order.indexOf("wake")], [301, 300]);
});

test("mail that puts a deadline off in the last moment is heeded", async () => {
  let later = NEVER;
  const { mail, post } = mailbox(() => {
    later = plus(monotonicNow(), ms(20));
    pump.wakeAt(later);
  });
  const { pump, wakes } = pumpWith({ mail });
  pump.wakeAt(plus(monotonicNow(), ms(5)));
  post("pulse");
  freeze(30);
  await until(() => wakes.length > 0);
  assert.ok(later !== NEVER && (wakes[0] ?? NEVER) >= later);
});

test("files, messages and timers go on while nothing is due", async () => {
  pumpWith();
  assert.match(await readFile(new URL(import.meta.url), "utf8"), /files, messages/);
  const { port1, port2 } = new MessageChannel();
  const heard = new Promise((resolve) => port2.once("message", resolve));
  port1.postMessage("hello");
  assert.equal(await heard, "hello");
  port1.close();
  await new Promise((resolve) => setTimeout(resolve, 3));
});

test("the event loop gets its round when it is asked for, with a deadline close by too", async () => {
  const order: string[] = [];
  const { pump } = pumpWith({
    wake: () => {
      order.push("wake");
      if (order.length > 1) return;
      void Promise.resolve().then(() => order.push("promise"));
      pump.yield();
      pump.wakeAt(NEVER);
    },
  });
  pump.wakeAt(NEVER);
  await until(() => order.length === 3);
  assert.deepEqual(order, ["wake", "promise", "wake"]);
});

test("what is never read does not keep the thread busy, and is looked at again after its rest", async () => {
  const pipe = openPipe();
  assert.ok(typeof pipe !== "number");
  writeSync(pipe.writeEnd, "news");
  const fds = [pipe.readEnd];
  const taken: Instant[] = [];
  const rest = ms(15);
  pumpWith({ others: [{ fds: () => fds, take: () => taken.push(monotonicNow()), rest }] });
  await until(() => taken.length > 3);
  for (const [i, at] of taken.slice(1).entries()) assert.ok(at >= plus(taken[i] ?? at, rest));
  for (const fd of Object.values(pipe)) closeSocket(fd);
});

test("descriptors may come and go", async () => {
  const pipe = openPipe();
  assert.ok(typeof pipe !== "number");
  let fds: readonly number[] = [];
  let taken = 0;
  const { pump, wakes } = pumpWith({
    others: [
      {
        fds: () => fds,
        take: () => {
          taken++;
          fds = [];
        },
        rest: ms(1),
      },
    ],
  });
  writeSync(pipe.writeEnd, "news");
  pump.wakeAt(plus(monotonicNow(), ms(5)));
  await until(() => wakes.length === 1);
  assert.equal(taken, 0);
  fds = [pipe.readEnd];
  await until(() => taken === 1);
  pump.wakeAt(plus(monotonicNow(), ms(5)));
  await until(() => wakes.length === 2);
  assert.equal(taken, 1);
  for (const fd of Object.values(pipe)) closeSocket(fd);
});

test("a stopped pump wakes no more; a deadline that is no number is a bug", async () => {
  const { pump, wakes } = pumpWith();
  pump.wakeAt(plus(monotonicNow(), ms(2)));
  pump.stop();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(wakes.length, 0);
  assert.throws(() => pump.wakeAt(instant(Number.NaN)), /a deadline is a number/);
});

test("each thread finds the event loop of its own", async () => {
  const code = `
    import { parentPort } from "node:worker_threads";
    const { findEventLoop } = await import(${JSON.stringify(import.meta.resolve("#drivers/sys/event-loop.ts"))});
    parentPort.postMessage(await findEventLoop());
  `;
  const worker = new Worker(code, { eval: true, execArgv: ["--input-type=module"] });
  const there = await new Promise((resolve) => worker.once("message", resolve));
  await worker.terminate();
  assert.equal(typeof there, "number");
  assert.notEqual(there, loopFd);
  assert.equal(await findEventLoop(), loopFd);
});
