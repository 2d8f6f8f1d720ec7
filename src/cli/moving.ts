// Asking the leader to move something, and waiting until it has moved.

import type { Client } from "#api/client.ts";
import type { Accepted, ServiceStatus, StatusDocument } from "#api/protocol.ts";
import { plain } from "#lib/plain.ts";
import { type Intent, isNewerVersion } from "#model/intents.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { formatDuration } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type Io, TIMES } from "./io.ts";
import { exitOf, watchUntil } from "./talk.ts";

export const NO_WAIT_OPTION: OptionSpec = {
  value: null,
  about: "Ends when the wish is accepted, not when it is done",
};

export type Result = "done" | "accepted" | "refused" | "failed" | "unknown";

/** What came of it; with `facts` this is what --json prints. */
export interface Outcome {
  readonly result: Result;
  /** From the wish to its end, in milliseconds. */
  readonly took_ms: number;
  readonly text: string;
}

const RESULT_EXIT = {
  done: EXIT.ok,
  accepted: EXIT.ok,
  refused: EXIT.failed,
  failed: EXIT.failed,
  unknown: EXIT.unknown,
} as const satisfies Record<Result, ExitCode>;

/** What a judge says of a picture that knows the intent. Null: not there yet. */
export type Judged =
  /** `text` is a sentence; how long it took is added. */
  | { readonly kind: "done"; readonly text: string }
  /** It will not come to pass as things are, if it stays so for a while. */
  | { readonly kind: "stuck"; readonly text: string }
  | null;

export interface Move {
  readonly intent: Intent;
  readonly judge: (document: StatusDocument) => Judged;
  /** What --json prints beside the outcome. */
  readonly facts: Readonly<Record<string, string | null>>;
}

/** Asks, waits unless --no-wait, prints what came of it. */
export async function carryOut(client: Client, move: Move, args: Arguments, io: Io): Promise<ExitCode> {
  const startedAt = performance.now();
  const answer = await client.ask(move.intent);
  const tell = (result: Result, text: string, code: ExitCode = RESULT_EXIT[result]): ExitCode => {
    const took_ms = Math.round((performance.now() - startedAt) * 10) / 10;
    const whole = result === "done" ? `${text} (${formatDuration(took_ms)})` : text;
    if (args.has("json")) io.out(JSON.stringify({ ...move.facts, result, took_ms, text: plain(whole) }));
    else if (RESULT_EXIT[result] === EXIT.ok) io.out(plain(whole));
    else io.err(`understudy: ${plain(whole)}`);
    return code;
  };
  if (answer.kind !== "ok") {
    const code = exitOf(answer);
    return tell(code === EXIT.failed ? "refused" : "unknown", answer.message, code);
  }
  if (args.has("no-wait")) return tell("accepted", answer.value.text);
  const judged = await waitFor(client, move, answer.value, io);
  return tell(judged.result, judged.text);
}

async function waitFor(
  client: Client,
  move: Move,
  accepted: Accepted,
  io: Io,
): Promise<Omit<Outcome, "took_ms">> {
  const { settle, move: deadline } = { ...TIMES, ...io.times };
  let stuckSince: number | null = null;
  let last = "it is not known why";
  const end = await watchUntil(client, deadline, (document) => {
    const { intents } = document;
    // A picture from before the wish says nothing of it.
    if (intents === null || isNewerVersion(accepted.version, intents.version)) return null;
    const judged = move.judge(document);
    if (judged?.kind === "done") return { result: "done" as const, text: judged.text };
    last = waitingText(document) ?? last;
    if (judged?.kind !== "stuck") stuckSince = null;
    else if (stuckSince === null) stuckSince = performance.now();
    else if (performance.now() - stuckSince >= settle)
      return { result: "failed" as const, text: judged.text };
    return null;
  });
  if (end !== null) return end;
  const waited = formatDuration(deadline);
  return {
    result: "unknown",
    text: `accepted, but not done within ${waited}: ${last}. See "understudy status"`,
  };
}

function waitingText({ services }: StatusDocument): string | null {
  const [reason] = services.flatMap(({ name, waiting }) =>
    waiting === null ? [] : [`${name}: ${waiting.text}`],
  );
  return reason ?? null;
}

/** It rests where it is and nothing else is planned for it. */
export const isAtRest = ({ active, wanted, waiting }: ServiceStatus): boolean =>
  active === wanted && waiting === null;
