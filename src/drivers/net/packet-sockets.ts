// Whole Ethernet frames in and out (packet(7)): announcements go out, claims of our addresses come in.

import { EAGAIN, EINTR, sysFailure } from "#drivers/sys/errno.ts";
import {
  AF_PACKET,
  attachFilter,
  bindSocket,
  closeSocket,
  type Filter,
  openSocket,
  receive,
  SOCK_RAW,
  send,
  setReceiveBuffer,
} from "#drivers/sys/libc.ts";
import { ipBytes } from "#model/address.ts";
import type { Outcome } from "#ports/outcome.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV6, readClaim } from "./frames.ts";

const FRAME_BYTES = 2048;
/** Claims waiting: a thousand small frames. */
const BUFFER_BYTES = 1 << 18;
/** A filter program jumps at most this far, so it can name no more addresses. */
const ADDRESS_LIMIT = 200;

export interface Claim {
  readonly ip: readonly number[];
  readonly mac: Buffer;
}

/** Sends frames; receives none (protocol 0). */
export class FrameSender {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static open(): FrameSender | Outcome {
    const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
    return fd < 0 ? sysFailure(fd, "opening a packet socket") : new FrameSender(fd);
  }

  /** 0, or a negated errno. A full queue of the device (ENOBUFS) loses the frame. */
  send(frame: Buffer, deviceIndex: number): number {
    return Math.min(0, send(this.#fd, frame, sockaddrLl(frame.readUInt16BE(12), deviceIndex)));
  }

  close(): void {
    closeSocket(this.#fd);
  }
}

/** Receives the frames in which somebody claims one of our addresses; the kernel drops all others. */
export class ClaimListener {
  readonly fds: readonly number[];
  readonly #frame = Buffer.alloc(FRAME_BYTES);

  private constructor(fds: readonly number[]) {
    this.fds = fds;
  }

  /** Frames that this host sends itself are not among them. */
  static open(ips: readonly string[]): ClaimListener | Outcome {
    const all = ips.map(ipBytes);
    const fds: number[] = [];
    for (const [protocol, program] of [
      [ETHERTYPE_ARP, arpFilter(all.filter((ip) => ip.length === 4).slice(0, ADDRESS_LIMIT))],
      [ETHERTYPE_IPV6, advertisementFilter(all.filter((ip) => ip.length === 16).slice(0, ADDRESS_LIMIT))],
    ] as const) {
      if (program === null) continue;
      const fd = openFiltered(protocol, program);
      if (fd < 0) {
        for (const opened of fds) closeSocket(opened);
        return sysFailure(fd, "listening for claims of floating addresses");
      }
      fds.push(fd);
    }
    return new ClaimListener(fds);
  }

  /** Up to `limit` claims of each family that wait. */
  poll(take: (claim: Claim) => void, limit: number): void {
    for (const fd of this.fds) {
      for (let reads = 0; reads < limit; reads++) {
        const length = receive(fd, this.#frame);
        if (length === -EAGAIN) break;
        if (length === -EINTR) continue;
        // An error such as ENETDOWN is told once and then over: the next read goes on.
        if (length < 0) continue;
        const claim = readClaim(this.#frame.subarray(0, Math.min(length, FRAME_BYTES)));
        if (claim !== null) take({ ip: claim.ip, mac: Buffer.from(claim.mac) });
      }
    }
  }

  close(): void {
    for (const fd of this.fds) closeSocket(fd);
  }
}

/** Opened without a protocol, so that nothing arrives before the filter is in place. */
function openFiltered(protocol: number, program: readonly Filter[]): number {
  const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) return fd;
  setReceiveBuffer(fd, BUFFER_BYTES);
  const filtered = attachFilter(fd, program);
  const ready = filtered < 0 ? filtered : bindSocket(fd, sockaddrLl(protocol, 0));
  if (ready >= 0) return fd;
  closeSocket(fd);
  return ready;
}

/** struct sockaddr_ll; device 0 means all of them. */
function sockaddrLl(protocol: number, deviceIndex: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(protocol, 2);
  address.writeInt32LE(deviceIndex, 4);
  return address;
}

// Classic BPF (linux/filter.h, linux/bpf_common.h).
const loadWord = (at: number): Filter => ({ code: 0x20, ifTrue: 0, ifFalse: 0, value: at });
const loadByte = (at: number): Filter => ({ code: 0x30, ifTrue: 0, ifFalse: 0, value: at });
const jumpIfEqual = (value: number, ifTrue: number, ifFalse: number): Filter => ({
  code: 0x15,
  ifTrue,
  ifFalse,
  value,
});
const keep: Filter = { code: 0x06, ifTrue: 0, ifFalse: 0, value: FRAME_BYTES };
const drop: Filter = { code: 0x06, ifTrue: 0, ifFalse: 0, value: 0 };

/** Keeps ARP packets, requests and replies, whose sender is one of the addresses; null for none. */
function arpFilter(ips: readonly (readonly number[])[]): Filter[] | null {
  return ips.length === 0 ? null : [loadWord(28), ...keepIfOneOf(ips.map(lastWord))];
}

/**
 * Keeps neighbour advertisements whose target ends like one of the addresses; the rest is compared later.
 * Runs for every IPv6 packet that arrives, so it looks at the two telling bytes first.
 */
function advertisementFilter(ips: readonly (readonly number[])[]): Filter[] | null {
  if (ips.length === 0) return null;
  return [
    loadByte(20),
    jumpIfEqual(58, 1, 0),
    drop,
    loadByte(54),
    jumpIfEqual(136, 1, 0),
    drop,
    loadWord(74),
    ...keepIfOneOf(ips.map(lastWord)),
  ];
}

const lastWord = (ip: readonly number[]): number => Buffer.from(ip.slice(-4)).readUInt32BE(0);

function keepIfOneOf(words: readonly number[]): Filter[] {
  return [...words.map((word, index) => jumpIfEqual(word, words.length - index, 0)), drop, keep];
}
