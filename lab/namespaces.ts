// Names, processes and removal of the lab's network namespaces. Works without asking other programs
// where it can, since it also runs while the process exits.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { runNow } from "./shell.ts";

/** Where iproute2 keeps named namespaces (ip-netns(8)). */
const NAMED = "/run/netns";

let made = 0;

/**
 * A prefix that no other running lab has: `us`, our pid, a letter (one process may hold several worlds).
 * The pid is there so that a later run can tell the leavings of a dead one from a living neighbour.
 */
export function nextPrefix(): string {
  const letter = String.fromCharCode(97 + (made % 26));
  made += 1;
  return `us${process.pid}${letter}-`;
}

/** The pid of the process that made a namespace (or a folder) of this name; null if it is no lab's. */
export function ownerOf(name: string): number | null {
  const match = /^us(\d+)[a-z]-/.exec(name);
  return match?.[1] === undefined ? null : Number(match[1]);
}

/** Those of `names` that a lab left behind whose process is gone. */
export function leftoversAmong(
  names: readonly string[],
  isAlive: (pid: number) => boolean,
): readonly string[] {
  return names.filter((name) => {
    const owner = ownerOf(name);
    return owner !== null && !isAlive(owner);
  });
}

/** Every named namespace of this machine; empty if there never was one. */
export function listNamespaces(): readonly string[] {
  try {
    return readdirSync(NAMED);
  } catch {
    return [];
  }
}

/** Ends what dead runs left running in their namespaces and removes these. Answers their names. */
export function sweepLeftovers(): readonly string[] {
  const left = leftoversAmong(listNamespaces(), isAlive);
  removeNamespaces(left);
  return left;
}

/** Kills everything inside and removes the namespaces; those already gone are no error. */
export function removeNamespaces(names: readonly string[]): void {
  for (const name of names) {
    for (const pid of pidsIn(name)) signal(pid, "SIGKILL");
  }
  for (const name of names) runNow(["ip", "netns", "delete", name]);
}

/** The processes inside a named namespace, by the namespace they really are in; not this process. */
export function pidsIn(name: string): readonly number[] {
  const target = identity(`${NAMED}/${name}`);
  if (target === null) return [];
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => identity(`/proc/${entry}/ns/net`) === target)
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

/** Sends a signal; a process that is already gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone since it was listed: what was wanted anyway.
  }
}

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  const state = stateOf(pid);
  return state !== null && state !== "Z" && state !== "X";
}

/** The state letter of proc(5): R, S, D, T (stopped), Z (zombie); null without such a process. */
export function stateOf(pid: number): string | null {
  try {
    // The name in parentheses may itself hold parentheses and spaces: the state follows the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  } catch {
    return null;
  }
}

function identity(path: string): string | null {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}
