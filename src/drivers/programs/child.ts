// Starts one program as leader of a session and process group of its own, and tells how it ended.

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { getPriority, setPriority, userInfo } from "node:os";
import type { Program, ProgramEnd } from "#ports/programs.ts";
import { type Account, findAccount } from "./accounts.ts";
import type { KeptOutput } from "./kept-output.ts";
import { type OutputPipe, openOutput } from "./pipe.ts";
import { readStat } from "./proc.ts";

export interface ChildListener {
  /** Return false to have it not started after all. */
  mayStart(): boolean;
  started(pid: number, startTicks: number): void;
  ended(end: ProgramEnd): void;
}

/** `ended` comes exactly once, unless `mayStart` said no; never before this function returns. */
export function startChild(program: Program, kept: KeptOutput, listener: ChildListener): void {
  const refuse = (problem: string) => listener.ended({ kind: "not-started", problem });
  if (program.user === null) {
    queueMicrotask(() => listener.mayStart() && spawnChild(program, null, kept, listener));
    return;
  }
  findAccount(program.user, (found) => {
    if (!listener.mayStart()) return;
    if (typeof found === "string") refuse(found);
    else spawnChild(program, found, kept, listener);
  });
}

function spawnChild(
  program: Program,
  account: Account | null,
  kept: KeptOutput,
  listener: ChildListener,
): void {
  const refuse = (problem: string) => listener.ended({ kind: "not-started", problem });
  const directory = program.directory ?? "/";
  const problem = directoryProblem(directory);
  if (problem !== null) {
    refuse(problem);
    return;
  }
  const [file = "", ...args] = argvAs(program.argv, account);
  const login = account === null ? {} : { HOME: account.home, USER: account.name, LOGNAME: account.name };
  const env = { ...process.env, ...login, ...program.env };
  try {
    const pipe = openOutput(kept);
    const child = spawnInto(pipe, file, args, { cwd: directory, env }, program.input);
    child.once("error", (error) => {
      pipe.finish();
      if (child.pid === undefined) refuse(spawnProblem(file, error));
    });
    // A child left in the background may hold the pipe for ever: nothing here waits for its end.
    child.once("exit", (code, signal) => {
      pipe.finish();
      child.stdin?.destroy();
      const output = kept.text();
      if (code !== null) listener.ended({ kind: "exited", code, output });
      else listener.ended({ kind: "signalled", signal: signal ?? "unknown", output });
    });
    if (child.pid !== undefined) lowerPriority(child.pid);
    // It cannot be reaped before this turn of the loop ends, so /proc still has it.
    if (child.pid !== undefined) listener.started(child.pid, readStat(child.pid)?.startTicks ?? 0);
  } catch (error) {
    refuse(spawnProblem(file, error));
  }
}

/** The daemon runs before others when the host is busy; what it starts is one of the others. */
function lowerPriority(pid: number): void {
  try {
    if (getPriority(pid) < 0) setPriority(pid, 0);
  } catch {
    // It has ended already.
  }
}

/** @throws on arguments that no program can have, such as a zero byte */
function spawnInto(
  pipe: OutputPipe,
  file: string,
  args: string[],
  options: SpawnOptions,
  input: string | undefined,
): ChildProcess {
  try {
    const stdin = input === undefined ? "ignore" : "pipe";
    // detached is setsid(2): a group and session of its own, so that all of it can be ended at once.
    const child = spawn(file, args, {
      ...options,
      detached: true,
      stdio: [stdin, pipe.writeEnd, pipe.writeEnd],
    });
    // EPIPE: it ended without reading it; how it ended is all that counts.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
    return child;
  } finally {
    pipe.handedOver();
  }
}

/**
 * Node can change uid and gid but drops the user's other groups; setpriv(1) of util-linux sets them all and
 * becomes the program, so that the process id stays.
 */
function argvAs(argv: readonly string[], account: Account | null): readonly string[] {
  if (account === null || account.uid === userInfo().uid) return argv;
  return ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--init-groups", "--", ...argv];
}

/** Node reports a missing directory as a missing program. */
function directoryProblem(directory: string): string | null {
  try {
    return statSync(directory).isDirectory() ? null : `its working directory ${directory} is not a directory`;
  } catch {
    return `its working directory ${directory} does not exist or may not be read`;
  }
}

function spawnProblem(file: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return `${file}: there is no such program`;
  if (code === "EACCES") return `${file} may not be executed; does it have the x bit?`;
  if (code === "EAGAIN" || code === "ENOMEM") return `${file}: no room for another process (${code})`;
  return `${file} could not be started: ${error instanceof Error ? error.message : String(error)}`;
}
