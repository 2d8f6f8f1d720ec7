// One host of the kernel tests: runs inside a network namespace and does what it is told, a JSON line each.

import { createSocket, type Socket } from "node:dgram";
import { type Socket as Connection, connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { KernelGuard } from "#drivers/grants/kernel-guard.ts";
import { KernelAddresses } from "#drivers/net/kernel-addresses.ts";
import { monotonicNow } from "#drivers/sys/clock.ts";
import { becomeRealtime } from "#drivers/sys/realtime.ts";

let heldUp = 0;
/** What `chatter` was told. */
const heard: number[] = [];

/** Reads the clock, and is then held up as by a scheduler that runs others. */
function now() {
  const at = monotonicNow();
  if (heldUp > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, heldUp);
  return at;
}

const targets = {
  guard: new KernelGuard({ now }),
  addresses: new KernelAddresses(),
  host: {
    holdUp: (ms: number) => {
      heldUp = ms;
    },
    becomeRealtime,
    respond,
    ask,
    reach,
    chatter,
    heard: () => heard,
    talk,
  },
};

/** Answers datagrams and connections to `ip` on `port`, from that address. */
async function respond(ip: string, port: number): Promise<void> {
  const socket = createSocket(ip.includes(":") ? "udp6" : "udp4");
  socket.on("message", (data, from) => socket.send(data, from.port, from.address, () => {}));
  socket.on("error", () => {});
  const server = createServer((connection) => connection.end("here"));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, ip, resolve);
  });
  await new Promise<void>((resolve) => socket.bind(port, ip, resolve));
}

/** Asks every millisecond; when each question that was answered had been sent. */
async function ask(ip: string, port: number, forMs: number): Promise<{ asked: number; answered: number[] }> {
  const socket: Socket = createSocket(ip.includes(":") ? "udp6" : "udp4");
  const answered: number[] = [];
  socket.on("error", () => {});
  socket.on("message", (data) => answered.push(data.readDoubleLE(0)));
  const start = monotonicNow();
  let asked = 0;
  while (monotonicNow() - start < forMs) {
    const question = Buffer.alloc(8);
    question.writeDoubleLE(monotonicNow(), 0);
    socket.send(question, port, ip, () => {});
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.close();
  return { asked, answered };
}

/** Connects: the answer, or why there was none. */
function reach(ip: string, port: number, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    const connection = connect(port, ip);
    const end = (what: string) => {
      connection.destroy();
      resolve(what);
    };
    connection.setTimeout(timeoutMs, () => end("timeout"));
    connection.on("data", (data) => end(data.toString()));
    connection.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? "error"));
  });
}

/** Tells every connection the time, every few milliseconds, and notes the times that it is told. */
async function chatter(ip: string, port: number): Promise<void> {
  const server = createServer((connection) => exchangeTimes(connection, heard));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, ip, resolve);
  });
}

/** Connects to such a one and does the same; the times that it was told. */
async function talk(ip: string, port: number, forMs: number): Promise<readonly number[]> {
  const told: number[] = [];
  const connection = connect(port, ip);
  exchangeTimes(connection, told);
  await new Promise((resolve) => setTimeout(resolve, forMs));
  connection.destroy();
  return told;
}

function exchangeTimes(connection: Connection, told: number[]): void {
  let rest = Buffer.alloc(0);
  connection.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    for (; rest.length >= 8; rest = rest.subarray(8)) told.push(rest.readDoubleLE(0));
  });
  connection.on("error", () => {});
  const timer = setInterval(() => {
    const time = Buffer.alloc(8);
    time.writeDoubleLE(monotonicNow(), 0);
    connection.write(time);
  }, 5);
  connection.on("close", () => clearInterval(timer));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { target, method, args } = JSON.parse(line);
  const object = targets[target as keyof typeof targets] as unknown as Record<
    string,
    (...args: unknown[]) => unknown
  >;
  const answer = await object[method]?.(...args);
  process.stdout.write(`${JSON.stringify({ answer: answer ?? null })}\n`);
}
process.exit(0);
