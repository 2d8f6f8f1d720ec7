// The descriptor on which this thread's event loop waits.

import { readdirSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { closeSocket, openPipe } from "./libc.ts";

const FDINFO = "/proc/self/fdinfo";
const TRIES = 20;

/**
 * The epoll descriptor of the event loop (libuv) of the calling thread: readable whenever the loop has something to
 * do but timers. Found by what it waits for: a pipe that only this thread reads, in proc(5)'s fdinfo ("tfd:").
 * Null when /proc does not tell.
 */
export async function findEventLoop(): Promise<number | null> {
  const pipe = openPipe();
  if (typeof pipe === "number") return null;
  const reader = new Socket({ fd: pipe.readEnd, readable: true, writable: false });
  try {
    reader.resume();
    // The loop takes it up on its next round.
    for (let tries = 0; tries < TRIES; tries++) {
      await new Promise((resolve) => setImmediate(resolve));
      const found = whoWaitsFor(pipe.readEnd);
      if (found !== null) return found;
    }
    return null;
  } finally {
    reader.destroy();
    closeSocket(pipe.writeEnd);
  }
}

function whoWaitsFor(fd: number): number | null {
  const wanted = new RegExp(`^tfd:\\s*${fd}\\s`, "m");
  const found = readdirSync(FDINFO).find((name) => wanted.test(readInfo(name)));
  return found === undefined ? null : Number(found);
}

/** "" for one that was closed meanwhile. */
function readInfo(name: string): string {
  try {
    return readFileSync(`${FDINFO}/${name}`, "utf8");
  } catch {
    return "";
  }
}
