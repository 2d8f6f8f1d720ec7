// Starts the probes of a world and reads their logs while they grow.
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Entry, parseEntry } from "./probe-log.ts";
import { until } from "./shell.ts";
import { end, hostOf, isRunning, type Running, startIn, type World } from "./world.ts";

export type ProbeMode = "udp" | "http" | "arp";

/** A probe at work. Its entries are kept from the first one on, unless `forget` is called. */
export type Watch = {
  readonly mode: ProbeMode;
  readonly running: Running;
  readonly file: string;
  /** Reads what has been logged since and answers all entries kept. */
  readonly entries: () => readonly Entry[];
  /** Drops entries of requests sent before that time, for watches that never end. */
  readonly forget: (beforeMs: number) => void;
  /** Ends the probe, waits for its last answers and reads them. */
  readonly stop: () => Promise<readonly Entry[]>;
};

export type WatchOptions = {
  readonly mode: ProbeMode;
  readonly address: string;
  /** Defaults: udp 1, http 10, arp 20. */
  readonly everyMs?: number;
  /** A request not answered within this is lost. */
  readonly timeoutMs?: number;
};

const EVERY_MS = { udp: 1, http: 10, arp: 20 } as const;
export const REQUEST_TIMEOUT_MS = 500;

/** Starts a probe: ARP is asked from `watch`, so that the client's own neighbour cache is left alone. */
export function watchAddress(world: World, options: WatchOptions): Watch {
  const { mode, address, everyMs = EVERY_MS[mode], timeoutMs = REQUEST_TIMEOUT_MS } = options;
  const host = mode === "arp" ? "watch" : "client";
  const file = join(hostOf(world, host).folder, `${mode}-${address.replaceAll(":", "_")}.csv`);
  closeSync(openSync(file, "w"));
  const words = ["--mode", mode, "--address", address, "--out", file];
  const pace = ["--every-ms", String(everyMs), "--timeout-ms", String(timeoutMs)];
  const running = startIn(world, host, [process.execPath, script("probe.ts"), ...words, ...pace], {
    name: `probe-${mode}`,
    stdin: "pipe",
  });
  const tail = tailOf(file);
  let kept: Entry[] = [];
  const entries = () => {
    for (const line of tail()) {
      const entry = parseEntry(line);
      if (entry !== null) kept.push(entry);
    }
    return kept;
  };
  return {
    mode,
    running,
    file,
    entries,
    forget: (beforeMs) => {
      kept = kept.filter(({ sentMs }) => sentMs >= beforeMs);
    },
    stop: async () => {
      running.child.stdin?.end();
      await until(() => !isRunning(running), { withinMs: timeoutMs + 2_000, everyMs: 10 });
      await end(running, "SIGKILL");
      return entries();
    },
  };
}

/** The small service behind the floating addresses, in one host. */
export function startResponder(world: World, host: string, addresses: readonly string[]): Running {
  const bound = addresses.flatMap((address) => ["--address", address]);
  return startIn(world, host, [process.execPath, script("responder.ts"), "--name", host, ...bound], {
    name: "responder",
  });
}

/** Answers, at each call, the whole lines that a growing file gained. */
export function tailOf(file: string): () => readonly string[] {
  const fd = openSync(file, "r");
  const chunk = Buffer.alloc(64 * 1024);
  let rest = "";
  return () => {
    let text = rest;
    for (let length = readSync(fd, chunk); length > 0; length = readSync(fd, chunk)) {
      text += chunk.toString("utf8", 0, length);
    }
    const lines = text.split("\n");
    rest = lines.pop() ?? "";
    return lines;
  };
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
