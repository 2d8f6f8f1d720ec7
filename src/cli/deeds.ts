// Asking this node's daemon for something that it does by itself, whoever leads, and waiting until it is done.

import type { Client } from "#api/client.ts";
import type { StatusDocument } from "#api/protocol.ts";
import { plain } from "#lib/plain.ts";
import type { Deed } from "#model/deeds.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { formatDuration } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type Io, TIMES } from "./io.ts";
import { exitOf } from "./talk.ts";

export const CONFIRM_OPTION: OptionSpec = {
  value: "NODE",
  about: "The node's name once more, where nobody is there to type it",
};

/**
 * What cannot be taken back is confirmed by the node's name once more. Null: it is there, or can be asked for;
 * otherwise the exit code, before anything else was looked at.
 */
export function complainConfirm(
  args: Arguments,
  io: Io,
  { node, name }: { readonly node: string; readonly name: string },
): ExitCode | null {
  const given = args.get("confirm");
  if (given === node || (given === null && io.canAsk)) return null;
  if (given === null)
    io.err(`understudy: ${name} wants the node's name once more: say --confirm ${plain(node)}`);
  else io.err(`understudy: --confirm names ${plain(given)}, not ${plain(node)}: nothing was done`);
  return EXIT.usage;
}

/** Asks for the name, unless it was given. True: go on; otherwise the exit code. */
export async function confirmName(
  args: Arguments,
  io: Io,
  { node, what }: { readonly node: string; readonly what: string },
): Promise<true | ExitCode> {
  if (args.has("confirm")) return true;
  const typed = await io.ask(`${what}\nType its name to go on: `);
  if (typed.trim() === node) return true;
  io.err("understudy: nothing was done");
  return EXIT.failed;
}

export interface Done {
  readonly result: "done" | "refused" | "failed" | "unknown";
  readonly text: string;
  readonly took_ms: number;
  readonly code: ExitCode;
}

/** Waits for the daemon's answer and says now and then what it is doing; prints nothing of the result. */
export async function doDeed(client: Client, deed: Deed, io: Io): Promise<Done> {
  const { deed: deadline, progress } = { ...TIMES, ...io.times };
  const startedAt = performance.now();
  const timer = setInterval(() => void tellProgress(client, startedAt, io), progress);
  const answer = await client.do(deed, deadline);
  clearInterval(timer);
  const took_ms = Math.round(performance.now() - startedAt);
  if (answer.kind === "ok") return { result: "done", text: answer.value.text, took_ms, code: EXIT.ok };
  const code = exitOf(answer);
  const isRefused = answer.kind === "error" && answer.code !== "failed";
  const result = code !== EXIT.failed ? "unknown" : isRefused ? "refused" : "failed";
  return { result, text: answer.message, took_ms, code };
}

/** Prints what came of it; the exit code. */
export function tellDone(node: string, done: Done, args: Arguments, io: Io): ExitCode {
  const { result, took_ms, code } = done;
  const text = plain(result === "done" ? `${done.text} (${formatDuration(took_ms)})` : done.text);
  if (args.has("json")) io.out(JSON.stringify({ node, result, took_ms, text }));
  else if (code === EXIT.ok) io.out(text);
  else io.err(`understudy: ${text}`);
  return code;
}

/** On stderr: whoever waits for a minute wants to know for what. */
async function tellProgress(client: Client, startedAt: number, io: Io): Promise<void> {
  const status = await client.status();
  const waited = formatDuration(performance.now() - startedAt);
  io.err(plain(`${waited}: ${status.kind === "ok" ? progressText(status.value) : status.message}`));
}

function progressText({ fencing: { running } }: StatusDocument): string {
  if (running === null) return "waiting for an answer";
  const { node, level, levels, text } = running;
  return `${node}, level ${level} of ${levels}: ${text}`;
}
