// What keeps a daemon small. Threads that collect early; and giving back what only the start needed: one full
// collection of a thread's heap, and of the whole process the pages of its program files. That saves some 25 MB for
// the life of a daemon and takes a few milliseconds at a moment when nothing is held yet.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";
import { dropFilePages } from "#drivers/sys/pages.ts";

/** Collects this thread's garbage once; in the main thread it also gives back pages of the program. */
export function trimMemory(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  if (isMainThread) dropFilePages();
}

/**
 * Threads that start from now on collect their garbage after one megabyte rather than after what the main thread was
 * started with: the keeper allocates little at a time, and all day.
 */
export function keepYoungGenerationSmall(): void {
  for (const name of ["min", "max"]) setFlagsFromString(`--${name}-semi-space-size=1`);
}
