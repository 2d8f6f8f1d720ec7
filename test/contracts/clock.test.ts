// The clock port on Node's event loop. No test judges how late a wake is: only order and never early.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { type Clock, createClock, now } from "#drivers/clock/clock.ts";
import { FOREVER, instant, ms, NEVER, plus } from "#model/units.ts";
import { address } from "./loopback.ts";

/** A clock whose wakes can be awaited. */
function clockWithWakes(): { readonly clock: Clock; readonly wakes: number[]; woken(): Promise<number> } {
  const wakes: number[] = [];
  let resolve: ((at: number) => void) | null = null;
  const clock = createClock(() => {
    const at = now();
    wakes.push(at);
    resolve?.(at);
  });
  const woken = () =>
    new Promise<number>((done) => {
      resolve = done;
    });
  return { clock, wakes, woken };
}

test("both threads of a host read the same clock", async () => {
  const code = `
    import { parentPort } from "node:worker_threads";
    const { now } = await import(${JSON.stringify(import.meta.resolve("#drivers/clock/clock.ts"))});
    parentPort.on("message", () => parentPort.postMessage(now()));
  `;
  const worker = new Worker(code, { eval: true, execArgv: ["--input-type=module"] });
  try {
    for (let round = 0; round < 20; round++) {
      const before = now();
      worker.postMessage("now?");
      const [there] = await new Promise<number[]>((resolve) => worker.once("message", (at) => resolve([at])));
      assert.ok(there !== undefined && before <= there && there <= now());
    }
  } finally {
    await worker.terminate();
  }
});

test("a wake comes once, and never early", async () => {
  const { clock, wakes, woken } = clockWithWakes();
  for (const wait of [0, 0.2, 1, 1.7, 5.5, 20.1]) {
    const due = plus(now(), ms(wait));
    clock.wakeAt(due);
    assert.ok((await woken()) >= due);
  }
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(wakes.length, 6);
});

test("a later call replaces an earlier one, sooner or later than it", async () => {
  const { clock, wakes, woken } = clockWithWakes();
  const start = now();
  clock.wakeAt(plus(start, ms(5)));
  clock.wakeAt(plus(start, ms(40)));
  assert.ok((await woken()) >= start + 40);
  clock.wakeAt(plus(now(), ms(3_600_000)));
  clock.wakeAt(plus(now(), ms(2)));
  await woken();
  clock.wakeAt(plus(now(), ms(2)));
  clock.wakeAt(FOREVER);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(wakes.length, 2);
  clock.stop();
});

test("what is due already wakes soon, but not within the call", async () => {
  const { clock, wakes, woken } = clockWithWakes();
  clock.wakeAt(NEVER);
  assert.equal(wakes.length, 0);
  await woken();
  assert.equal(wakes.length, 1);
});

test("a deadline beyond the limit of setTimeout does not wake at once", async () => {
  const { clock, wakes } = clockWithWakes();
  const warnings: string[] = [];
  const warned = (warning: Error) => warnings.push(warning.name);
  process.on("warning", warned);
  clock.wakeAt(plus(now(), ms(2 ** 32)));
  clock.wakeAt(plus(now(), ms(2 ** 31)));
  await new Promise((resolve) => setTimeout(resolve, 30));
  process.off("warning", warned);
  // Node would warn of an overflow and fire every millisecond.
  assert.deepEqual([wakes, warnings], [[], []]);
  clock.stop();
});

test("a stopped clock wakes no more", async () => {
  const { clock, wakes } = clockWithWakes();
  clock.wakeAt(plus(now(), ms(2)));
  clock.stop();
  clock.wakeAt(NEVER);
  clock.stop();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(wakes.length, 0);
});

test("mail that puts a deadline off in the last moment is heeded", async () => {
  // Sends within the call: no tick for a resolver.
  const socket = createSocket({
    type: "udp4",
    lookup: (hostname, _options, found) => found(null, hostname, 4),
  });
  const host = address();
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  const { clock, woken } = clockWithWakes();
  let later = NEVER;
  socket.once("message", () => {
    later = plus(now(), ms(20));
    clock.wakeAt(later);
  });
  try {
    clock.wakeAt(plus(now(), ms(5)));
    setImmediate(() => {
      socket.send("pulse", socket.address().port, host);
      freeze(30);
    });
    assert.ok((await woken()) >= later && later !== NEVER);
  } finally {
    socket.close();
  }
});

test("mail that came before the deadline is handed in before the wake, even after a freeze", async () => {
  const [socket, sender] = [createSocket("udp4"), createSocket("udp4")];
  const host = address();
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  await new Promise<void>((resolve) => sender.bind(0, host, resolve));
  const order: string[] = [];
  socket.on("message", () => order.push("mail"));
  try {
    await new Promise<void>((resolve) => {
      const clock = createClock(() => {
        order.push("wake");
        resolve();
      });
      clock.wakeAt(plus(now(), ms(5)));
      // More than one poll phase reads: they are in the kernel's buffer when the freeze ends.
      for (let i = 0; i < 100; i++) sender.send("pulse", socket.address().port, host);
      setImmediate(() => freeze(30));
    });
    assert.deepEqual([order.length, order.indexOf("wake")], [101, 100]);
  } finally {
    socket.close();
    sender.close();
  }
});

/** Holds the thread, as a stopped host would. */
function freeze(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

test("a deadline that is no number is a bug", () => {
  assert.throws(() => createClock(() => {}).wakeAt(instant(Number.NaN)), /a deadline is a number/);
});
