// Makes the state directory, and certain that it is still there after a power loss.

import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Only the daemon looks inside: terms and intents are what an attacker would like to change. */
const DIRECTORY_MODE = 0o700;

/**
 * Creates a directory and those above it that are missing, each forced to disk: a term is only stored when
 * the way to it is. Not `mkdir` with `recursive`: on a read-only disk that reports a missing file.
 *
 * @throws the error of mkdir(2), ENOTDIR when something else has that name
 */
export function makeDirectory(directory: string): void {
  const path = resolve(directory);
  const code = tryMakeOne(path);
  if (code === "ENOENT" && path !== dirname(path)) {
    makeDirectory(dirname(path));
    makeOne(path);
  } else if (code === "EEXIST" && !statSync(path).isDirectory()) {
    throw Object.assign(new Error(`${path} is not a directory`), { code: "ENOTDIR" });
  }
}

function tryMakeOne(path: string): string | null {
  try {
    makeOne(path);
    return null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOENT" || code === "EEXIST") return code;
    throw error;
  }
}

function makeOne(path: string): void {
  mkdirSync(path, { mode: DIRECTORY_MODE });
  const fd = openSync(dirname(path), "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
