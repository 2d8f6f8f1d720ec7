// One daemon per state directory: a lock that the kernel takes back when its holder dies.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { EAGAIN, errnoName } from "#drivers/sys/errno.ts";
import { lockFile } from "#drivers/sys/libc.ts";
import { makeDirectory } from "./directory.ts";
import { storeProblem } from "./problem.ts";

export type DirectoryLock =
  | { readonly kind: "locked"; readonly release: () => void }
  /** Another daemon has it, or the file cannot be written; `problem` says which. */
  | { readonly kind: "refused"; readonly problem: string };

const LOCK_FILE = "lock";

/**
 * Takes the lock of a directory, creating the directory (mode 0700) if need be. `holder` is what another
 * daemon will be told of us, for example `node chip`.
 *
 * By flock(2): it ends with the process, however that dies, leaves nothing to sweep, and holds across
 * network namespaces (which an abstract socket would not). The file itself stays: removing it would let
 * two daemons lock two files of the same name.
 */
export function lockDirectory(directory: string, holder: string): DirectoryLock {
  const path = join(directory, LOCK_FILE);
  try {
    makeDirectory(directory);
    // "a+": created if need be, kept as it is until the lock is ours. Closed on exec, so no child has it.
    const fd = openSync(path, "a+", 0o600);
    const result = lockFile(fd);
    if (result < 0) return refused(fd, path, result);
    ftruncateSync(fd);
    writeSync(fd, `process ${process.pid}, ${holder}\n`);
    return { kind: "locked", release: once(() => closeSync(fd)) };
  } catch (error) {
    return { kind: "refused", problem: storeProblem("lock", path, error) };
  }
}

function refused(fd: number, path: string, result: number): DirectoryLock {
  const holder = readFileSync(path, "utf8").trim();
  closeSync(fd);
  const problem =
    result === -EAGAIN
      ? `another understudy uses this directory: ${path} is locked by ${holder || "another process"}; stop it, or give each daemon a --state-dir of its own`
      : `cannot lock ${path}: ${errnoName(result)}; is it on a network file system without locks?`;
  return { kind: "refused", problem };
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
