// Carries the daemons' datagrams between the ports of the switch, and not as they came: late, twice, in another order
// or not at all. Runs in the switch's namespace: node relay.ts --ports '[[port, mac] ...]' --worse '[port ...]' --seed N
// with --loss, --duplicate (probabilities), --delay-ms and --jitter-ms. Ends when its standard input closes.
import { parseArgs } from "node:util";
import { attachFilter, type Filter } from "#drivers/sys/libc.ts";
import { Prng } from "#lib/prng.ts";
import { monotonicMs } from "../shell.ts";
import { openPort, receive, send, takeRealtime, waitFor } from "../sockets.ts";
import { DAEMON_PORTS } from "./traffic.ts";

const { values } = parseArgs({
  options: {
    ports: { type: "string", default: "[]" },
    worse: { type: "string", default: "[]" },
    seed: { type: "string", default: "1" },
    loss: { type: "string", default: "0" },
    duplicate: { type: "string", default: "0" },
    "delay-ms": { type: "string", default: "0" },
    "jitter-ms": { type: "string", default: "0" },
  },
});
const ports = JSON.parse(values.ports) as [string, string][];
const worse = new Set(JSON.parse(values.worse) as string[]);
const [loss = 0, duplicate = 0, delayMs = 0, jitterMs = 0] = [
  values.loss,
  values.duplicate,
  values["delay-ms"],
  values["jitter-ms"],
].map(Number);
const random = Prng.from(Number(values.seed));

/** Below a daemon's keeper. */
const REALTIME_PRIORITY = 2;
const STDIN = 0;
/** A copy comes up to so much later than the first. */
const COPY_WITHIN_MS = 400;
const IDLE_MS = 1_000;
/** Offsets in an Ethernet frame with IPv4 without options and UDP (RFC 791, RFC 768). */
const UDP_CHECKSUM = 40;
const UDP_END = 42;

/** IPv4, UDP, to one of the daemons' ports; everything else stays with the bridge. */
const FILTER: readonly Filter[] = [
  { code: 0x28, ifTrue: 0, ifFalse: 0, value: 12 },
  { code: 0x15, ifTrue: 0, ifFalse: 6, value: 0x0800 },
  { code: 0x30, ifTrue: 0, ifFalse: 0, value: 23 },
  { code: 0x15, ifTrue: 0, ifFalse: 4, value: 17 },
  { code: 0x28, ifTrue: 0, ifFalse: 0, value: 36 },
  { code: 0x15, ifTrue: 1, ifFalse: 0, value: DAEMON_PORTS[0] },
  { code: 0x15, ifTrue: 0, ifFalse: 1, value: DAEMON_PORTS[1] },
  { code: 0x06, ifTrue: 0, ifFalse: 0, value: 0xffff },
  { code: 0x06, ifTrue: 0, ifFalse: 0, value: 0 },
];

type Waiting = {
  readonly atMs: number;
  readonly fd: number;
  readonly frame: Buffer;
  /** From where to where, and its place in the order in which they came. */
  readonly way: string;
  readonly order: number;
};

takeRealtime(REALTIME_PRIORITY);
const sockets = ports.map(([name, mac]) => ({ name, mac, fd: openPort(name) }));
for (const { fd } of sockets) attachFilter(fd, FILTER);
const byMac = new Map(sockets.map((socket) => [socket.mac, socket]));
const inbox = Buffer.alloc(4096);
let waiting: Waiting[] = [];
const newest = new Map<string, number>();
const counts = { carried: 0, lost: 0, copies: 0, overtaken: 0 };
let order = 0;
console.log("ready");
carry();
console.log(
  `${counts.carried} carried, ${counts.lost} lost, ${counts.copies} copies, ${counts.overtaken} overtaken`,
);

function carry(): void {
  const fds = [...sockets.map(({ fd }) => fd), STDIN];
  for (;;) {
    const next = Math.min(...waiting.map(({ atMs }) => atMs), monotonicMs() + IDLE_MS);
    const ready = waitFor(fds, next - monotonicMs());
    for (const socket of sockets) if (ready.includes(socket.fd)) take(socket);
    deliver();
    if (ready.includes(STDIN)) return;
  }
}

function take(from: { readonly name: string; readonly fd: number }): void {
  for (let length = receive(from.fd, inbox); length !== null; length = receive(from.fd, inbox)) {
    const to = byMac.get((inbox.toString("hex", 0, 6).match(/../g) ?? []).join(":"));
    if (to === undefined || length < UDP_END) continue;
    const frame = Buffer.from(inbox.subarray(0, length));
    // Between virtual devices the checksum is left to a card that is not there; 0 means: none (RFC 768).
    frame.writeUInt16BE(0, UDP_CHECKSUM);
    order += 1;
    const now = monotonicMs();
    const one = { atMs: now, fd: to.fd, frame, way: `${from.name} ${to.name}`, order };
    if (!worse.has(from.name) && !worse.has(to.name)) {
      waiting.push(one);
      continue;
    }
    if (random.chance(loss)) {
      counts.lost += 1;
      continue;
    }
    const atMs = now + delayMs + random.between(0, jitterMs);
    waiting.push({ ...one, atMs });
    if (random.chance(duplicate)) {
      waiting.push({ ...one, atMs: atMs + random.between(0, COPY_WITHIN_MS) });
      counts.copies += 1;
    }
  }
}

function deliver(): void {
  const now = monotonicMs();
  const due = waiting.filter(({ atMs }) => atMs <= now).toSorted((a, b) => a.atMs - b.atMs);
  waiting = waiting.filter(({ atMs }) => atMs > now);
  for (const { fd, frame, way, order } of due) {
    send(fd, frame);
    counts.carried += 1;
    if (order < (newest.get(way) ?? 0)) counts.overtaken += 1;
    newest.set(way, Math.max(order, newest.get(way) ?? 0));
  }
}
