// The directory that must survive a reboot: tried with a file of our own.

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { DirectoryFacts } from "#ports/host.ts";
import { readText } from "./processes.ts";

/** Writes, forces to disk and removes a small file in the directory, or in the nearest one above that exists. */
export function tryDirectory(path: string): DirectoryFacts {
  let there = path;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  const real = realpathSync(there);
  const begun = performance.now();
  const problem = tryFile(real, path);
  const took = performance.now() - begun;
  return {
    path,
    exists: there === path,
    problem,
    took,
    freeBytes: freeBytes(real),
    fileSystem: fileSystemIn(readText("/proc/self/mountinfo") ?? "", real),
  };
}

function tryFile(folder: string, path: string): string | null {
  const file = join(folder, `.understudy-doctor-${process.pid}.tmp`);
  try {
    const fd = openSync(file, "wx", 0o600);
    try {
      writeSync(fd, "doctor\n");
      fsyncSync(fd);
    } finally {
      closeSync(fd);
      rmSync(file, { force: true });
    }
    return null;
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    return `${path} cannot be written: ${code === "" ? message : code}`;
  }
}

function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** The type of the file system that a real path is on: that of the longest mount point above it, the last of equals. */
export function fileSystemIn(mountinfo: string, path: string): string {
  let best = { length: -1, type: "an unknown file system" };
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const point = (left.split(" ")[4] ?? "").replaceAll(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const isAbove = point !== "" && (path === point || path.startsWith(point === "/" ? "/" : `${point}/`));
    if (isAbove && point.length >= best.length)
      best = { length: point.length, type: right.split(" ")[0] ?? "" };
  }
  return best.type;
}
