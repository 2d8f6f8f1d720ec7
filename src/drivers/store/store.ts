// Keeps small documents in one directory, so that a crash at any moment leaves the old or the new one.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "#lib/assert.ts";
import { ms } from "#model/units.ts";
import type { StorePort, StoreRead, StoreWritten } from "#ports/store.ts";
import { makeDirectory } from "./directory.ts";
import { formatDocument, parseDocument } from "./document.ts";
import { storeProblem } from "./problem.ts";

/** How long a write may take before its answer is "unknown". A healthy disk needs milliseconds. */
export const WRITE_PATIENCE = ms(10_000);
/** Writes of one name that may be under way; more come only when the disk has stopped answering. */
const WRITES_MAX = 64;
/** Only the daemon reads it: terms and intents are what an attacker would like to change. */
const FILE_MODE = 0o600;

export type OpenedStore =
  | { readonly kind: "open"; readonly store: StorePort }
  | { readonly kind: "failed"; readonly problem: string };

/**
 * Opens a directory of documents, creating it (mode 0700) if need be. Several stores may be open on one
 * directory, in several threads, as long as each name has one writer.
 */
export function openStore(directory: string): OpenedStore {
  try {
    makeDirectory(directory);
  } catch (error) {
    return { kind: "failed", problem: storeProblem("create", directory, error) };
  }
  return { kind: "open", store: storeIn(directory) };
}

function storeIn(directory: string): StorePort {
  // The last write of each name, for which the next one waits, and how many are under way.
  const writing = new Map<string, { readonly last: Promise<unknown>; readonly count: number }>();
  const filesOf = (name: string) => {
    assert(/^[a-z0-9][a-z0-9-]*$/.test(name), `"${name}" is the name of a document`);
    // One writer per name, one write at a time: so the temporary file has a fixed name, and one that a crash
    // left behind is written over.
    return { path: join(directory, `${name}.doc`), temporary: join(directory, `.${name}.tmp`), directory };
  };
  return {
    read: (name) => readDocument(filesOf(name).path),

    write(name, text, answer) {
      const files = filesOf(name);
      const begun = performance.now();
      let isAnswered = false;
      const answerOnce = (written: StoreWritten) => {
        if (isAnswered) return;
        isAnswered = true;
        clearTimeout(timer);
        answer(written);
      };
      const timer = setTimeout(
        () => answerOnce({ kind: "unknown", waited: ms(performance.now() - begun) }),
        WRITE_PATIENCE,
      );
      const { last, count } = writing.get(name) ?? { last: Promise.resolve(), count: 0 };
      const mine = last.then(() => (count < WRITES_MAX ? replaceFile(files, text) : tooMany(files.path)));
      writing.set(name, { last: mine, count: count + 1 });
      void mine.then((written) => {
        const now = writing.get(name);
        if (now?.last === mine) writing.delete(name);
        else if (now !== undefined) writing.set(name, { ...now, count: now.count - 1 });
        answerOnce(written);
      });
    },

    writeSync(name, text) {
      assert(!writing.has(name), `no other write of "${name}" is under way`);
      return replaceFileSync(filesOf(name), text);
    },
  };
}

function tooMany(path: string): StoreWritten {
  return { kind: "failed", problem: `cannot write ${path}: ${WRITES_MAX} writes wait for the disk already` };
}

function readDocument(path: string): StoreRead {
  try {
    const document = parseDocument(readFileSync(path));
    if (document.kind === "whole") return { kind: "found", text: document.text };
    return { kind: "damaged", problem: `${path} ${document.what}` };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { kind: "absent" };
    return { kind: "failed", problem: storeProblem("read", path, error) };
  }
}

interface Files {
  readonly path: string;
  readonly temporary: string;
  readonly directory: string;
}

// Both write the new text beside the old one, force it to disk, rename it into place and force the name to
// disk. Without the first fsync a power loss may leave the new name with nothing in it, see rename(2) and
// "All File Systems Are Not Created Equal" (Pillai et al., OSDI 2014).

function replaceFileSync(f: Files, text: string): StoreWritten {
  try {
    withFileSync(f.temporary, "w", (fd) => {
      const bytes = formatDocument(text);
      // A short write is no error, only a full disk in the making: the rest meets it.
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      fsyncSync(fd);
    });
    renameSync(f.temporary, f.path);
    withFileSync(f.directory, "r", fsyncSync);
    return { kind: "done" };
  } catch (error) {
    rmIfThere(f.temporary);
    return { kind: "failed", problem: storeProblem("write", f.path, error) };
  }
}

function withFileSync(path: string, flags: "w" | "r", use: (fd: number) => void): void {
  const fd = openSync(path, flags, FILE_MODE);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}

function rmIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // On a read-only disk nothing was written either.
  }
}

async function replaceFile(f: Files, text: string): Promise<StoreWritten> {
  try {
    await withFile(f.temporary, "w", async (file) => {
      await file.writeFile(formatDocument(text));
      await file.sync();
    });
    await rename(f.temporary, f.path);
    await withFile(f.directory, "r", (directory) => directory.sync());
    return { kind: "done" };
  } catch (error) {
    await rm(f.temporary, { force: true }).catch(() => {});
    return { kind: "failed", problem: storeProblem("write", f.path, error) };
  }
}

async function withFile(
  path: string,
  flags: "w" | "r",
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, FILE_MODE);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
