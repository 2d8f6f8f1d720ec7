// Answers the CLI over a unix socket. Everything is bounded: bodies, connections, waiting, followers; so a
// client that hangs or misbehaves costs the daemon nothing, and locks nobody else out.

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { JournalEntry } from "#model/journal.ts";
import { parseDeed, parseIntent, parseJournalQuery } from "./parse.ts";
import { type ApiHost, type ErrorBody, type ErrorCode, type JournalAnswer, ROUTES } from "./protocol.ts";

/** Longest body of a request, in bytes; the longest intent has a few hundred. */
export const BODY_LIMIT = 16 * 1024;
/** A further connection ends the oldest one that waits for nothing from us. */
export const CONNECTION_LIMIT = 64;
export const FOLLOWER_LIMIT = 16;
/** A follower that does not read this many bytes is let go. */
const FOLLOWER_BACKLOG = 1024 * 1024;
/** Only root and the socket's group may connect. */
export const SOCKET_MODE = 0o660;

/** Levels of slow devices, each asked three times by its own timeout; clients wait a little longer. ms */
export const DEED_DEADLINE = 600_000;

/** How long the daemon is given to answer. All in milliseconds. */
export interface ServerTimes {
  /** From the connection to the end of the request's head and body. */
  readonly receive: number;
  /** Until an intent or a reload is answered with "unknown". */
  readonly answer: number;
  /** Until a deed is. */
  readonly deed: number;
}

/**
 * An intent needs a round trip to the leader and a write at a quorum; during a failover also a new leader,
 * at profile wan some ten seconds.
 */
const TIMES: ServerTimes = { receive: 3_000, answer: 15_000, deed: DEED_DEADLINE };

/** What the server does to the socket's file. Each may throw. */
export interface SocketFiles {
  /** Removes the file: `unlinkSync`. */
  remove(path: string): void;
  /** Sets its permissions: `chmodSync`. */
  restrict(path: string, mode: number): void;
}

export interface ServerOptions {
  readonly socket: string;
  readonly host: ApiHost;
  readonly files: SocketFiles;
  readonly times?: Partial<ServerTimes>;
}

export type Listening =
  | { readonly kind: "listening"; readonly server: ApiServer }
  /** Another daemon answers there, the folder is missing, ... `problem` is a sentence. */
  | { readonly kind: "failed"; readonly problem: string };

export interface ApiServer {
  /** Ends all connections and removes the socket; then `closed` is called. Idempotent. */
  close(closed?: () => void): void;
}

/**
 * Opens the socket and answers on it. A socket file that nobody answers on is a leftover and is replaced; one
 * that somebody answers on is not touched. `answer` comes once.
 */
export function listen(options: ServerOptions, answer: (listening: Listening) => void): void {
  tryListen(options, { mayReplace: true }, answer);
}

function tryListen(
  options: ServerOptions,
  { mayReplace }: { readonly mayReplace: boolean },
  answer: (listening: Listening) => void,
): void {
  const { socket, files } = options;
  const fail = (problem: string): void => answer({ kind: "failed", problem });
  const server = makeServer(options);
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE" || !mayReplace) return fail(`cannot open ${socket}: ${error.message}`);
    isAnswered(socket, (answered) => {
      if (answered) return fail(`another understudy answers on ${socket}`);
      const problem = attempt(() => files.remove(socket));
      if (problem !== null) return fail(`cannot replace ${socket}: ${problem}`);
      tryListen(options, { mayReplace: false }, answer);
    });
  });
  server.listen(socket, () => {
    // Until here the daemon's umask kept others out: to connect takes the permission to write.
    const problem = attempt(() => files.restrict(socket, SOCKET_MODE));
    if (problem !== null) {
      server.close();
      return fail(`cannot set the permissions of ${socket}: ${problem}`);
    }
    // From now on an error is a connection that could not be accepted: a matter for its client alone.
    server.removeAllListeners("error").on("error", () => {});
    answer({ kind: "listening", server: closable(server) });
  });
}

function closable(server: Server): ApiServer {
  return {
    close: (closed) => {
      // Node removes the socket's file with the listening handle.
      server.close(() => closed?.());
      server.closeAllConnections();
    },
  };
}

/** A daemon that is stuck does not answer, but it has not left its socket either: connecting is enough. */
function isAnswered(socket: string, answer: (answered: boolean) => void): void {
  const probe = request({ socketPath: socket, path: ROUTES.status, method: "HEAD" });
  const done = (answered: boolean): void => {
    probe.removeAllListeners().on("error", () => {});
    probe.destroy();
    answer(answered);
  };
  probe.once("error", ({ code }: NodeJS.ErrnoException) =>
    done(code !== "ECONNREFUSED" && code !== "ENOENT"),
  );
  probe.once("socket", (connection) => connection.once("connect", () => done(true)));
  probe.end();
}

function makeServer(options: ServerOptions): Server {
  const times = { ...TIMES, ...options.times };
  const server = createServer(
    {
      headersTimeout: times.receive,
      requestTimeout: times.receive,
      // A timer that wakes an idle daemon: who is slow may hold its connection for twice that long.
      connectionsCheckingInterval: times.receive,
      keepAliveTimeout: 1_000,
      maxHeaderSize: BODY_LIMIT,
    },
    (incoming, response) => {
      response.on("error", () => {});
      route(incoming, response, { host: options.host, times, followers });
    },
  );
  const followers = new Set<ServerResponse>();
  limitConnections(server);
  return server;
}

/** Which connections are open, the oldest first, and whether we owe them an answer. */
function limitConnections(server: Server): void {
  const idle = new Map<IncomingMessage["socket"], boolean>();
  server.on("connection", (connection: IncomingMessage["socket"]) => {
    if (idle.size >= CONNECTION_LIMIT) {
      const oldest = [...idle].find(([, isIdle]) => isIdle)?.[0] ?? connection;
      idle.delete(oldest);
      oldest.destroy();
    }
    if (connection.destroyed) return;
    idle.set(connection, true);
    connection.on("error", () => {});
    connection.once("close", () => idle.delete(connection));
  });
  server.on("request", (incoming: IncomingMessage, response: ServerResponse) => {
    const connection = incoming.socket;
    if (idle.has(connection)) idle.set(connection, false);
    response.once("close", () => idle.has(connection) && idle.set(connection, true));
  });
}

interface Context {
  readonly host: ApiHost;
  readonly times: ServerTimes;
  readonly followers: Set<ServerResponse>;
}

type Handler = (
  context: Context,
  params: URLSearchParams,
  incoming: IncomingMessage,
  r: ServerResponse,
) => void;

const HANDLERS: Readonly<Record<string, Handler>> = {
  [`GET ${ROUTES.status}`]: ({ host }, _params, _incoming, response) => send(response, 200, host.status()),
  [`GET ${ROUTES.journal}`]: answerJournal,
  [`GET ${ROUTES.follow}`]: answerFollow,
  [`POST ${ROUTES.intents}`]: answerIntent,
  [`POST ${ROUTES.deeds}`]: answerDeed,
  [`POST ${ROUTES.reload}`]: answerReload,
};

function route(incoming: IncomingMessage, response: ServerResponse, context: Context): void {
  const [path = "", query = ""] = (incoming.url ?? "").split("?", 2);
  const handler = HANDLERS[`${incoming.method} ${path}`];
  if (handler === undefined) {
    const isPath = (Object.values(ROUTES) as string[]).includes(path);
    const message = isPath ? `${path} does not take ${incoming.method}` : `there is no ${path}`;
    return sendError(response, isPath ? 405 : 404, "no-such-route", message);
  }
  try {
    handler(context, new URLSearchParams(query), incoming, response);
  } catch (error) {
    // A defect in what only informs must not end the daemon; it is told to the one who asked.
    sendError(response, 500, "internal", String(error));
  }
}

function answerJournal(
  { host }: Context,
  params: URLSearchParams,
  _: IncomingMessage,
  r: ServerResponse,
): void {
  const query = parseJournalQuery(params);
  if (query.kind === "wrong") return sendError(r, 400, "bad-request", query.problem);
  const newest = host.journal({ limit: 1 }).at(-1)?.number ?? 0;
  send(r, 200, { entries: host.journal(query.value), newest } satisfies JournalAnswer);
}

function answerFollow(
  context: Context,
  params: URLSearchParams,
  _: IncomingMessage,
  r: ServerResponse,
): void {
  const { host, followers } = context;
  const query = parseJournalQuery(params);
  if (query.kind === "wrong") return sendError(r, 400, "bad-request", query.problem);
  if (followers.size >= FOLLOWER_LIMIT) {
    return sendError(r, 429, "busy", `${FOLLOWER_LIMIT} others follow the journal already`);
  }
  followers.add(r);
  r.writeHead(200, { "content-type": "application/x-ndjson" });
  r.flushHeaders();
  const write = (entry: JournalEntry): void => {
    if (r.writableLength > FOLLOWER_BACKLOG) r.destroy();
    else r.write(`${JSON.stringify(entry)}\n`);
  };
  for (const entry of host.journal(query.value)) write(entry);
  const stop = host.follow(write);
  r.once("close", () => {
    stop();
    followers.delete(r);
  });
}

function answerIntent(
  { host, times }: Context,
  _: URLSearchParams,
  incoming: IncomingMessage,
  r: ServerResponse,
) {
  readBody(incoming, r, (body) => {
    const intent = parseIntent(body);
    if (intent.kind === "wrong") return sendError(r, 400, "bad-request", intent.problem);
    const once = answerOnce(
      r,
      times.answer,
      "the leader did not answer in time; it may have accepted it or not",
    );
    host.ask(intent.value, (answer) =>
      once(() => {
        if (answer.kind === "accepted") send(r, 200, { version: answer.version, text: answer.text });
        else if (answer.kind === "refused") sendError(r, 409, "refused", answer.reason);
        else sendError(r, 504, "unknown", answer.reason);
      }),
    );
  });
}

function answerDeed(
  { host, times }: Context,
  _: URLSearchParams,
  incoming: IncomingMessage,
  r: ServerResponse,
) {
  readBody(incoming, r, (body) => {
    const deed = parseDeed(body);
    if (deed.kind === "wrong") return sendError(r, 400, "bad-request", deed.problem);
    const once = answerOnce(r, times.deed, "it is not over yet, and may still be done");
    host.do(deed.value, (answer) =>
      once(() => {
        if (answer.kind === "done") send(r, 200, { text: answer.text });
        else if (answer.kind === "refused") sendError(r, 409, "refused", answer.reason);
        else sendError(r, 502, "failed", answer.reason);
      }),
    );
  });
}

function answerReload(
  { host, times }: Context,
  _: URLSearchParams,
  incoming: IncomingMessage,
  r: ServerResponse,
) {
  incoming.resume();
  const once = answerOnce(
    r,
    times.answer,
    "the daemon did not say in time whether it took the new configuration",
  );
  host.reload((answer) =>
    once(() => {
      if (answer.kind === "done") send(r, 200, { text: answer.text });
      else sendError(r, 409, "refused", answer.problems);
    }),
  );
}

/** Lets the first of answer and deadline speak. */
function answerOnce(response: ServerResponse, deadline: number, tooLate: string): (say: () => void) => void {
  let isOpen = true;
  const timer = setTimeout(() => once(() => sendError(response, 504, "unknown", tooLate)), deadline);
  function once(say: () => void): void {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    say();
  }
  response.once("close", () => once(() => {}));
  return once;
}

/** Calls `use` with the parsed body, or answers with an error itself. */
function readBody(incoming: IncomingMessage, response: ServerResponse, use: (body: unknown) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let isOver = false;
  const end = (then: () => void): void => {
    if (isOver) return;
    isOver = true;
    then();
  };
  incoming.on("error", () => end(() => {}));
  incoming.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= BODY_LIMIT) chunks.push(chunk);
    else end(() => sendError(response, 413, "too-large", `a request has at most ${BODY_LIMIT} bytes`));
  });
  incoming.on("end", () =>
    end(() => {
      let body: unknown;
      try {
        body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
      } catch {
        return sendError(response, 400, "bad-request", "the body is not JSON");
      }
      try {
        use(body);
      } catch (error) {
        sendError(response, 500, "internal", String(error));
      }
    }),
  );
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

function sendError(response: ServerResponse, status: number, code: ErrorCode, message: string): void {
  // What is left of an unwanted body is not waited for.
  if (status === 413) response.shouldKeepAlive = false;
  send(response, status, { error: { code, message } } satisfies ErrorBody);
}

function attempt(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
