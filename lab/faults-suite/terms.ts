// Terms only grow: the one that a voter stored, and those of the leaders in the journals.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JournalEntry } from "#model/journal.ts";
import { type Cluster, foldersOf, membersOf } from "../cluster.ts";

export type TermWatch = {
  /** What was found wrong so far, each as a sentence. */
  readonly problems: () => readonly string[];
  readonly stop: () => void;
};

const EVERY_MS = 200;

/** Looks at every member's stored vote. A file that is missing or damaged tells nothing. */
export function watchTerms(cluster: Cluster): TermWatch {
  const highest = new Map<string, number>();
  const problems: string[] = [];
  const look = () => {
    for (const name of membersOf(cluster)) {
      const term = storedTerm(cluster, name);
      if (term === null) continue;
      const before = highest.get(name) ?? 0;
      if (term < before) problems.push(`${name} stored term ${term} after ${before}`);
      highest.set(name, Math.max(term, before));
    }
  };
  const timer = setInterval(look, EVERY_MS).unref();
  return {
    problems: () => [...problems, ...leaderProblems(cluster)],
    stop: () => clearInterval(timer),
  };
}

/** Everything a member has in its journal file, of all its lives. Empty: no file. */
export function journalOf(cluster: Cluster, name: string): readonly JournalEntry[] {
  const text = readText(join(foldersOf(cluster, name).stateDir, "journal.jsonl")) ?? "";
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as JournalEntry];
    } catch {
      // The line that is being written, one that was cut off by a kill, or the empty one at the end.
      return [];
    }
  });
}

/** A term has one leader, and each member hears of leaders in the order of their terms. */
function leaderProblems(cluster: Cluster): readonly string[] {
  const leaders = new Map<number, string>();
  const problems: string[] = [];
  for (const name of membersOf(cluster)) {
    let last = 0;
    for (const { code, subject, term } of journalOf(cluster, name)) {
      if (code !== "elected") continue;
      const leader = leaders.get(term) ?? subject;
      if (leader !== subject) problems.push(`term ${term} was led by ${leader} and by ${subject}`);
      leaders.set(term, leader);
      if (term < last) problems.push(`${name} saw a leader of term ${term} after one of ${last}`);
      last = term;
    }
  }
  return problems;
}

function storedTerm(cluster: Cluster, name: string): number | null {
  const text = readText(join(foldersOf(cluster, name).stateDir, "vote.doc"));
  const term = /"term":(\d+)/.exec(text ?? "")?.[1];
  return term === undefined ? null : Number(term);
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
