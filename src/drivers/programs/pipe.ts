// A real pipe for a program's output, and reading it without ever waiting for whoever holds it open.

import { closeSync, readSync } from "node:fs";
import { Socket } from "node:net";
import { errnoName } from "#drivers/sys/errno.ts";
import { openPipe } from "#drivers/sys/libc.ts";
import type { KeptOutput } from "./kept-output.ts";

export interface OutputPipe {
  /** For the program; closed here by `handedOver`. */
  readonly writeEnd: number;
  handedOver(): void;
  /** Takes what is in the pipe now, without waiting, then drops whatever else may come. */
  finish(): void;
}

/** A Linux pipe holds 64 KiB by default, and never more than this unless root asked for it: pipe(7). */
const PIPE_MAX = 1024 * 1024;

/**
 * What Node calls a pipe is a pair of sockets; a script that writes to /dev/stderr or /dev/stdout cannot
 * open those (ENXIO). So the pipe is made here. A file would grow without bound under a program that the
 * script leaves behind.
 *
 * @throws when the daemon has no file descriptors left
 */
export function openOutput(kept: KeptOutput): OutputPipe {
  const ends = openPipe();
  if (typeof ends === "number") throw new Error(`no pipe for its output: ${errnoName(ends)}`);
  const { readEnd, writeEnd } = ends;
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
      // libuv reads pipes before it tells of an exit, but does not promise to.
      if (isOpen && isKept) drain(readEnd, kept);
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
