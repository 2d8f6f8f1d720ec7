// Asks the daemon on this host, over its socket. One request per connection; each has a deadline.

import { type IncomingMessage, request } from "node:http";
import type { Deed } from "#model/deeds.ts";
import type { Intent } from "#model/intents.ts";
import type { JournalEntry } from "#model/journal.ts";
import {
  type Accepted,
  type ErrorBody,
  type JournalAnswer,
  ROUTES,
  type StatusDocument,
} from "./protocol.ts";

export type ClientAnswer<T> =
  | { readonly kind: "ok"; readonly value: T }
  /** The daemon answered: not so. `code` as in ErrorCode. */
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  | Unanswered;

/** Why there is no answer. `message` is a sentence for people. */
export type Unanswered = {
  readonly kind: "not-running" | "not-allowed" | "deadline" | "broken";
  readonly message: string;
};

export interface Client {
  status(): Promise<ClientAnswer<StatusDocument>>;
  ask(intent: Intent): Promise<ClientAnswer<Accepted>>;
  /** `deadline` in milliseconds. */
  do(deed: Deed, deadline: number): Promise<ClientAnswer<{ readonly text: string }>>;
  journal(query: {
    readonly sinceMs?: number;
    readonly limit?: number;
  }): Promise<ClientAnswer<JournalAnswer>>;
  reload(): Promise<ClientAnswer<{ readonly text: string }>>;
  /**
   * Calls `entry` for each entry after `sinceNumber`, until `signal` (then the answer is ok) or until the
   * daemon goes away.
   */
  follow(options: FollowOptions): Promise<ClientAnswer<null>>;
}

export interface FollowOptions {
  readonly sinceNumber: number;
  readonly entry: (entry: JournalEntry) => void;
  readonly signal?: AbortSignal;
}

/** How long an answer may take, in milliseconds. */
export interface ClientTimes {
  /** What the daemon answers from memory. */
  readonly read: number;
  /** What needs others; longer than the daemon's own deadline, so that its word is heard. */
  readonly change: number;
}

/** No answer is longer: 10,000 journal entries of some 500 bytes. */
const ANSWER_LIMIT = 64 * 1024 * 1024;

export function makeClient(socket: string, times: ClientTimes): Client {
  const read = { socket, method: "GET", deadline: times.read };
  const change = { socket, method: "POST", deadline: times.change };
  return {
    status: () => exchange({ ...read, path: ROUTES.status }, isStatus),
    ask: (intent) => exchange({ ...change, path: ROUTES.intents, body: JSON.stringify(intent) }, isAccepted),
    do: (deed, deadline) =>
      exchange({ ...change, deadline, path: ROUTES.deeds, body: JSON.stringify(deed) }, isText),
    journal: (query) => exchange({ ...read, path: ROUTES.journal + queryOf(query) }, isJournal),
    reload: () => exchange({ ...change, path: ROUTES.reload }, isText),
    follow: (follow) =>
      followLines({ ...read, path: `${ROUTES.follow}?since_number=${follow.sinceNumber}` }, follow),
  };
}

interface Wish {
  readonly socket: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  /** Milliseconds for all of it. */
  readonly deadline: number;
}

function queryOf(query: { readonly sinceMs?: number; readonly limit?: number }): string {
  const params = new URLSearchParams();
  if (query.sinceMs !== undefined) params.set("since_ms", String(Math.max(0, Math.floor(query.sinceMs))));
  if (query.limit !== undefined) params.set("limit", String(query.limit));
  return params.size === 0 ? "" : `?${params}`;
}

/** One request and its whole answer; never throws. */
function exchange<T>(wish: Wish, isWanted: (value: unknown) => value is T): Promise<ClientAnswer<T>> {
  return new Promise((resolve) => {
    const { outgoing, timer } = open(wish, resolve);
    outgoing.on("response", (response) => {
      readAll(response, (text) => {
        clearTimeout(timer);
        resolve(text === null ? broken(wish, "the answer broke off") : judge(wish, response, text, isWanted));
      });
    });
    outgoing.end(wish.body);
  });
}

function followLines(wish: Wish, { entry, signal }: FollowOptions): Promise<ClientAnswer<null>> {
  return new Promise((resolve) => {
    const { outgoing, timer } = open(wish, resolve);
    const stop = (): void => {
      resolve({ kind: "ok", value: null });
      outgoing.destroy();
    };
    if (signal?.aborted) return stop();
    signal?.addEventListener("abort", stop, { once: true });
    outgoing.on("response", (response) => {
      clearTimeout(timer);
      if (response.statusCode !== 200) {
        return readAll(response, (text) => resolve(judge(wish, response, text ?? "", isNever)));
      }
      let rest = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const value = parseJson(line);
          if (isEntry(value)) entry(value);
        }
      });
      const gone = (): void => resolve({ kind: "not-running", message: "understudy went away" });
      response.on("end", gone);
      response.on("error", gone);
      response.on("close", gone);
    });
    outgoing.end();
  });
}

function open(wish: Wish, resolve: (answer: Unanswered) => void) {
  const { socket, method, path, body } = wish;
  const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  const outgoing = request({ socketPath: socket, method, path, headers, agent: false });
  const timer = setTimeout(() => {
    resolve({ kind: "deadline", message: `no answer on ${socket} within ${wish.deadline / 1000} s` });
    outgoing.destroy();
  }, wish.deadline);
  outgoing.on("error", (error: NodeJS.ErrnoException) => {
    clearTimeout(timer);
    resolve(unanswered(wish, error));
  });
  return { outgoing, timer };
}

function unanswered({ socket }: Wish, error: NodeJS.ErrnoException): Unanswered {
  switch (error.code) {
    case "ENOENT":
      return { kind: "not-running", message: `is understudy running? There is no socket ${socket}` };
    case "ECONNREFUSED":
      return { kind: "not-running", message: `is understudy running? Nobody answers on ${socket}` };
    case "EACCES":
    case "EPERM":
      return { kind: "not-allowed", message: `not allowed to use ${socket}: be root, or in its group` };
    default:
      return { kind: "broken", message: `cannot ask understudy on ${socket}: ${error.message}` };
  }
}

function readAll(response: IncomingMessage, done: (text: string | null) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > ANSWER_LIMIT) response.destroy();
  });
  response.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
  response.on("error", () => done(null));
  response.on("close", () => done(null));
}

function judge<T>(
  wish: Wish,
  response: IncomingMessage,
  text: string,
  isWanted: (value: unknown) => value is T,
): ClientAnswer<T> {
  const value = parseJson(text);
  if (response.statusCode === 200 && isWanted(value)) return { kind: "ok", value };
  if (response.statusCode !== 200 && isError(value)) return { kind: "error", ...value.error };
  return broken(wish, `what answered is not understudy, or of another version (HTTP ${response.statusCode})`);
}

const broken = ({ socket }: Wish, problem: string): Unanswered => ({
  kind: "broken",
  message: `cannot ask understudy on ${socket}: ${problem}`,
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// The daemon is of the same build nearly always; these tell it from a stranger, they are no schema.
function has(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}
const isStatus = (value: unknown): value is StatusDocument =>
  has(value, "format", "members", "services") && (value as StatusDocument).format === 1;
const isAccepted = (value: unknown): value is Accepted => has(value, "version", "text");
const isText = (value: unknown): value is { text: string } => has(value, "text");
const isEntry = (value: unknown): value is JournalEntry => has(value, "number", "at_ms", "area", "what");
const isError = (value: unknown): value is ErrorBody =>
  has(value, "error") && has((value as ErrorBody).error, "code", "message");
const isNever = (_value: unknown): _value is never => false;
function isJournal(value: unknown): value is JournalAnswer {
  return has(value, "entries", "newest") && Array.isArray((value as { entries: unknown }).entries);
}
