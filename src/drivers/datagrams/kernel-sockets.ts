// UDP sockets for a thread that waits for its mail itself (drivers/clock/pump.ts): each call is one system call.
//
// With Node's own sockets a datagram that comes ten times a second costs several times what the kernel takes for
// it, since it goes through code of the event loop that is never warm (docs/benchmarks.md).

import { EINTR, errnoName } from "#drivers/sys/errno.ts";
import {
  AF_INET,
  AF_INET6,
  addressOf,
  bindSocket,
  closeSocket,
  connectSocket,
  openSocket,
  receive,
  SOCK_DGRAM,
  type SysResult,
  send,
  setFlag,
  setReceiveBuffer,
} from "#drivers/sys/libc.ts";
import { formatIp, ipBytes } from "#model/address.ts";
import type { LinkSocket, SocketListener, SocketOptions, SocketProblem, Sockets } from "./sockets.ts";

/** Longer than any datagram of ours. */
const RECEIVE_BYTES = 2048;
/** More than a full buffer of pulses: a deadline is judged by who has read all its mail. */
const RECEIVE_LIMIT = 512;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

interface Open {
  readonly fd: number;
  readonly listener: SocketListener;
}

export class KernelSockets implements Sockets {
  readonly #buffer = Buffer.alloc(RECEIVE_BYTES);
  #open: readonly Open[] = [];
  #fds: readonly number[] = [];
  /** By address and port. */
  readonly #destinations = new Map<string, Uint8Array>();

  /** Those that are open; another array after each change. */
  get fds(): readonly number[] {
    return this.#fds;
  }

  bind(
    options: SocketOptions,
    listener: SocketListener,
    answer: (bound: LinkSocket | SocketProblem) => void,
  ): void {
    const fd = openBound(options);
    if (fd < 0) {
      const code = errnoName(fd);
      return answer({ code, message: code });
    }
    this.#remember([...this.#open, { fd, listener }]);
    answer({
      send: (datagram, address, port) => {
        const sent = send(fd, datagram, this.#destination(address, port));
        if (sent < 0) listener.unsent(errnoName(sent));
      },
      close: () => {
        // The number may be another file's by now.
        if (!this.#open.some((one) => one.fd === fd && one.listener === listener)) return;
        this.#remember(this.#open.filter((one) => one.fd !== fd));
        closeSocket(fd);
      },
    });
  }

  sourceFor(address: string, port: number, answer: (source: string | null) => void): void {
    const destination = this.#destination(address, port);
    const fd = openSocket(familyOf(address), SOCK_DGRAM, 0);
    if (fd < 0) return answer(null);
    const own = Buffer.alloc(destination.length);
    const isKnown = connectSocket(fd, destination) === 0 && addressOf(fd, own) === 0;
    closeSocket(fd);
    answer(isKnown ? formatIp([...addressBytes(own)]) : null);
  }

  /** Hands over all that waits in the sockets. */
  receiveAll(): void {
    for (const { fd, listener } of this.#open) this.#receive(fd, listener);
  }

  #receive(fd: number, listener: SocketListener): void {
    for (let count = 0; count < RECEIVE_LIMIT; ) {
      const length = receive(fd, this.#buffer);
      if (length === -EINTR) continue;
      // Nothing more, or an error that the kernel has now told and forgotten.
      if (length < 0) return;
      count++;
      listener.datagram(Buffer.from(this.#buffer.subarray(0, length)));
    }
  }

  #destination(address: string, port: number): Uint8Array {
    const key = `${address} ${port}`;
    const known = this.#destinations.get(key) ?? socketAddress(address, port);
    this.#destinations.set(key, known);
    return known;
  }

  #remember(open: readonly Open[]): void {
    this.#open = open;
    this.#fds = open.map(({ fd }) => fd);
  }
}

/** A descriptor, or the negated errno. */
function openBound({ address, port, receiveBuffer }: SocketOptions): SysResult {
  const fd = openSocket(familyOf(address), SOCK_DGRAM, 0);
  if (fd < 0) return fd;
  if (familyOf(address) === AF_INET6) setFlag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  setReceiveBuffer(fd, receiveBuffer);
  const bound = bindSocket(fd, socketAddress(address, port));
  if (bound >= 0) return fd;
  closeSocket(fd);
  return bound;
}

const familyOf = (address: string): number => (address.includes(":") ? AF_INET6 : AF_INET);

/** struct sockaddr_in or sockaddr_in6: family in the host's byte order, port in the network's. */
function socketAddress(address: string, port: number): Uint8Array {
  const isV6 = familyOf(address) === AF_INET6;
  const bytes = Buffer.alloc(isV6 ? 28 : 16);
  bytes.writeUInt16LE(familyOf(address), 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ipBytes(address), isV6 ? 8 : 4);
  return bytes;
}

const addressBytes = (bytes: Buffer): Uint8Array =>
  bytes.readUInt16LE(0) === AF_INET6 ? bytes.subarray(8, 24) : bytes.subarray(4, 8);
