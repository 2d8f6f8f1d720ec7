// Small documents that survive the death of the daemon and of the host: terms, intents, counters.

import type { Ms } from "#model/units.ts";

/** What a document was when it was read. */
export type StoreRead =
  | { readonly kind: "found"; readonly text: string }
  /** Never written in this directory. */
  | { readonly kind: "absent" }
  /** There is something, but not what was written: torn, cut, edited or of a newer version. */
  | { readonly kind: "damaged"; readonly problem: string }
  /** The disk or its permissions said no; what is stored is not known. */
  | { readonly kind: "failed"; readonly problem: string };

/** What became of a write. Problems are sentences with path, cause and what to do. */
export type StoreWritten =
  /** It is on disk and will be found after a power loss. */
  | { readonly kind: "done" }
  /** Not known to be on disk: after this the old or the new text will be read, never a mixture. */
  | { readonly kind: "failed"; readonly problem: string }
  /** The disk has not answered; it may still be written, later. As with `failed`, old or new. */
  | { readonly kind: "unknown"; readonly waited: Ms };

/**
 * The documents of one directory. Names are lower-case letters, digits and `-`, and belong to one writer
 * each: the keeper writes its own documents, the worker others.
 */
export interface StorePort {
  /** Reads at once; documents are small. */
  read(name: string): StoreRead;
  /**
   * Replaces a document. Answers once, after WRITE_PATIENCE at the latest, never before it returns.
   * Writes of one name reach the disk in the order of the calls.
   */
  write(name: string, text: string, answer: (written: StoreWritten) => void): void;
  /** As `write`, but returns when it is on disk: for who must not go on before. Never `unknown`. */
  writeSync(name: string, text: string): StoreWritten;
}
