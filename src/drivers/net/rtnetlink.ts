// Addresses and devices through rtnetlink (rtnetlink(7), linux/if_addr.h, linux/if_link.h).

import { EACCES, EADDRNOTAVAIL, ENODEV, sysFailure } from "#drivers/sys/errno.ts";
import { type Message, MessageWriter, readAttributes, readText } from "#drivers/sys/message.ts";
import {
  NETLINK_ROUTE,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from "#drivers/sys/netlink.ts";
import { type FloatingAddress, formatIp, ipBytes } from "#model/address.ts";
import { DONE, failed, type Outcome } from "#ports/outcome.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
/** Masks of the groups for `Monitor`: links, IPv4 addresses, IPv6 addresses. */
export const GROUPS = 0x1 | 0x10 | 0x100;

const AF_INET = 2;
const AF_INET6 = 10;
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, CACHEINFO: 6, FLAGS: 8 } as const;
const IFA_F_NODAD = 0x02;
const IFA_F_NOPREFIXROUTE = 0x200;
const IFLA = { ADDRESS: 1, NAME: 3 } as const;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_LOWER_UP = 0x10000;
const ARPHRD_ETHER = 1;
const IFADDRMSG_BYTES = 8;
const IFINFOMSG_BYTES = 16;

/** A network device as the kernel describes it. */
export interface Device {
  readonly index: number;
  readonly name: string;
  /** Six bytes on Ethernet; empty on devices without a hardware address. */
  readonly mac: Buffer;
  /** Ethernet and what looks like it: ARP and neighbour discovery make sense. */
  readonly ethernet: boolean;
  readonly loopback: boolean;
  /** Set up by the administrator, and with carrier. */
  readonly up: boolean;
}

/** An address on a device. */
export interface DeviceAddress {
  readonly index: number;
  readonly ip: string;
  readonly bytes: readonly number[];
  readonly prefix: number;
}

export interface AddOptions {
  readonly device: Device;
  readonly lifetimeSeconds: number;
  /** The device already has the subnet, and this address must neither make nor unmake its route. */
  readonly noPrefixRoute: boolean;
}

export class Rtnetlink {
  readonly #socket: NetlinkSocket;
  readonly #writer = new MessageWriter();

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  static open(): Rtnetlink | Outcome {
    const socket = NetlinkSocket.open(NETLINK_ROUTE);
    return typeof socket === "number"
      ? sysFailure(socket, "opening a netlink socket")
      : new Rtnetlink(socket);
  }

  close(): void {
    this.#socket.close();
  }

  /** All devices of this network namespace; a negated errno when the kernel does not say. */
  devices(): Device[] | number {
    const answer = this.#dump(RTM_GETLINK, Buffer.alloc(IFINFOMSG_BYTES));
    return typeof answer === "number" ? answer : answer.map(readDevice);
  }

  /** All IPv4 and IPv6 addresses of this network namespace. */
  addresses(): DeviceAddress[] | number {
    const answer = this.#dump(RTM_GETADDR, Buffer.alloc(IFADDRMSG_BYTES));
    if (typeof answer === "number") return answer;
    return answer.map(readAddress).filter((address) => address !== null);
  }

  /**
   * Adds an address with a lifetime in whole seconds, or gives it a new one.
   */
  add(address: FloatingAddress, options: AddOptions): Outcome {
    const { device } = options;
    const isIpv6 = address.family === 6;
    this.#writer.reset();
    this.#append(address, options, NLM_F_ACK);
    const { errno } = this.#socket.request(this.#writer.bytes);
    if (errno === 0) return DONE;
    if (isIpv6 && errno === EACCES)
      return failed("EACCES", `IPv6 is switched off on ${device.name} (disable_ipv6)`);
    return sysFailure(errno, `adding ${address.ip}/${address.prefix} to ${device.name}`);
  }

  /**
   * Gives addresses a new lifetime from another thread. The kernel configures all its network namespaces under
   * one lock (RTNL), which others hold for as long as a namespace takes to go, tens of milliseconds.
   */
  refresh(
    addresses: readonly { readonly address: FloatingAddress; readonly options: AddOptions }[],
    done: () => void,
  ): void {
    this.#writer.reset();
    for (const { address, options } of addresses) this.#append(address, options, 0);
    this.#socket.post(Buffer.from(this.#writer.bytes), done);
  }

  #append(address: FloatingAddress, options: AddOptions, acknowledge: number): void {
    const { device, lifetimeSeconds, noPrefixRoute } = options;
    const bytes = Uint8Array.from(ipBytes(address.ip));
    const isIpv6 = address.family === 6;
    const flags = (isIpv6 ? IFA_F_NODAD : 0) | (noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0);
    this.#writer
      .begin({
        type: RTM_NEWADDR,
        flags: NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | acknowledge,
        seq: this.#socket.nextSeq(),
        header: ifaddrmsg(address, device.index),
      })
      .attribute(IFA.LOCAL, bytes)
      .attribute(IFA.ADDRESS, bytes)
      .u32(IFA.FLAGS, flags)
      .attribute(IFA.CACHEINFO, lifetime(isIpv6 ? 0 : lifetimeSeconds, lifetimeSeconds));
    if (!isIpv6 && address.prefix < 31)
      this.#writer.attribute(IFA.BROADCAST, broadcast(bytes, address.prefix));
    this.#writer.end();
  }

  /** Whether it was there to be removed. */
  remove(address: DeviceAddress): "removed" | "absent" | Outcome {
    const family = address.bytes.length === 4 ? 4 : 6;
    const bytes = Uint8Array.from(address.bytes);
    this.#begin(RTM_DELADDR, 0, ifaddrmsg({ family, prefix: address.prefix }, address.index)).attribute(
      IFA.LOCAL,
      bytes,
    );
    const { errno } = this.#socket.request(this.#writer.end().bytes);
    if (errno === 0) return "removed";
    if (errno === EADDRNOTAVAIL || errno === ENODEV) return "absent";
    return sysFailure(errno, `removing ${address.ip}`);
  }

  #begin(type: number, flags: number, header: Uint8Array): MessageWriter {
    const seq = this.#socket.nextSeq();
    return this.#writer.reset().begin({ type, flags: NLM_F_REQUEST | NLM_F_ACK | flags, seq, header });
  }

  #dump(type: number, header: Uint8Array): Message[] | number {
    const seq = this.#socket.nextSeq();
    this.#writer.reset().begin({ type, flags: NLM_F_REQUEST | NLM_F_DUMP, seq, header });
    return this.#socket.ask(this.#writer.end().bytes);
  }
}

/** Notifications about links and addresses. */
export function openMonitor(): NetlinkSocket | Outcome {
  const socket = NetlinkSocket.open(NETLINK_ROUTE, GROUPS);
  return typeof socket === "number" ? sysFailure(socket, "listening for changes of network devices") : socket;
}

/** Reads an RTM_NEWLINK or RTM_DELLINK message. */
export function readDevice(message: Message): Device {
  const attributes = readAttributes(message.body, IFINFOMSG_BYTES);
  const flags = message.body.readUInt32LE(8);
  const type = message.body.readUInt16LE(2);
  return {
    index: message.body.readInt32LE(4),
    name: readText(attributes.get(IFLA.NAME)),
    mac: attributes.get(IFLA.ADDRESS) ?? Buffer.alloc(0),
    ethernet: type === ARPHRD_ETHER,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    up: (flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0,
  };
}

/** Reads an RTM_NEWADDR or RTM_DELADDR message; null when it is of another family. */
export function readAddress(message: Message): DeviceAddress | null {
  const attributes = readAttributes(message.body, IFADDRMSG_BYTES);
  // On a point-to-point device ADDRESS is the peer's, LOCAL ours.
  const value = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
  const family = message.body[0];
  if (value === undefined || (family !== AF_INET && family !== AF_INET6)) return null;
  const bytes = [...value];
  return {
    index: message.body.readUInt32LE(4),
    ip: formatIp(bytes),
    bytes,
    prefix: message.body[1] ?? 0,
  };
}

/** `02:00:0a:4d:00:01`. */
export const formatMac = (mac: Uint8Array): string =>
  [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");

function ifaddrmsg(address: { family: 4 | 6; prefix: number }, index: number): Buffer {
  const header = Buffer.alloc(IFADDRMSG_BYTES);
  header.writeUInt8(address.family === 4 ? AF_INET : AF_INET6, 0);
  header.writeUInt8(address.prefix, 1);
  header.writeUInt32LE(index, 4);
  return header;
}

/**
 * struct ifa_cacheinfo: preferred and valid lifetime in seconds.
 *
 * Preferred 0 makes an IPv6 address deprecated: it works, but the host never chooses it for its own
 * connections, which would break whenever the address moves (RFC 6724 section 5, rule 3).
 */
function lifetime(preferred: number, valid: number): Buffer {
  const info = Buffer.alloc(16);
  info.writeUInt32LE(preferred, 0);
  info.writeUInt32LE(valid, 4);
  return info;
}

function broadcast(bytes: Uint8Array, prefix: number): Uint8Array {
  return bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    return byte | (0xff >> bits);
  });
}
