// Which processes run, and which have a device open: from /proc.

import { readdirSync, readFileSync, statSync } from "node:fs";
import type { Process } from "#ports/host.ts";

/** Kernel threads (without arguments) left out. */
export function listProcesses(): readonly Process[] {
  return pids().flatMap((pid) => {
    const name = readText(`/proc/${pid}/comm`)?.trim();
    const argv = readText(`/proc/${pid}/cmdline`)?.split("\0").filter(Boolean);
    return name === undefined || argv === undefined || argv.length === 0 ? [] : [{ pid, name, argv }];
  });
}

/** Processes that have this character device open. */
export function openersOf(device: number): readonly Process[] {
  const holders = new Set(pids().filter((pid) => hasOpen(pid, device)));
  return holders.size === 0 ? [] : listProcesses().filter(({ pid }) => holders.has(pid));
}

/** Null when it is not there or may not be read. */
export function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

const pids = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function hasOpen(pid: number, device: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => deviceOf(`/proc/${pid}/fd/${fd}`) === device);
  } catch {
    // It ended, or is not ours to look at.
    return false;
  }
}

/** The number of the character device behind a path; null: it is none. */
export function deviceOf(path: string): number | null {
  try {
    const stat = statSync(path);
    return stat.isCharacterDevice() ? stat.rdev : null;
  } catch {
    return null;
  }
}
