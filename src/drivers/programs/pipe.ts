// A real pipe for a program's output, and reading it without ever waiting for whoever holds it open.

import { closeSync, readSync } from "node:fs";
import { Socket } from "node:net";
import koffi from "koffi";
import type { KeptOutput } from "./kept-output.ts";

export interface OutputPipe {
  /** For the program; closed here by `handedOver`. */
  readonly writeEnd: number;
  handedOver(): void;
  /** Takes what is in the pipe now, without waiting, then drops whatever else may come. */
  finish(): void;
}

const O_CLOEXEC = 0o2000000;
/** A Linux pipe holds 64 KiB by default, and never more than this unless root asked for it: pipe(7). */
const PIPE_MAX = 1024 * 1024;

const pipe2 = koffi.load(null).func("int pipe2(_Out_ int *ends, int flags)");

/**
 * What Node calls a pipe is a pair of sockets; a script that writes to /dev/stderr or /dev/stdout cannot
 * open those (ENXIO). So the pipe is made here. A file would grow without bound under a program that the
 * script leaves behind.
 *
 * @throws when the process has no file descriptors left
 */
export function openPipe(kept: KeptOutput): OutputPipe {
  const ends = [0, 0];
  if (pipe2(ends, O_CLOEXEC) !== 0) throw new Error("no pipe for its output: too many open files");
  const [readEnd = -1, writeEnd = -1] = ends;
  let isOpen = true;
  let isKept = true;
  const reader = new Socket({ fd: readEnd, readable: true, writable: false });
  reader.on("data", (chunk: Buffer) => {
    if (isKept) kept.append(chunk);
  });
  reader.on("error", () => {});
  reader.on("end", () => {
    isOpen = false;
  });
  reader.on("close", () => {
    isOpen = false;
  });
  // Whoever holds the other end must not keep the daemon from ending.
  reader.unref();
  return {
    writeEnd,
    handedOver: () => closeSync(writeEnd),
    finish() {
      if (isOpen) drain(readEnd, kept);
      // Reading goes on: a background child that fills the pipe would hang, and one that writes into a
      // closed pipe would die of SIGPIPE.
      isKept = false;
    },
  };
}

/** Reads until the pipe is empty; bounded, because a child may write faster than we read. */
function drain(fd: number, kept: KeptOutput): void {
  const chunk = Buffer.alloc(64 * 1024);
  for (let total = 0; total < PIPE_MAX; ) {
    let got = 0;
    try {
      got = readSync(fd, chunk);
    } catch {
      // EAGAIN: empty, and somebody still holds it open.
      return;
    }
    if (got === 0) return;
    kept.append(chunk.subarray(0, got));
    total += got;
  }
}
