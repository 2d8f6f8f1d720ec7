// Runs one tool after the other, says which, and stops at the first that fails.

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";

/** The top of the checkout. */
export const ROOT = dirname(import.meta.dirname);

/** Path of a file in an installed package. */
export function inPackage(...path: readonly string[]): string {
  return join(ROOT, "node_modules", ...path);
}

/** The command line of a Biome command. It colours its output in a log file too, unless told not to. */
export function biome(command: string, ...args: readonly string[]): readonly string[] {
  const colors = process.stdout.isTTY ? [] : ["--colors=off"];
  return [inPackage("@biomejs", "cli-linux-x64", "biome"), command, ...colors, ...args];
}

/** The command line that runs a script, or one of Node's own modes, with this very Node. */
export function node(...args: readonly string[]): readonly string[] {
  return [process.execPath, ...args];
}

/** Runs a command line from the top of the checkout. A failure ends this process with its code. */
export function step(title: string, [command = "", ...args]: readonly string[]): void {
  console.log(`\n── ${title}`);
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit" });
  if (error !== undefined) console.log(error.message);
  if (status === 0) return;
  console.log(`── ${title}: failed`);
  process.exit(status ?? 1);
}
