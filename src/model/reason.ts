// Why something was decided, or not: a code that tests and pages share, and a sentence for people.

/** `code` is stable and kebab-case; `text` is one sentence without a full stop. */
export interface Reason {
  readonly code: string;
  readonly text: string;
}

export const because = (code: string, text: string): Reason => ({ code, text });
