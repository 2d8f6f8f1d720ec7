// Who is alive, from /proc: groups, sessions, start times and tokens.

import { readdirSync, readFileSync } from "node:fs";

/** One line of /proc/PID/stat, see proc(5): the fields that tell processes apart. */
export interface ProcStat {
  readonly pid: number;
  /** One letter; Z and X are dead and only wait for their parent. */
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
}

/** Null when there is no such process. */
export function readStat(pid: number): ProcStat | null {
  const line = readOrNull(`/proc/${pid}/stat`);
  return line === null ? null : parseStat(line);
}

/** The name of a program may contain blanks and brackets, so the fields are counted from its last `)`. */
export function parseStat(line: string): ProcStat | null {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, , group, session] = fields;
  const stat = {
    pid: Number.parseInt(line, 10),
    state: state ?? "",
    group: Number(group),
    session: Number(session),
    startTicks: Number(fields[19]),
  };
  const numbers = [stat.pid, stat.group, stat.session, stat.startTicks];
  return numbers.every(Number.isInteger) ? stat : null;
}

/** All processes that are alive, kernel threads and zombies not counted. */
export function readLiving(): ProcStat[] {
  const living: ProcStat[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    // Kernel threads have group 0.
    if (stat !== null && stat.group !== 0 && isAlive(stat)) living.push(stat);
  }
  return living;
}

export function isAlive(stat: ProcStat): boolean {
  return stat.state !== "Z" && stat.state !== "X";
}

export const TOKEN_VARIABLE = "UNDERSTUDY_TOKEN";

/** Did this process start with that token in its environment? False when it may not be read. */
export function hasToken(pid: number, token: string): boolean {
  const environment = readOrNull(`/proc/${pid}/environ`);
  return environment?.split("\0").includes(`${TOKEN_VARIABLE}=${token}`) ?? false;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It ended between the listing and the reading, or is not ours to read.
    return null;
  }
}
