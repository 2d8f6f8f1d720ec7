// What a synchronous call to the world answers: done, or failed with a reason for the journal.

export type Outcome =
  | { readonly kind: "done" }
  /** `code`: stable, for decisions and tests (an errno name or a word); `detail`: a sentence for people. */
  | { readonly kind: "failed"; readonly code: string; readonly detail: string };

export const DONE: Outcome = { kind: "done" };

export const failed = (code: string, detail: string): Outcome => ({ kind: "failed", code, detail });
