// The cluster key: one secret file, the same on every member.

import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** 256 bits: what HKDF-SHA256 and AES-256 are made for. */
const KEY_BYTES = 32;
/** Enough to tell a key with blanks around it from another file. */
const READ_LIMIT = 256;

export type ClusterKey =
  | { readonly kind: "key"; readonly key: Uint8Array }
  /** A sentence for the operator, with the way out. */
  | { readonly kind: "problem"; readonly problem: string };

/**
 * Reads the key: a file of 64 hex digits and perhaps a newline, that only its owner can read. Never throws
 * and never quotes what it read. Blocks for the time of a small read.
 */
export function readClusterKey(path: string): ClusterKey {
  let text: string;
  try {
    const file = openSync(path, "r");
    try {
      const { mode } = fstatSync(file);
      const isFile = (mode & 0o170000) === 0o100000;
      if (!isFile) return problem(`the key file ${path} is not a regular file`);
      if ((mode & 0o077) !== 0) {
        const octal = (mode & 0o777).toString(8).padStart(4, "0");
        return problem(`the key file ${path} is open to others (mode ${octal}); run: chmod 600 ${path}`);
      }
      const bytes = Buffer.alloc(READ_LIMIT);
      text = bytes.toString("latin1", 0, readSync(file, bytes, 0, READ_LIMIT, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return problem(readProblem(path, error));
  }
  return parseKey(path, text.replace(/\r?\n$/, ""));
}

/** A new key as it stands in the file, without the newline: 64 hex digits from the kernel's random source. */
export function generateKey(): string {
  return randomBytes(KEY_BYTES).toString("hex");
}

function parseKey(path: string, text: string): ClusterKey {
  const digits = KEY_BYTES * 2;
  if (text === "") return problem(`the key file ${path} is empty; ${HOW_TO_MAKE}`);
  if (!/^[0-9a-fA-F]*$/.test(text)) {
    return problem(
      `the key file ${path} holds something else than hex digits; it needs ${digits} of them alone`,
    );
  }
  if (text.length !== digits) {
    const length = text.length === READ_LIMIT ? `${READ_LIMIT} or more` : `${text.length}`;
    return problem(`the key file ${path} holds ${length} hex digits instead of ${digits}; ${HOW_TO_MAKE}`);
  }
  return { kind: "key", key: Uint8Array.from(Buffer.from(text, "hex")) };
}

const HOW_TO_MAKE = "make one with understudy keygen and copy it to every member";

function readProblem(path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return `there is no key file ${path}; ${HOW_TO_MAKE}`;
  if (code === "EACCES" || code === "EPERM") return `the key file ${path} may not be read by this user`;
  return `the key file ${path} could not be read: ${error instanceof Error ? error.message : String(error)}`;
}

function problem(text: string): ClusterKey {
  return { kind: "problem", problem: text };
}
