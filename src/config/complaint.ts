// What the judges of sense have in common: how they complain, and what a few values mean by themselves.

import { nearest } from "#lib/nearest.ts";
import type { Ms } from "#model/units.ts";
import type { Cursor } from "./cursor.ts";
import { parseHostAddress } from "./leaves.ts";
import type { FoundMember } from "./members.ts";
import type { Finding } from "./problem.ts";

export interface Judgement {
  readonly findings: readonly Finding[];
  /** Allowed, yet probably not meant. */
  readonly warnings: readonly Finding[];
}

export function wrong(at: Cursor, message: string, hint: string): Finding {
  return { path: at.path, at: "value", kind: "wrong", message, hint };
}

export function wrongKey(at: Cursor, message: string, hint: string): Finding {
  return { ...wrong(at, message, hint), at: "key" };
}

export function unknownMember(at: Cursor, ids: readonly string[], what: string, plural: string): Finding {
  const near = nearest(String(at.value), ids);
  const all = `${plural} are: ${ids.join(", ")}`;
  const hint = near === null ? all : `did you mean "${near}"? ${all}`;
  return wrong(at, `unknown ${what} ${JSON.stringify(at.value)}`, hint);
}

/** Canonical text; null: no address of a host. */
export function ipOf(at: Cursor): string | null {
  const answer = parseHostAddress(at.value);
  return answer.kind === "read" ? answer.value : null;
}

export const isNode = ({ kind }: FoundMember): boolean => kind === "node";

/** For sums: `10.5 s`. */
export const inSeconds = (duration: Ms): string => `${Number((duration / 1000).toFixed(3))} s`;

/** `a`, `a or b`, `a, b or c`. */
export function either(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
