// The few system calls that the probe makes itself: with them one thread can send on the millisecond and
// note each answer as it comes, which Node's own sockets and timers (whole milliseconds) do not allow.
import { isIPv6 } from "node:net";
import koffi from "koffi";

const libc = koffi.load("libc.so.6");
const c = {
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  connect: libc.func("int connect(int fd, void *address, uint32_t length)"),
  bind: libc.func("int bind(int fd, void *address, uint32_t length)"),
  send: libc.func("intptr_t send(int fd, void *data, size_t length, int flags)"),
  recv: libc.func("intptr_t recv(int fd, void *data, size_t length, int flags)"),
  ppoll: libc.func("int ppoll(void *fds, unsigned long count, void *timeout, void *mask)"),
  setsockopt: libc.func("int setsockopt(int fd, int level, int name, void *value, uint32_t length)"),
  if_nametoindex: libc.func("uint32_t if_nametoindex(const char *name)"),
  sched_setscheduler: libc.func("int sched_setscheduler(int pid, int policy, void *parameters)"),
};

/** Linux, x86-64 and arm64 alike: include/linux/net.h, uapi/linux/if_ether.h, uapi/linux/sched.h. */
const AF_INET = 2;
const AF_INET6 = 10;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const ETH_P_ALL = 0x0003;
const ETH_P_ARP = 0x0806;
/** uapi/linux/if_packet.h; linux/socket.h. */
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const SCHED_RR = 2;

/** A datagram socket that talks to one address only, so that another's answer is not taken for its. */
export function openUdp(address: string, port: number): number {
  const isSix = isIPv6(address);
  const fd = checked("socket", c.socket(isSix ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  const where = Buffer.alloc(isSix ? 28 : 16);
  where.writeUInt16LE(isSix ? AF_INET6 : AF_INET, 0);
  where.writeUInt16BE(port, 2);
  (isSix ? bytesOf6(address) : bytesOf4(address)).copy(where, isSix ? 8 : 4);
  checked("connect", c.connect(fd, where, where.length));
  return fd;
}

/** A raw socket that sends and hears ARP frames on one interface (packet(7)). Needs CAP_NET_RAW. */
export function openArp(device: string): number {
  return openPacket(device, ETH_P_ARP);
}

/**
 * A raw socket that takes every frame that comes in on a device, before a bridge has it, and sends out on it what
 * the bridge never sees. What goes out is not heard. Needs CAP_NET_RAW.
 */
export function openPort(device: string): number {
  const fd = openPacket(device, ETH_P_ALL);
  const on = Buffer.from(new Int32Array([1]).buffer);
  checked("setsockopt", c.setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, on, on.length));
  return fd;
}

function openPacket(device: string, protocol: number): number {
  const fd = checked("socket", c.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, swap16(protocol)));
  const where = Buffer.alloc(20);
  where.writeUInt16LE(AF_PACKET, 0);
  where.writeUInt16BE(protocol, 2);
  where.writeInt32LE(checked("if_nametoindex", c.if_nametoindex(device)), 4);
  checked("bind", c.bind(fd, where, where.length));
  return fd;
}

/** Sends, and forgets: what the kernel refuses (no route, no buffer) is a request without an answer. */
export function send(fd: number, data: Buffer): void {
  c.send(fd, data, data.length, MSG_DONTWAIT);
}

/** Takes what has come: its length, or null when there is nothing (or only an ICMP error). */
export function receive(fd: number, into: Buffer): number | null {
  const length = Number(c.recv(fd, into, into.length, MSG_DONTWAIT));
  return length < 0 ? null : length;
}

/** Waits until one of the descriptors is readable or closed, at most `ms` (fractions count). Answers which. */
export function waitFor(fds: readonly number[], ms: number): readonly number[] {
  const polled = Buffer.alloc(8 * fds.length);
  fds.forEach((fd, index) => {
    polled.writeInt32LE(fd, 8 * index);
    polled.writeInt16LE(POLLIN, 8 * index + 4);
  });
  const timeout = Buffer.alloc(16);
  const wait = Math.max(0, ms);
  timeout.writeBigInt64LE(BigInt(Math.floor(wait / 1000)), 0);
  timeout.writeBigInt64LE(BigInt(Math.floor((wait % 1000) * 1e6)), 8);
  if (c.ppoll(polled, fds.length, timeout, null) <= 0) return [];
  return fds.filter((_, index) => polled.readInt16LE(8 * index + 6) !== 0);
}

/** Asks the kernel to run this thread before all normal ones; false without the permission. */
export function takeRealtime(priority: number): boolean {
  const parameters = Buffer.alloc(4);
  parameters.writeInt32LE(priority, 0);
  return c.sched_setscheduler(0, SCHED_RR, parameters) === 0;
}

/** An ARP question in request form (RFC 826): who has `target`? Broadcast, from `mac` and `address`. */
export function arpQuestion(mac: string, address: string, target: string): Buffer {
  const own = Buffer.from(mac.replaceAll(":", ""), "hex");
  const header = Buffer.from("0001080006040001", "hex");
  return Buffer.concat([
    Buffer.alloc(6, 0xff),
    own,
    Buffer.from("0806", "hex"),
    header,
    own,
    bytesOf4(address),
    Buffer.alloc(6),
    bytesOf4(target),
  ]);
}

/**
 * The hardware address that this frame says `target` has, when it is an answer to a question of `mac`.
 * Gratuitous announcements are no answers: they go to everybody.
 */
export function arpAnswer(frame: Buffer, mac: string, target: string): string | null {
  if (frame.length < 42 || frame.readUInt16BE(20) !== 2) return null;
  if (macAt(frame, 0) !== mac || !frame.subarray(28, 32).equals(bytesOf4(target))) return null;
  return macAt(frame, 22);
}

function macAt(frame: Buffer, offset: number): string {
  return (frame.toString("hex", offset, offset + 6).match(/../g) ?? []).join(":");
}

export function bytesOf4(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

/** The sixteen bytes of an IPv6 address in its colon form (RFC 4291, section 2.2; no dotted tail). */
export function bytesOf6(address: string): Buffer {
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}

function checked(name: string, result: number): number {
  if (result < 0 || (name === "if_nametoindex" && result === 0)) {
    throw new Error(`${name}: error ${koffi.errno()}`);
  }
  return result;
}
