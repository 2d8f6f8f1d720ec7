// A daemon that is none behind a real socket, and a command line whose terminal is a list.

import { chmodSync, mkdtempSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Deed, DeedAnswer } from "#model/deeds.ts";
import type { Intent } from "#model/intents.ts";
import type { JournalEntry } from "#model/journal.ts";
import type { ClusterPicture, IntentAnswer } from "#model/order.ts";
import { term } from "#model/units.ts";
import type { ApiHost, ReloadAnswer } from "../../src/api/protocol.ts";
import { type ApiServer, type Listening, listen, type ServerTimes } from "../../src/api/server.ts";
import { type StatusFacts, statusDocument } from "../../src/api/status.ts";
import type { Io, Times } from "../../src/cli/io.ts";
import { runCommand } from "../../src/cli/run.ts";
import { NOW, sampleFacts, samplePicture } from "../golden/status-sample.ts";

export const FILES = { remove: unlinkSync, restrict: chmodSync };

/** What the tests change while it answers. */
export class FakeHost implements ApiHost {
  picture: ClusterPicture = samplePicture();
  entries: JournalEntry[] = [1, 2, 3].map(entryNumber);
  readonly asked: Intent[] = [];
  /** Null: it never answers. */
  answer: ((intent: Intent) => IntentAnswer) | null = () => this.#accepted();
  readonly done: Deed[] = [];
  /** Null: it never answers. */
  deedAnswer: DeedAnswer | null = { kind: "done", text: "dale counts as dead" };
  /** What is different in the status. */
  facts: Partial<StatusFacts> = {};
  reloadAnswer: ReloadAnswer | null = { kind: "done", text: "the configuration was read again" };
  readonly #listeners = new Set<(entry: JournalEntry) => void>();

  status() {
    return statusDocument(sampleFacts({ picture: { picture: this.picture, at: NOW }, ...this.facts }));
  }
  ask(intent: Intent, answer: (answer: IntentAnswer) => void): void {
    this.asked.push(intent);
    if (this.answer !== null) answer(this.answer(intent));
  }
  do(deed: Deed, answer: (answer: DeedAnswer) => void): void {
    this.done.push(deed);
    if (this.deedAnswer !== null) answer(this.deedAnswer);
  }
  journal({
    sinceNumber = 0,
    sinceMs = 0,
    limit,
  }: {
    sinceNumber?: number;
    sinceMs?: number;
    limit: number;
  }) {
    return this.entries.filter((entry) => entry.number > sinceNumber && entry.at_ms >= sinceMs).slice(-limit);
  }
  follow(listener: (entry: JournalEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  reload(answer: (answer: ReloadAnswer) => void): void {
    if (this.reloadAnswer !== null) answer(this.reloadAnswer);
  }

  get followers(): number {
    return this.#listeners.size;
  }
  append(entry: JournalEntry): void {
    this.entries.push(entry);
    for (const listener of this.#listeners) listener(entry);
  }
  /** The picture that a leader would send once the intent is on disk. */
  showAccepted(changes: Partial<ClusterPicture> = {}): void {
    const intents = { ...this.picture.intents, version: { term: term(5), number: 3 } };
    this.picture = { ...this.picture, intents, ...changes };
  }
  #accepted(): IntentAnswer {
    return { kind: "accepted", version: { term: term(5), number: 3 }, text: "on disk at chip, witness" };
  }
}

export function entryNumber(number: number): JournalEntry {
  return {
    number,
    at_ms: Date.parse("2026-11-20T10:00:00.123") + number * 60_000,
    node: "chip",
    area: "plan",
    subject: "web",
    what: `chip -> dale ${number}`,
    code: "active-lost",
    why: "chip has lapsed",
    term: term(5),
  };
}

/** A fresh run directory and a fake daemon in it; `end` takes both away. */
export class World {
  readonly dir = mkdtempSync(join(tmpdir(), "understudy-socket-"));
  readonly socket = join(this.dir, "understudy.sock");
  readonly host = new FakeHost();
  #servers: ApiServer[] = [];

  async listen(times: Partial<ServerTimes> = {}): Promise<Listening> {
    const { socket, host } = this;
    const listening = await new Promise<Listening>((resolve) =>
      listen({ socket, host, files: FILES, times }, resolve),
    );
    if (listening.kind === "listening") this.#servers.push(listening.server);
    return listening;
  }
  async close(): Promise<void> {
    const servers = this.#servers.splice(0);
    await Promise.all(servers.map((server) => new Promise<void>((done) => server.close(done))));
  }
  async end(): Promise<void> {
    await this.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  run(line: string, options: RunOptions = {}): Promise<Ran> {
    return run([...line.split(" "), "--run-dir", this.dir], options);
  }
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** What is typed when asked; absent: there is no terminal. */
  readonly typed?: string;
  readonly times?: Partial<Times>;
  readonly signal?: AbortSignal;
  readonly onOut?: (text: string) => void;
}

/** Runs one command line in this process. A daemon command has the code -1 and its options in `out`. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const { typed, onOut, times, signal } = options;
  const io: Io = {
    out: (text) => {
      out.push(text);
      onOut?.(text);
    },
    err: (text) => err.push(text),
    columns: () => null,
    canAsk: typed !== undefined,
    ask: async (question) => {
      err.push(question);
      return typed ?? "";
    },
    version: "0.1.0",
    who: () => "anna",
    times: { move: 2_000, settle: 50, ...times },
    ...(signal === undefined ? {} : { signal }),
  };
  const ran = await runCommand(argv, io);
  if (ran.kind !== "exit") return { code: -1, out: JSON.stringify(ran.options), err: "" };
  return { code: ran.code, out: out.join("\n"), err: err.join("\n") };
}

export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within 10 s: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}
