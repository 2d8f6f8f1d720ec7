// Asks the floating address at a fixed pace from a process of its own and logs every request:
//   node probe.ts --mode udp|http|arp --address A --out FILE [--port 7777] [--every-ms 1] [--timeout-ms 500] [--device eth0]
// It ends when its standard input closes, so that it never outlives the lab that started it.
import { openSync, writeSync } from "node:fs";
import http from "node:http";
import { networkInterfaces } from "node:os";
import { parseArgs } from "node:util";
import { type Entry, formatEntry } from "./probe-log.ts";
import { monotonicMs } from "./shell.ts";
import { arpAnswer, arpQuestion, openArp, openUdp, receive, send, takeRealtime, waitFor } from "./sockets.ts";

const { values: options } = parseArgs({
  options: {
    mode: { type: "string", default: "udp" },
    address: { type: "string" },
    port: { type: "string", default: "7777" },
    "every-ms": { type: "string", default: "1" },
    "timeout-ms": { type: "string", default: "500" },
    device: { type: "string", default: "eth0" },
    out: { type: "string" },
  },
});

const address = required("address");
const everyMs = Number(options["every-ms"]);
const timeoutMs = Number(options["timeout-ms"]);
const out = openSync(required("out"), "a");

/** Below what a daemon under test may use: the probe must not be what delays it. */
const REALTIME_PRIORITY = 2;
/** How long lines wait before they are written together. */
const FLUSH_MS = 20;
/** A host that was frozen answers what its sockets kept; later than this nothing is left to tell apart. */
const REMEMBERED_MS = 60_000;
const STDIN = 0;

let waiting: string[] = [];
let flushedMs = 0;

switch (options.mode) {
  case "udp":
    askUdp();
    break;
  case "arp":
    askArp();
    break;
  case "http":
    askHttp();
    break;
  default:
    throw new Error(`--mode is udp, http or arp, not ${options.mode}`);
}

function askUdp(): void {
  takeRealtime(REALTIME_PRIORITY);
  const fd = openUdp(address, Number(options.port));
  const inbox = Buffer.alloc(512);
  const open = new Map<number, number>();
  const sentAt = new Map<number, number>();
  pace({
    fd,
    ask: (number, now) => {
      open.set(number, now);
      sentAt.set(number, now);
      send(fd, Buffer.from(String(number)));
    },
    hear: () => {
      for (let length = receive(fd, inbox); length !== null; length = receive(fd, inbox)) {
        const [digits = "", host = ""] = inbox.toString("utf8", 0, length).split(" ");
        const number = Number(digits);
        const sentMs = sentAt.get(number);
        if (sentMs === undefined) continue;
        const rttMs = monotonicMs() - sentMs;
        note({ kind: open.delete(number) ? "request" : "straggler", number, sentMs, rttMs, host });
      }
    },
    expire: (now) => {
      for (const [number, sentMs] of open) {
        if (now - sentMs < timeoutMs) break;
        open.delete(number);
        note({ kind: "request", number, sentMs, rttMs: null, host: "" });
      }
      for (const [number, sentMs] of sentAt) {
        if (now - sentMs < REMEMBERED_MS) break;
        sentAt.delete(number);
      }
    },
    isDone: () => open.size === 0,
  });
}

function askArp(): void {
  takeRealtime(REALTIME_PRIORITY);
  const own = networkInterfaces()[options.device]?.find(({ family }) => family === "IPv4");
  if (own === undefined) throw new Error(`${options.device} has no IPv4 address`);
  const fd = openArp(options.device);
  const question = arpQuestion(own.mac, own.address, address);
  const frame = Buffer.alloc(128);
  let last: { readonly number: number; readonly sentMs: number; readonly macs: string[] } | null = null;
  const close = () => {
    if (last !== null) note({ kind: "ask", ...last });
    last = null;
  };
  pace({
    fd,
    ask: (number, now) => {
      close();
      last = { number, sentMs: now, macs: [] };
      send(fd, question);
    },
    hear: () => {
      for (let length = receive(fd, frame); length !== null; length = receive(fd, frame)) {
        const mac = arpAnswer(frame.subarray(0, length), own.mac, address);
        if (mac !== null && last !== null && !last.macs.includes(mac)) last.macs.push(mac);
      }
    },
    expire: () => {},
    isDone: () => true,
  });
  close();
  flush();
}

type Beat = {
  readonly fd: number;
  readonly ask: (number: number, now: number) => void;
  readonly hear: () => void;
  readonly expire: (now: number) => void;
  /** Whether nothing is outstanding any more. */
  readonly isDone: () => boolean;
};

/** Asks every `everyMs` and listens between, until the standard input closes. */
function pace({ fd, ask, hear, expire, isDone }: Beat): void {
  const start = monotonicMs();
  let number = 0;
  let step = 0;
  let endsMs = Number.POSITIVE_INFINITY;
  for (;;) {
    const now = monotonicMs();
    const isAsking = endsMs === Number.POSITIVE_INFINITY;
    if (isAsking && now >= start + step * everyMs) {
      ask(number, now);
      number += 1;
      // A probe that was late skips what it missed; a burst would be no client's behaviour.
      step = Math.max(step + 1, Math.floor((now - start) / everyMs));
    }
    expire(now);
    if (now - flushedMs > FLUSH_MS) flush();
    if (!isAsking && (isDone() || now >= endsMs)) break;
    const wait = isAsking ? start + step * everyMs - monotonicMs() : 10;
    const ready = waitFor(isAsking ? [fd, STDIN] : [fd], wait);
    if (ready.includes(fd)) hear();
    if (ready.includes(STDIN)) endsMs = monotonicMs() + timeoutMs + FLUSH_MS;
  }
  flush();
}

/** A new connection for each request, as a browser that comes by. Node's own sockets do: it is asked less often. */
function askHttp(): void {
  let number = 0;
  const ask = () => {
    const sentMs = monotonicMs();
    const mine = number;
    number += 1;
    let isOpen = true;
    const close = (rttMs: number | null, host: string) => {
      if (isOpen) note({ kind: "request", number: mine, sentMs, rttMs, host });
      isOpen = false;
    };
    const name = address.includes(":") ? `[${address}]` : address;
    const request = http.get(`http://${name}:${options.port}/`, { agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (more: string) => {
        text += more;
      });
      response.on("error", () => close(null, ""));
      response.on("end", () => {
        const isGood = response.statusCode === 200;
        close(isGood ? monotonicMs() - sentMs : null, isGood ? text.trim() : "");
        clearTimeout(deadline);
      });
    });
    // A connection reset at its deadline cannot be answered by a retransmission after the outage.
    const deadline = setTimeout(() => request.destroy(), timeoutMs);
    request.on("error", () => close(null, ""));
    request.on("close", () => close(null, ""));
  };
  const asking = setInterval(ask, everyMs);
  const flushing = setInterval(flush, FLUSH_MS);
  process.stdin.resume().on("close", () => {
    clearInterval(asking);
    setTimeout(() => {
      clearInterval(flushing);
      flush();
      process.exit(0);
    }, timeoutMs + FLUSH_MS);
  });
}

function note(entry: Entry): void {
  waiting.push(formatEntry(entry));
}

function flush(): void {
  flushedMs = monotonicMs();
  if (waiting.length === 0) return;
  writeSync(out, `${waiting.join("\n")}\n`);
  waiting = [];
}

function required(name: "address" | "out"): string {
  const value = options[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}
