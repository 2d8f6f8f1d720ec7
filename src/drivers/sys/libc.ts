// The system calls that Node does not offer, through koffi and libc, each one synchronous; none waits but SocketSet.wait.
// The one module that knows koffi: `node:ffi` or an addon could take its place.

import koffi from "koffi";
import { type Ms, ms } from "#model/units.ts";

/** A non-negative result, or the negated errno. */
export type SysResult = number;

export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const O_CLOEXEC = 0o2000000;
const LOCK_EX = 2;
const LOCK_NB = 4;

// The program itself rather than a file name: glibc and musl both have these in the global scope.
const libc = koffi.load(null);
const calls = {
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  bind: libc.func("int bind(int fd, const void *address, uint32_t length)"),
  connect: libc.func("int connect(int fd, const void *address, uint32_t length)"),
  sendto: libc.func(
    "intptr_t sendto(int fd, const void *data, size_t n, int flags, const void *to, uint32_t length)",
  ),
  recv: libc.func("intptr_t recv(int fd, void *data, size_t n, int flags)"),
  close: libc.func("int close(int fd)"),
  madvise: libc.func("int madvise(uintptr_t address, size_t length, int advice)"),
  ppoll: libc.func("int ppoll(void *set, unsigned long n, const void *timeout, const void *mask)"),
  getsockname: libc.func("int getsockname(int fd, void *address, void *length)"),
  setsockopt: libc.func("int setsockopt(int fd, int level, int name, const void *value, uint32_t length)"),
  schedSetscheduler: libc.func("int sched_setscheduler(int pid, int policy, const void *param)"),
  pipe2: libc.func("int pipe2(void *ends, int flags)"),
  flock: libc.func("int flock(int fd, int operation)"),
  clockGettime: libc.func("int clock_gettime(int clock, void *time)"),
  clockGetres: libc.func("int clock_getres(int clock, void *time)"),
};

/** Opens a socket that no child inherits and on which no call ever waits. */
export function openSocket(domain: number, type: number, protocol: number): SysResult {
  return orErrno(calls.socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}

export function bindSocket(fd: number, address: Uint8Array): SysResult {
  return orErrno(calls.bind(fd, address, address.length));
}

/** Of datagrams: which address this host would use is settled by this, and nothing is sent. */
export function connectSocket(fd: number, address: Uint8Array): SysResult {
  return orErrno(calls.connect(fd, address, address.length));
}

export function send(fd: number, data: Uint8Array, to: Uint8Array): SysResult {
  return orErrno(Number(calls.sendto(fd, data, data.length, MSG_DONTWAIT, to, to.length)));
}

/**
 * Sends from another thread, since the kernel may make this call wait for long; `done` comes when it returned,
 * whatever it said. Neither `data` nor the descriptor may be touched until then.
 */
export function sendInBackground(fd: number, data: Uint8Array, to: Uint8Array, done: () => void): void {
  calls.sendto.async(fd, data, data.length, 0, to, to.length, () => {
    // What the kernel holds until now must not be collected before.
    if (data.length > 0) done();
  });
}

/** The datagram's full length, which exceeds the buffer's when it was cut. -EAGAIN: nothing there. */
export function receive(fd: number, into: Uint8Array): SysResult {
  return orErrno(Number(calls.recv(fd, into, into.length, MSG_DONTWAIT | MSG_TRUNC)));
}

const POLLIN = 0x1;
const POLLFD_BYTES = 8;
const REVENTS = 6;

/** Sockets of which one cheap call tells whether any has something to say, instead of one read of each. */
export class SocketSet {
  /** An array of struct pollfd, see poll(2). */
  readonly #set: Buffer;
  readonly #count: number;

  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#set = Buffer.alloc(fds.length * POLLFD_BYTES);
    for (const [index, fd] of fds.entries()) {
      this.#set.writeInt32LE(fd, index * POLLFD_BYTES);
      this.#set.writeInt16LE(POLLIN, index * POLLFD_BYTES + 4);
    }
  }

  /** Does something wait in any of them, be it an error? Never waits itself; true when the kernel does not say. */
  hasNews(): boolean {
    return this.wait(ms(0));
  }

  /** As `hasNews`, but waits for so long, to the microsecond, and blocks this thread meanwhile. */
  wait(atMost: Ms): boolean {
    const seconds = Math.floor(atMost / 1e3);
    timeout.writeInt32LE(seconds, 0);
    timeout.writeInt32LE(Math.floor((atMost - seconds * 1e3) * 1e6), 8);
    return calls.ppoll(this.#set, this.#count, timeout, null) !== 0;
  }

  /** Had this one, by its place, something to say when `hasNews` or `wait` answered last? */
  isReady(index: number): boolean {
    return this.#set.readInt16LE(index * POLLFD_BYTES + REVENTS) !== 0;
  }
}

/** A struct timespec of two longs, whose upper halves stay zero: waits are short. */
const timeout = Buffer.alloc(16);

/** Fills `address` with the address that the socket is bound to. */
export function addressOf(fd: number, address: Uint8Array): SysResult {
  return orErrno(calls.getsockname(fd, address, int32(address.length)));
}

/** Closes a descriptor; an error here would leave nothing to do, so there is none. */
export function closeSocket(fd: number): void {
  calls.close(fd);
}

export function setOption(fd: number, option: { level: number; name: number; value: Uint8Array }): SysResult {
  return orErrno(calls.setsockopt(fd, option.level, option.name, option.value, option.value.length));
}

/** Sets an option that is either on or off to on. */
export function setFlag(fd: number, level: number, name: number): SysResult {
  return setOption(fd, { level, name, value: int32(1) });
}

/** How many bytes may wait in the socket; the kernel caps it at net.core.rmem_max. */
export function setReceiveBuffer(fd: number, bytes: number): SysResult {
  return setOption(fd, { level: SOL_SOCKET, name: SO_RCVBUF, value: int32(bytes) });
}

/** One instruction of classic BPF (struct sock_filter, linux/filter.h). */
export interface Filter {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly value: number;
}

/** Makes the kernel keep only the packets for which the program returns more than 0; replaces an earlier one. */
export function attachFilter(fd: number, program: readonly Filter[]): SysResult {
  const code = Buffer.alloc(program.length * 8);
  for (const [index, step] of program.entries()) {
    code.writeUInt16LE(step.code, index * 8);
    code.writeUInt8(step.ifTrue, index * 8 + 2);
    code.writeUInt8(step.ifFalse, index * 8 + 3);
    code.writeUInt32LE(step.value >>> 0, index * 8 + 4);
  }
  // struct sock_fprog: a length, padding up to the pointer, the pointer.
  const fprog = Buffer.alloc(16);
  fprog.writeUInt16LE(program.length, 0);
  fprog.writeBigUInt64LE(BigInt(koffi.address(code)), 8);
  return setOption(fd, { level: SOL_SOCKET, name: SO_ATTACH_FILTER, value: fprog });
}

/** A pipe that no child inherits by itself; or the negated errno. */
export function openPipe(): { readonly readEnd: number; readonly writeEnd: number } | SysResult {
  const ends = Buffer.alloc(8);
  const result = orErrno(calls.pipe2(ends, O_CLOEXEC));
  return result < 0 ? result : { readEnd: ends.readInt32LE(0), writeEnd: ends.readInt32LE(4) };
}

/**
 * Takes the exclusive lock of an open file, without waiting: -EAGAIN when another open file has it, in this
 * process or elsewhere. Held until the descriptor is closed or the process ends, see flock(2).
 */
export function lockFile(fd: number): SysResult {
  return orErrno(calls.flock(fd, LOCK_EX | LOCK_NB));
}

/** Tells the kernel what will become of a range of memory, see madvise(2); `start` is the beginning of a page. */
export function madvise(start: bigint, length: number, advice: number): SysResult {
  return orErrno(calls.madvise(start, length, advice));
}

/** `pid` 0 is the calling thread, not the process. */
export function setScheduler(pid: number, options: { policy: number; priority: number }): SysResult {
  return orErrno(calls.schedSetscheduler(pid, options.policy, int32(options.priority)));
}

/** A clock's time, or with `resolution` its step, in milliseconds. A clock that does not exist: NaN. */
export function readClock(clock: number, what: "time" | "resolution" = "time"): number {
  const call = what === "time" ? calls.clockGettime : calls.clockGetres;
  return call(clock, timespec) === 0
    ? Number(timespec.readBigInt64LE(0)) * 1e3 + Number(timespec.readBigInt64LE(8)) / 1e6
    : Number.NaN;
}

const timespec = Buffer.alloc(16);

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
}

/** koffi keeps the errno of the call just made, before anything else in this thread can change it. */
function orErrno(result: number): SysResult {
  return result < 0 ? -koffi.errno() : result;
}
