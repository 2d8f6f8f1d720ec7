// The only file of the command line that touches files.

import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";

export type FileAnswer<T> =
  | { readonly kind: "ok"; readonly value: T }
  | {
      readonly kind: "failed";
      readonly why: "missing" | "exists" | "not-allowed" | "other";
      readonly text: string;
    };

export const readText = (file: string): FileAnswer<string> => attempt(() => readFileSync(file, "utf8"));

/** Makes a file that only its owner may read, with this text, on disk for good; one that exists is left alone. */
export function writeSecret(file: string, text: string): FileAnswer<null> {
  return attempt(() => {
    const fd = openSync(file, "wx", 0o600);
    try {
      // An odd umask may have taken even the owner's permissions.
      fchmodSync(fd, 0o600);
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return null;
  });
}

const WHY = { ENOENT: "missing", EEXIST: "exists", EACCES: "not-allowed", EPERM: "not-allowed" } as const;

function attempt<T>(act: () => T): FileAnswer<T> {
  try {
    return { kind: "ok", value: act() };
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const why = code in WHY ? WHY[code as keyof typeof WHY] : "other";
    return { kind: "failed", why, text: message };
  }
}
