// The daemon's main thread: starts the keeper's thread, and wires the real drivers around the worker's loop.

import { chmodSync, mkdirSync, unlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { Worker as Thread } from "node:worker_threads";
import { formatDate, formatEntry } from "#api/journal-text.ts";
import type { ApiHost, ReloadAnswer } from "#api/protocol.ts";
import { SOCKET_NAME } from "#api/protocol.ts";
import { type ApiServer, listen } from "#api/server.ts";
import { statusDocument } from "#api/status.ts";
import type { UpOptions } from "#cli/command.ts";
import { EXIT } from "#cli/exit.ts";
import { Worker } from "#daemon/worker.ts";
import { createChecks } from "#drivers/checks/checks.ts";
import { createClock, now } from "#drivers/clock/clock.ts";
import { datagramsOf, MESSAGE_BUFFER, MESSAGE_WINDOW } from "#drivers/datagrams/datagrams.ts";
import { createFences } from "#drivers/fence/fences.ts";
import { openJournal } from "#drivers/journal/journal.ts";
import { createPeers } from "#drivers/peer/peers.ts";
import { createPrograms } from "#drivers/programs/programs.ts";
import { createResources } from "#drivers/resources/resources.ts";
import { identify } from "#engine/identity.ts";
import { whyVotersStay } from "#engine/leader/voters.ts";
import { CLAUSES } from "#engine/lease/clauses.ts";
import type { Config, MemberConfig } from "#model/config.ts";
import type { Deed } from "#model/deeds.ts";
import { grantsOn } from "#model/grant.ts";
import type { LeaseNews, ToKeeper, ToWorker } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import { foreignText } from "#model/protocol.ts";
import { ms, NO_TERM, type Term } from "#model/units.ts";
import { type ListId, sameList } from "#model/voters.ts";
import type { Claim, FromThread, KeeperData } from "./keeper-thread.ts";
import { type Prepared, prepareDaemon, type Refusal, readConfig, threadFile } from "./prepare-daemon.ts";
import { NOTHING_PROVED, proofFacts } from "./proof-facts.ts";
import { changeOfVoters, membersInEffect, type Running, whyNotReload } from "./reload.ts";
import { keepYoungGenerationSmall, trimMemory } from "./trim-memory.ts";
import { VERSION } from "./version.ts";

/** How long a previous life's processes are given to end, and ours at the very end. */
const SWEEP_PATIENCE = ms(15_000);
const KEEPER_PATIENCE = 2_000;
/** A stranger is asked for with every announcement, every 30 s in the long run: one that is missed may happen. */
const CLAIM_SHOWN = 75_000;
/** When the start is over, ms. */
const TRIM_AFTER = 3_000;

/**
 * The worker may be late without harm, but a move passes through several workers: on a busy host each would
 * wait for its turn. Threads of its own inherit this, what it starts does not (drivers/programs).
 */
const WORKER_NICE = -10;

/** Runs until the daemon has left in good order, or says on stderr why it cannot start. */
export async function runDaemon(options: UpOptions): Promise<void> {
  const prepared = await prepareDaemon(options);
  if ("code" in prepared) return refuse(prepared);
  raisePriority();
  await new Daemon(options, prepared).run();
}

function raisePriority(): void {
  try {
    setPriority(WORKER_NICE);
  } catch {
    // Not allowed: moves may take longer while the host is busy, and nothing else changes.
  }
}

function refuse({ code, text }: Refusal): never {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

class Daemon {
  readonly #options: UpOptions;
  readonly #prepared: Prepared;
  readonly #journal;
  readonly #thread: Thread;
  readonly #startedAt = now();
  #config: Config;
  /** Those of the configuration, and voters that still count though it names them no more. */
  #members: readonly MemberConfig[];
  #votersNoted: ListId | null = null;
  #configReadAt = now();
  #worker: Worker | null = null;
  #server: ApiServer | null = null;
  #realtimeProblem: string | null = null;
  #pulseCounters: Readonly<Record<string, number>> = {};
  #claims: readonly Claim[] = [];
  #deviceProblem: string | null = null;
  #newsAt = now();
  /** The keeper's newest; it speaks before the worker stands, and repeats itself seldom. */
  #news: LeaseNews | null = null;
  readonly #linkProblems = new Map<number, string>();
  /** Members that speak a protocol that is not understood here. */
  readonly #foreign = new Map<NodeId, string>();
  readonly #clock = createClock(() => this.#worker?.onWake());
  readonly #programs;
  readonly #resources;
  readonly #checks;
  readonly #fences;
  readonly #peers;
  #isEnding = false;

  constructor(options: UpOptions, prepared: Prepared) {
    const { config, self, key, stateDir, boot, kernelBoot } = prepared;
    this.#options = options;
    this.#prepared = prepared;
    this.#config = config;
    this.#members = config.members;
    this.#journal = openJournal({ file: join(stateDir, "journal.jsonl"), node: self });
    this.#journal.follow((entry) => process.stderr.write(`${formatEntry(entry)}\n`));
    const programs = createPrograms();
    this.#programs = programs;
    mkdirSync(options.runDir, { recursive: true });
    this.#resources = createResources(programs, options.runDir);
    this.#checks = createChecks(programs);
    this.#fences = createFences(programs);
    const data: KeeperData = { config, self, boot, kernelBoot, key, stateDir };
    keepYoungGenerationSmall();
    this.#thread = new Thread(threadFile("keeper-thread"), { workerData: data });
    this.#peers = createPeers({
      me: self,
      boot,
      open: datagramsOf({
        me: self,
        boot,
        key,
        cluster: config.cluster,
        purpose: "message",
        members: config.members,
        port: config.port + 1,
        replayWindow: MESSAGE_WINDOW,
        receiveBuffer: MESSAGE_BUFFER,
        listener: {
          ready: (problem) => {
            if (problem !== null) this.#fail(problem);
          },
          link: () => {},
        },
      }),
      received: (from, message) => this.#worker?.onMessage(from, message),
    });
  }

  run(): Promise<void> {
    this.#thread.on("message", (message: ToWorker | FromThread) => this.#onThread(message));
    this.#thread.on("error", (error) => this.#fail(`the keeper failed: ${error.stack ?? error.message}`));
    process.on("SIGTERM", () => this.#stop());
    process.on("SIGINT", () => this.#stop());
    process.on("SIGHUP", () => void this.#reload(() => {}));
    // A dead terminal must not end the daemon.
    process.stderr.on("error", () => {});
    return new Promise(() => {});
  }

  #onThread(message: ToWorker | FromThread): void {
    switch (message.kind) {
      case "realtime":
        this.#realtimeProblem = message.problem;
        return;
      case "ready":
        return message.problem === null ? this.#start() : this.#fail(message.problem);
      case "link":
        if (message.problem === null) this.#linkProblems.delete(message.index);
        else this.#linkProblems.set(message.index, message.problem);
        return;
      case "foreign":
        return this.#noteForeign(message.node, message.protocol);
      case "counters":
        this.#pulseCounters = message.counters;
        this.#deviceProblem = message.deviceProblem;
        this.#claims = message.claims.filter(({ age }) => age < CLAIM_SHOWN);
        return;
      case "journal":
        return this.#journal.append(message.line);
      case "lease":
        this.#newsAt = now();
        this.#news = message;
        this.#worker?.onKeeper(message);
        return this.#noteVoters(message.voters);
      default:
        return this.#worker?.onKeeper(message);
    }
  }

  #noteForeign(node: NodeId, protocol: number | null): void {
    const text = protocol === null ? null : foreignText(node, protocol);
    if (text === null) this.#foreign.delete(node);
    else this.#foreign.set(node, text);
    const [what, code] = text === null ? ["understood", "known-protocol"] : ["ignored", "other-protocol"];
    const why = text ?? `${node} speaks a protocol that this one understands`;
    this.#journal.append({ area: "member", subject: node, what, code, why, term: this.#term() });
  }

  /** The keeper stands: now what an earlier life left running is ended, and the worker begins. */
  #start(): void {
    this.#resources.sweep(SWEEP_PATIENCE, (left) => {
      for (const text of left) this.#say("sweep", "left over", "swept", text);
      this.#startWorker();
    });
  }

  #startWorker(): void {
    const { config } = this.#prepared;
    const identity = this.#identity(config);
    const { lease, pulse } = config.timing;
    this.#say("daemon", "started", "started", `understudy ${VERSION}, lease ${lease} ms, pulse ${pulse} ms`);
    if (this.#realtimeProblem !== null) {
      const why = `${this.#realtimeProblem}; the lease is ${identity.lease} ms instead of ${config.timing.lease} ms`;
      this.#say("keeper", "without real-time priority", "no-realtime", why);
    }
    this.#worker = new Worker(
      {
        clock: this.#clock,
        peers: this.#peers,
        store: this.#prepared.store,
        resources: this.#resources,
        checks: this.#checks,
        fences: this.#fences,
        journal: this.#journal,
        toKeeper: (message: ToKeeper) => this.#thread.postMessage(message),
        exit: () => this.#end(EXIT.ok),
      },
      { identity, config },
    );
    if (this.#news !== null) this.#worker.onKeeper(this.#news);
    void this.#checkDevices();
    setTimeout(trimMemory, TRIM_AFTER);
    const files = { remove: unlinkSync, restrict: chmodSync };
    listen({ socket: join(this.#options.runDir, SOCKET_NAME), host: this.#host(), files }, (listening) => {
      if (listening.kind === "failed") return this.#fail(listening.problem);
      this.#server = listening.server;
    });
  }

  /** What an agent says of its options is held against the configuration: a slip is found before the device is needed. */
  async #checkDevices(): Promise<void> {
    const { fencing } = this.#config;
    const hasAgents = fencing.nodes.some(({ levels }) => levels.flat().some(({ kind }) => kind === "agent"));
    if (!hasAgents) return;
    // Loaded only where it is needed: it brings a reader of XML along.
    const [{ checkFenceDevices }, { createFenceCatalog }] = await Promise.all([
      import("#drivers/fence/check-devices.ts"),
      import("#drivers/fence/catalog.ts"),
    ]);
    checkFenceDevices(createFenceCatalog(this.#programs), fencing, (problems) => {
      for (const problem of problems) this.#say("fencing", "device doubtful", "device-doubtful", problem);
    });
  }

  #identity(config: Config): ReturnType<typeof identify> {
    const { self, boot, kernelBoot } = this.#prepared;
    const isRealtime = this.#realtimeProblem === null;
    return identify({ config, self, boot, isRealtime, kernelBoot, clauses: CLAUSES });
  }

  #host(): ApiHost {
    return {
      status: () => this.#status(),
      ask: (intent, answer) => this.#worker?.ask(intent, answer),
      do: (deed, answer) => this.#worker?.do(signed(deed, this.#prepared.self), answer),
      journal: (query) => this.#journal.read(query),
      follow: (listener) => this.#journal.follow(listener),
      reload: (answer) => void this.#reload(answer),
    };
  }

  #status(): ReturnType<typeof statusDocument> {
    const state = this.#worker?.state;
    const { lost, problem } = this.#journal.condition();
    const { self } = this.#prepared;
    const lease = state?.news ? { news: state.news, at: this.#newsAt } : null;
    const slow = `the lease is twice as long: ${this.#realtimeProblem ?? ""}`;
    return statusDocument({
      now: now(),
      at_ms: Date.now(),
      startedAt: this.#startedAt,
      node: self,
      version: VERSION,
      pid: process.pid,
      config: this.#config,
      configFile: this.#options.configFile,
      configReadAt: this.#configReadAt,
      lease,
      votersProblem: lease === null ? null : whyVotersStay({ config: this.#config, news: lease.news }, self),
      picture: state?.picture ?? null,
      report: state?.node.report ?? null,
      ...(state === undefined ? NOTHING_PROVED : proofFacts(state, now())),
      realtime: {
        granted: this.#realtimeProblem === null,
        detail: this.#realtimeProblem === null ? null : slow,
      },
      counters: { ...this.#pulseCounters, ...this.#messageCounters(), journal_entries_lost: lost },
      warnings: [
        ...(problem === null ? [] : [problem]),
        ...this.#linkProblems.values(),
        ...this.#foreign.values(),
        ...(this.#deviceProblem === null ? [] : [this.#deviceProblem]),
        ...this.#claims.map(claimText),
      ],
    });
  }

  #messageCounters(): Record<string, number> {
    const { sent, received, lost, malformed, unknown } = this.#peers.counters;
    const { refused } = this.#peers.datagrams.counters;
    return {
      messages_sent: sent,
      messages_received: received,
      messages_lost: lost,
      messages_malformed: malformed,
      messages_of_unknown_kind: unknown,
      messages_refused_not_authentic: refused.notAuthentic,
      messages_refused_malformed: refused.malformed,
      messages_refused_foreign_sender: refused.foreignSender,
      messages_refused_too_large: refused.tooLarge,
      messages_refused_replayed: refused.replayed,
    };
  }

  /** Takes the file in if it is right and changes only what may change while running; else all stays. */
  async #reload(answer: (answer: ReloadAnswer) => void): Promise<void> {
    const read = await readConfig(this.#options.configFile);
    if ("code" in read) return this.#refuseReload(read.text, answer);
    const problems = whyNotReload(this.#running(), read.config);
    if (problems.length > 0) return this.#refuseReload(problems.join("\n"), answer);
    if (read.config.hash === this.#config.hash)
      return answer({ kind: "done", text: "the file says the same" });
    this.#config = read.config;
    this.#configReadAt = now();
    const { self } = this.#prepared;
    this.#reconfigureKeeper();
    void this.#checkDevices();
    this.#worker?.reconfigure(read.config, this.#identity(read.config));
    this.#say("configuration", "reloaded", "reloaded", `${this.#options.configFile} is in force`);
    const change = changeOfVoters(this.#running());
    const text = `${this.#options.configFile} is in force on ${self}`;
    answer({ kind: "done", text: change === null ? text : `${text}; ${change}` });
  }

  #running(): Running {
    return { config: this.#config, members: this.#members, state: this.#worker?.state ?? null };
  }

  /** Tells the keeper and both sockets what the configuration says, and whom the voters in effect add to it. */
  #reconfigureKeeper(): void {
    const config = this.#config;
    this.#members = membersInEffect(config, this.#running());
    const grants = grantsOn(config, this.#prepared.self);
    const message = { kind: "reconfigure", grants, members: this.#members, configHash: config.hash } as const;
    this.#thread.postMessage(message satisfies ToKeeper);
    this.#peers.datagrams.setMembers(this.#members);
  }

  /** A voter that is none any more may be nobody's business any more. */
  #noteVoters({ list }: LeaseNews["voters"]): void {
    if (this.#votersNoted !== null && sameList(this.#votersNoted, list.id)) return;
    const isFirst = this.#votersNoted === null;
    this.#votersNoted = list.id;
    if (!isFirst) this.#reconfigureKeeper();
  }

  #refuseReload(problems: string, answer: (answer: ReloadAnswer) => void): void {
    const [first = ""] = problems.split("\n");
    this.#say("configuration", "not reloaded", "reload-refused", `the running one stays: ${first}`);
    answer({ kind: "refused", problems });
  }

  #say(subject: string, what: string, code: string, why: string): void {
    this.#journal.append({ area: "daemon", subject, what, code, why, term: this.#term() });
  }

  #term(): Term {
    return this.#worker?.state.node.term ?? NO_TERM;
  }

  #stop(): void {
    if (this.#worker === null) return this.#end(EXIT.ok);
    this.#worker.stop();
  }

  #fail(problem: string): void {
    if (this.#isEnding) return;
    process.stderr.write(`understudy: ${problem}\n`);
    this.#end(EXIT.failed);
  }

  /** The keeper removes addresses and guard, programs end, the journal is written; then the process goes. */
  #end(code: number): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#clock.stop();
    this.#thread.postMessage({ kind: "remove" });
    const gone = new Promise<void>((resolve) => {
      this.#thread.once("exit", () => resolve());
      setTimeout(resolve, KEEPER_PATIENCE);
    });
    this.#resources.stopAll(SWEEP_PATIENCE, async () => {
      await gone;
      this.#peers.close();
      this.#server?.close();
      this.#journal.close(1_000, () => {
        this.#prepared.unlock();
        process.exit(code);
      });
    });
  }
}

/** Who said so is kept with the proof, for whoever asks later: also where and when. */
function signed(deed: Deed, self: NodeId): Deed {
  if (deed.kind === "fence-test") return deed;
  return { ...deed, who: `${deed.who} (on ${self}, ${formatDate(Date.now()).slice(0, -4)})` };
}

const claimText = ({ ip, mac, age }: Claim): string =>
  `the machine ${mac} uses ${ip} too, as it said ${Math.round(age / 1_000)} s ago`;
