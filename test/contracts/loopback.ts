// Members on loopback addresses of their own, so that test files may run side by side.

import {
  type DatagramOptions,
  datagramsOf,
  MESSAGE_BUFFER,
  PULSE_WINDOW,
} from "#drivers/datagrams/datagrams.ts";
import { KernelSockets } from "#drivers/datagrams/kernel-sockets.ts";
import { NODE_SOCKETS, type Sockets } from "#drivers/datagrams/sockets.ts";
import type { MemberConfig } from "#model/config.ts";
import { type NodeId, nodeId } from "#model/ids.ts";
import type { OpenDatagrams } from "#ports/datagrams.ts";

export const KEY = new Uint8Array(32).fill(1);
export const PORT = 5407;
const NETWORK = `127.${64 + (process.pid % 128)}.${(process.pid >> 7) % 256}`;
let used = 0;

/** An address of 127.0.0.0/8 that no other test uses. */
export const address = (): string => `${NETWORK}.${++used}`;

export function member(id: string, links: readonly string[]): MemberConfig {
  return { id: nodeId(id), kind: "node", links, site: null };
}

export interface Opened {
  readonly open: OpenDatagrams;
  readonly ready: Promise<string | null>;
  /** What the listener was told of links, oldest first. */
  readonly links: (readonly [number, string | null])[];
}

let sockets: Sockets = NODE_SOCKETS;

/** From now on: the sockets of a thread that waits in the kernel itself, which here looks every millisecond. */
export function useKernelSockets(): void {
  const kernel = new KernelSockets();
  sockets = kernel;
  setInterval(() => kernel.receiveAll(), 1).unref();
}

/** Sealed datagrams for `me`; `ready` settles when the port did. */
export function datagrams(
  me: string,
  members: readonly MemberConfig[],
  changes: Partial<DatagramOptions> = {},
): Opened {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const links: (readonly [number, string | null])[] = [];
  const open = datagramsOf({
    me: nodeId(me),
    boot: 1,
    members,
    port: PORT,
    key: KEY,
    cluster: "test",
    purpose: "pulse",
    replayWindow: PULSE_WINDOW,
    receiveBuffer: MESSAGE_BUFFER,
    sockets,
    listener: { ready: resolve, link: (index, problem) => links.push([index, problem]) },
    ...changes,
  });
  return { open, ready: promise, links };
}

/** Waits until it holds, or throws after `limit` ms. */
export async function until(holds: () => boolean, what: string, limit = 10_000): Promise<void> {
  const end = performance.now() + limit;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export const ids = (...names: string[]): NodeId[] => names.map(nodeId);
