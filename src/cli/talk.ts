// Talking to the daemon: where its socket is, and what its silence or refusal means for the exit code.

import type { Client, ClientAnswer } from "#api/client.ts";
import { makeClient } from "#api/client.ts";
import { SOCKET_NAME, type StatusDocument } from "#api/protocol.ts";
import { plain } from "#lib/plain.ts";
import { type Arguments, DEFAULT_RUN_DIR } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type Io, TIMES } from "./io.ts";

export function clientFor(args: Arguments, io: Io): Client {
  const runDir = args.get("run-dir") ?? DEFAULT_RUN_DIR;
  return makeClient(`${runDir.replace(/\/+$/, "")}/${SOCKET_NAME}`, { ...TIMES, ...io.times });
}

/** Says on stderr what went wrong; the exit code that follows from it. */
export function complainAnswer(answer: Exclude<ClientAnswer<unknown>, { kind: "ok" }>, io: Io): ExitCode {
  io.err(`understudy: ${plain(answer.message)}`);
  return exitOf(answer);
}

export function exitOf(answer: Exclude<ClientAnswer<unknown>, { kind: "ok" }>): ExitCode {
  if (answer.kind === "not-allowed") return EXIT.notAllowed;
  // "broken" is the connection's end in mid-answer, or a stranger: either way nothing is known.
  if (answer.kind !== "error" || answer.code === "unknown") return EXIT.unknown;
  return EXIT.failed;
}

/** `document` until `judge` says it is over, or null at the deadline or when the daemon went away. */
export async function watchUntil<T>(
  client: Client,
  deadline: number,
  judge: (document: StatusDocument) => T | null,
): Promise<T | null> {
  const end = performance.now() + deadline;
  for (let turn = 0; performance.now() < end; turn++) {
    await pause(intervalOf(turn));
    const answer = await client.status();
    if (answer.kind === "ok") {
      const verdict = judge(answer.value);
      if (verdict !== null) return verdict;
    }
  }
  return null;
}

/**
 * A switchover takes milliseconds, in which the leader has better things to do than to answer us; and a wait of many
 * seconds must not cost the daemon much.
 */
function intervalOf(turn: number): number {
  if (turn < 10) return 15;
  return turn < 100 ? 25 : 250;
}

/** Waits; a signal ends it early. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end);
  });
}

/** Asks when somebody is there. True: go on; otherwise the exit code. */
export async function confirm(
  args: Arguments,
  io: Io,
  { what, name }: { readonly what: string; readonly name: string },
): Promise<true | ExitCode> {
  if (args.has("yes")) return true;
  if (!io.canAsk) {
    io.err(`understudy: ${name} asks before it moves anything, and there is no terminal: say --yes`);
    return EXIT.usage;
  }
  const answer = await io.ask(`${what} Go on? [y/N] `);
  if (/^\s*y(es)?\s*$/i.test(answer)) return true;
  io.err("understudy: nothing was done");
  return EXIT.failed;
}
