// User names to ids and the few variables that a login would set.

import { execFile } from "node:child_process";

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** A directory service may hang; then the program is not started. */
const LOOKUP_MS = 5000;

/**
 * Looks a user up with getent(1), which asks whatever nsswitch.conf names, LDAP too.
 * Answers with a sentence when there is no such user.
 */
export function findAccount(name: string, answer: (found: Account | string) => void): void {
  execFile("getent", ["passwd", "--", name], { timeout: LOOKUP_MS, encoding: "utf8" }, (error, stdout) => {
    const account = parsePasswd(stdout.split("\n")[0] ?? "");
    if (account !== null) answer(account);
    else if (error?.code === 2 || error === null) answer(`there is no user "${name}" on this node`);
    else answer(`the user "${name}" could not be looked up with getent: ${error.message.trim()}`);
  });
}

/** One line of passwd(5). */
export function parsePasswd(line: string): Account | null {
  const [name, , uid, gid, , home] = line.split(":");
  if (name === undefined || uid === undefined || gid === undefined || home === undefined) return null;
  if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return null;
  return { name, uid: Number(uid), gid: Number(gid), home };
}
