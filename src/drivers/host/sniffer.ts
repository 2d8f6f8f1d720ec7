// Datagrams as they pass the network devices, before any firewall of this host sees those that come in, and after
// it let those pass that go out (packet(7)).

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
  setReceiveBuffer,
} from "#drivers/sys/libc.ts";
import { formatIp } from "#model/address.ts";
import type { Outcome } from "#ports/outcome.ts";

export interface SeenDatagram {
  readonly from: string;
  readonly to: string;
  /** Where it goes to. */
  readonly port: number;
  /** Belongs to the receiver of the call. */
  readonly bytes: Uint8Array;
}

const ETH_P_ALL = 3;
const FRAME_BYTES = 2048;
const BUFFER_BYTES = 1 << 20;
const UDP = 17;
const ETHERNET = 14;
const IPV6 = 40;
const UDP_HEADER = 8;

export class Sniffer {
  readonly #fd: number;
  readonly #frame = Buffer.alloc(FRAME_BYTES);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Keeps datagrams to one of two neighbouring UDP ports, on all devices with Ethernet headers. */
  static open(port: number): Sniffer | Outcome {
    // Without a protocol at first, so that nothing comes in before the filter is in place.
    const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0) return sysFailure(fd, "opening a packet socket");
    setReceiveBuffer(fd, BUFFER_BYTES);
    const filtered = attachFilter(fd, filterOf(port));
    const ready = filtered < 0 ? filtered : bindSocket(fd, everyDevice());
    if (ready >= 0) return new Sniffer(fd);
    closeSocket(fd);
    return sysFailure(ready, "watching datagrams");
  }

  /** Up to `limit` datagrams that wait. */
  poll(take: (seen: SeenDatagram) => void, limit: number): void {
    for (let reads = 0; reads < limit; reads++) {
      const length = receive(this.#fd, this.#frame);
      if (length === -EAGAIN) return;
      if (length === -EINTR || length < 0) continue;
      const seen = readFrame(this.#frame.subarray(0, Math.min(length, FRAME_BYTES)));
      if (seen !== null) take(seen);
    }
  }

  close(): void {
    closeSocket(this.#fd);
  }
}

/** An Ethernet frame with a whole UDP datagram; null when it is none. Never throws. */
export function readFrame(frame: Buffer): SeenDatagram | null {
  if (frame.length < ETHERNET + 20 + UDP_HEADER) return null;
  const isV6 = frame.readUInt16BE(12) === 0x86dd;
  const header = isV6 ? IPV6 : ((frame[ETHERNET] ?? 0) & 0xf) * 4;
  const udp = ETHERNET + header;
  const protocol = frame[ETHERNET + (isV6 ? 6 : 9)];
  if (protocol !== UDP || frame.length < udp + UDP_HEADER) return null;
  const length = frame.readUInt16BE(udp + 4);
  if (length < UDP_HEADER || udp + length > frame.length) return null;
  const [source, size] = isV6 ? [ETHERNET + 8, 16] : [ETHERNET + 12, 4];
  return {
    from: formatIp([...frame.subarray(source, source + size)]),
    to: formatIp([...frame.subarray(source + size, source + 2 * size)]),
    port: frame.readUInt16BE(udp + 2),
    bytes: Uint8Array.from(frame.subarray(udp + UDP_HEADER, udp + length)),
  };
}

/** struct sockaddr_ll: every protocol (only so do frames that go out come too), every device. */
function everyDevice(): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ALL, 2);
  return address;
}

/** Classic BPF (linux/filter.h): IPv4 or IPv6, UDP, to `port` or the next one. */
function filterOf(port: number): readonly Filter[] {
  const step = (code: number, value: number, ifTrue = 0, ifFalse = 0): Filter => ({
    code,
    value,
    ifTrue,
    ifFalse,
  });
  const [loadHalf, loadByte, loadHeaderLength, loadHalfBehind, isEqual, end] = [
    0x28, 0x30, 0xb1, 0x48, 0x15, 0x06,
  ];
  return [
    step(loadHalf, 12),
    step(isEqual, 0x0800, 0, 6),
    step(loadByte, 23),
    step(isEqual, UDP, 0, 10),
    step(loadHeaderLength, ETHERNET),
    step(loadHalfBehind, ETHERNET + 2),
    step(isEqual, port, 8, 0),
    step(isEqual, port + 1, 7, 6),
    step(isEqual, 0x86dd, 0, 5),
    step(loadByte, 20),
    step(isEqual, UDP, 0, 3),
    step(loadHalf, ETHERNET + IPV6 + 2),
    step(isEqual, port, 2, 0),
    step(isEqual, port + 1, 1, 0),
    step(end, 0),
    step(end, FRAME_BYTES),
  ];
}
