// Gives back what only the start of a program needed of its own files: Node's is over 100 MB, and the kernel maps
// whatever lies around a place that was once touched.

import { readFileSync } from "node:fs";
import { madvise } from "./libc.ts";

/** The pages are unmapped; the next touch maps them again, see madvise(2). What was changed in them is lost. */
const MADV_DONTNEED = 4;
const PRIVATE_AND_CONSTANT = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p [0-9a-f]+ \S+ [1-9]\d* +\//;

export interface Mapping {
  readonly start: bigint;
  readonly length: number;
}

/** Unmaps the pages of files that nobody may write and nobody has changed; never fails. */
export function dropFilePages(): void {
  for (const { start, length } of unchangedMappings(readSmaps())) madvise(start, length, MADV_DONTNEED);
}

/**
 * Of /proc/self/smaps (proc_pid_smaps(5)): private mappings of files that cannot be written and have no page of
 * their own. What the loader relocated and then protected has such pages, and must stay.
 */
export function unchangedMappings(smaps: string): Mapping[] {
  const mappings: Mapping[] = [];
  let current: Mapping | null = null;
  for (const line of smaps.split("\n")) {
    if (line.startsWith("Anonymous:")) {
      if (current !== null && /^Anonymous: +0 kB/.test(line)) mappings.push(current);
      current = null;
    } else if (/^[0-9a-f]+-/.test(line)) {
      const [, from, to] = PRIVATE_AND_CONSTANT.exec(line) ?? [];
      current = from === undefined || to === undefined ? null : mapping(from, to);
    }
  }
  return mappings;
}

function mapping(from: string, to: string): Mapping {
  const start = BigInt(`0x${from}`);
  return { start, length: Number(BigInt(`0x${to}`) - start) };
}

function readSmaps(): string {
  try {
    return readFileSync("/proc/self/smaps", "utf8");
  } catch {
    // A kernel without it: the pages stay.
    return "";
  }
}
