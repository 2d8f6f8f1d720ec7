// Notes on running processes in the run directory, so that the next life of the daemon can end them.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Group } from "#ports/programs.ts";

export interface Records {
  /** @throws when the directory cannot be written; then nothing must be started */
  write(key: string, group: Group): void;
  /** Null: there is none, or it is of an earlier boot of this host, whose processes are all gone. */
  read(key: string): Group | null;
  remove(key: string): void;
  keys(): readonly string[];
}

/**
 * A note is written before its process is started, with the token alone (pid 0), and again with its pid: a
 * daemon killed in between still finds the process by the token in its environment.
 *
 * Not forced to disk: a note need only outlive the daemon, not the host.
 */
export function openRecords(runDirectory: string): Records {
  const directory = join(runDirectory, "processes");
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const pathOf = (key: string) => join(directory, `${encodeURIComponent(key)}.json`);

  return {
    write(key, group) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const temporary = `${pathOf(key)}.tmp`;
      writeFileSync(temporary, `${JSON.stringify({ boot, ...group })}\n`, { mode: 0o600 });
      renameSync(temporary, pathOf(key));
    },
    read(key) {
      try {
        return parseRecord(readFileSync(pathOf(key), "utf8"), boot);
      } catch {
        return null;
      }
    },
    remove(key) {
      try {
        rmSync(pathOf(key), { force: true });
      } catch {
        // What it names is gone; the next life will find that out again.
      }
    },
    keys() {
      const names = existsSync(directory) ? readdirSync(directory) : [];
      return names
        .filter((name) => name.endsWith(".json"))
        .map((name) => keyOf(name.slice(0, -".json".length)));
    },
  };
}

function keyOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    // Not one of ours; it will not be read.
    return encoded;
  }
}

function parseRecord(text: string, boot: string): Group | null {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return null;
  const { boot: of, pid, startTicks, token } = value as Record<string, unknown>;
  if (of !== boot || !Number.isInteger(pid) || !Number.isInteger(startTicks)) return null;
  if (typeof token !== "string") return null;
  return { pid: Number(pid), startTicks: Number(startTicks), token };
}
