// Character devices through koffi and libc: open, write, ioctl and close, each one synchronous.
//
// The request numbers are those of the kernel's generic ioctl.h, as x86, ARM and RISC-V use it.

import koffi from "koffi";
import type { SysResult } from "./libc.ts";

const O_WRONLY = 0o1;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const WRITE = 1;
const READ = 2;

const libc = koffi.load(null);
const calls = {
  // Both are variadic in C. Integers and pointers travel alike either way on the machines that Linux's Node is for.
  open: libc.func("int open(const char *path, int flags)"),
  ioctl: libc.func("int ioctl(int fd, unsigned long request, void *argument)"),
  write: libc.func("intptr_t write(int fd, const void *data, size_t n)"),
  close: libc.func("int close(int fd)"),
};

/** Opens an existing file for writing, so that no child inherits it and no write to a pipe or terminal waits. */
export function openForWriting(path: string): SysResult {
  return orErrno(calls.open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}

/** How many bytes were taken. */
export function writeBytes(fd: number, bytes: Uint8Array): SysResult {
  return orErrno(Number(calls.write(fd, bytes, bytes.length)));
}

/** `argument` is read, written or both, as the request's number says; it has the size that is in that number. */
export function control(fd: number, request: number, argument: Uint8Array): SysResult {
  return orErrno(calls.ioctl(fd, request, argument));
}

/** Closes; the descriptor is gone whatever the answer (close(2)). */
export function closeFile(fd: number): SysResult {
  return orErrno(calls.close(fd));
}

export type Direction = "read" | "write" | "both";

/** The number of a request, as the kernel's _IOR, _IOW and _IOWR make it. `read`: the kernel fills the argument. */
export function requestNumber(type: string, number: number, size: number, direction: Direction): number {
  const bits = { read: READ, write: WRITE, both: READ | WRITE }[direction];
  return ((bits << 30) | (size << 16) | (type.charCodeAt(0) << 8) | number) >>> 0;
}

/** koffi keeps the errno of the call just made, before anything else in this thread can change it. */
function orErrno(result: number): SysResult {
  return result < 0 ? -koffi.errno() : result;
}
