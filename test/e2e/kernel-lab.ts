// Hosts for the kernel tests: network namespaces on a bridge in a namespace of its own, each with a process in it
// that is driven line by line. Everything has a name that begins with this process's number.

import assert from "node:assert/strict";
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { monotonicNow } from "#drivers/sys/clock.ts";
import { type FloatingAddress, parseAddress } from "#model/address.ts";
import { type Instant, instant } from "#model/units.ts";
import type { AddressEvent, AddressPort } from "#ports/addresses.ts";
import type { GrantPort } from "#ports/grants.ts";
import type { Outcome } from "#ports/outcome.ts";

export const V4 = floating("10.66.0.100/24");
export const V6 = floating("fd66::100/64");
export const BOTH = [V4, V6];
export const PORT = 7070;
const NODE = fileURLToPath(new URL("./kernel-node.ts", import.meta.url));
const NAMESPACES = "/run/netns";
const ANSWER_LIMIT_MS = 10_000;

export function floating(text: string, device: string | null = null): FloatingAddress {
  const address = parseAddress(text, device);
  assert.ok(address !== null, text);
  return address;
}

/** An instant `ms` from now, on the clock that all namespaces share. */
export const inMs = (ms: number): Instant => instant(monotonicNow() + ms);

type Remote<Port> = {
  [Method in keyof Port]: Port[Method] extends (...args: infer Args) => infer Answer
    ? (...args: Args) => Promise<Awaited<Answer>>
    : never;
};

interface HostCalls {
  holdUp(ms: number): void;
  becomeRealtime(priority: number): Outcome;
  respond(ip: string, port: number): void;
  ask(ip: string, port: number, forMs: number): { asked: number; answered: number[] };
  reach(ip: string, port: number, timeoutMs: number): string;
  chatter(ip: string, port: number): void;
  heard(): readonly number[];
  talk(ip: string, port: number, forMs: number): readonly number[];
}

export class Host {
  readonly namespace: string;
  readonly guard = this.#remote<GrantPort>("guard");
  readonly addresses = this.#remote<AddressPort>("addresses");
  readonly host = this.#remote<HostCalls>("host");
  #child: ChildProcessByStdio<Writable, Readable, null> | null = null;
  #lines: AsyncIterator<string> | null = null;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** Runs a command inside; its output. */
  run(command: string): string {
    return execFileSync("ip", ["netns", "exec", this.namespace, "sh", "-c", command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: ANSWER_LIMIT_MS,
    });
  }

  /** What `run` prints, or "" when the command fails. */
  tryRun(command: string): string {
    try {
      return this.run(command);
    } catch {
      return "";
    }
  }

  /** Starts the process, by way of the command `through` if there is one. */
  start(...through: string[]): void {
    this.#child = spawn("ip", ["netns", "exec", this.namespace, ...through, process.execPath, NODE], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** As a crash ends it: nothing is said, nothing taken down. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    this.#child = null;
  }

  /** SIGSTOP or SIGCONT for the process. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  /** Polls until an event fits; all events so far. Fails after three seconds. */
  async until(fits: (event: AddressEvent) => boolean): Promise<AddressEvent[]> {
    const seen: AddressEvent[] = [];
    for (const end = monotonicNow() + 3000; monotonicNow() < end; await pause(5)) {
      seen.push(...(await this.addresses.poll()));
      if (seen.some(fits)) return seen;
    }
    assert.fail(`no such event in ${JSON.stringify(seen)}`);
  }

  #remote<Port>(target: string): Remote<Port> {
    const call =
      (method: string) =>
      (...args: unknown[]) =>
        this.#call({ target, method, args });
    return new Proxy({}, { get: (_, method) => call(String(method)) }) as Remote<Port>;
  }

  async #call(request: { target: string; method: string; args: unknown[] }): Promise<unknown> {
    if (this.#child === null) this.start();
    this.#child?.stdin.write(`${JSON.stringify(request)}\n`);
    const late = setTimeout(() => this.#child?.kill("SIGKILL"), ANSWER_LIMIT_MS);
    const line = await this.#lines?.next();
    clearTimeout(late);
    assert.ok(line !== undefined && !line.done, `${this.namespace} answers ${request.method}`);
    return JSON.parse(line.value).answer;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Names that are on one switch: 10.66.0.1 and fd66::1 for the first, and so on; device eth0 in each. */
export class KernelLab {
  readonly #prefix = `uk${process.pid}`;
  readonly #switch = `${this.#prefix}-sw`;
  readonly #hosts: Host[] = [];

  constructor() {
    sweepNamespaces();
    ip(`netns add ${this.#switch}`);
    ip(`-n ${this.#switch} link add br0 type bridge forward_delay 0`);
    ip(`-n ${this.#switch} link set br0 up`);
  }

  add(name: string): Host {
    const host = new Host(`${this.#prefix}-${name}`);
    this.#hosts.push(host);
    const number = this.#hosts.length;
    ip(`netns add ${host.namespace}`);
    ip(`-n ${host.namespace} link add eth0 type veth peer name p${number} netns ${this.#switch}`);
    ip(`-n ${this.#switch} link set p${number} master br0 up`);
    ip(`-n ${host.namespace} link set lo up`);
    ip(`-n ${host.namespace} link set eth0 up`);
    ip(`-n ${host.namespace} addr add 10.66.0.${number}/24 dev eth0`);
    ip(`-n ${host.namespace} addr add fd66::${number}/64 dev eth0 nodad`);
    return host;
  }

  async end(): Promise<void> {
    for (const host of this.#hosts) await host.kill();
    for (const name of [...this.#hosts.map(({ namespace }) => namespace), this.#switch])
      ip(`netns del ${name}`);
  }
}

/** Removes what a test run left that was ended before it could clean up. */
function sweepNamespaces(): void {
  for (const name of existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : []) {
    const pid = /^uk([0-9]+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) ip(`netns del ${name}`);
  }
}

function ip(args: string): void {
  execFileSync("ip", args.split(" "), { stdio: ["ignore", "ignore", "pipe"], timeout: ANSWER_LIMIT_MS });
}
