// The half that may be late: hands events to the worker's engine and carries its effects out.
//
// It imports nothing of Node, so the simulator runs this very loop.

import { workerEngine } from "#engine/engine.ts";
import type { Finding } from "#engine/health/check.ts";
import type { Identity } from "#engine/identity.ts";
import type { WorkerEffect, WorkerEvent, WorkerState } from "#engine/worker.ts";
import { unreachable } from "#lib/unreachable.ts";
import { formatAddress } from "#model/address.ts";
import { type CheckConfig, type Config, isGrant } from "#model/config.ts";
import type { Deed, DeedAnswer } from "#model/deeds.ts";
import type { DeathProof } from "#model/fencing.ts";
import type { ToKeeper, ToWorker } from "#model/halves.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Intent, Intents } from "#model/intents.ts";
import type { JournalLine } from "#model/journal.ts";
import type { IntentAnswer, Message } from "#model/order.ts";
import { ms } from "#model/units.ts";
import type { CheckPort, CheckResult } from "#ports/checks.ts";
import type { ClockPort } from "#ports/clock.ts";
import type { FencePort } from "#ports/fence.ts";
import type { JournalPort } from "#ports/journal.ts";
import type { PeerPort } from "#ports/peer.ts";
import type { OpResult, ProcessExit, ResourcePort } from "#ports/resources.ts";
import type { StorePort } from "#ports/store.ts";

export interface WorkerPorts {
  readonly clock: ClockPort;
  readonly peers: PeerPort;
  readonly store: StorePort;
  readonly resources: ResourcePort;
  readonly checks: CheckPort;
  readonly fences: FencePort;
  readonly journal: Pick<JournalPort, "append">;
  /** To the keeper of this daemon. */
  readonly toKeeper: (message: ToKeeper) => void;
  /** The daemon has left in good order, or has waited long enough. */
  readonly exit: () => void;
}

export interface WorkerOptions {
  readonly identity: Identity;
  readonly config: Config;
}

/** Name of the document in which a voter's intents are stored. */
export const INTENTS_DOCUMENT = "intents";
/** Name of the document in which a node keeps what it knows for certain about nodes that are gone. */
export const PROOFS_DOCUMENT = "proofs";
/** A reach target is given this long to answer, ms; several at once. */
const REACH_PATIENCE = 800;

export class Worker {
  #state: WorkerState;
  readonly #ports: WorkerPorts;
  readonly #queue: WorkerEvent[] = [];
  readonly #answers = new Map<string, (answer: IntentAnswer) => void>();
  readonly #deeds = new Map<string, (answer: DeedAnswer) => void>();
  #isBusy = false;
  #asked = 0;

  constructor(ports: WorkerPorts, options: WorkerOptions) {
    this.#ports = ports;
    const stored = readIntents(ports.store);
    const proofs = readProofs(ports.store);
    const now = ports.clock.now();
    this.#state = workerEngine.start(options.identity, options.config, stored, proofs.proofs, now);
    if (proofs.problem !== null) this.#journal("proofs", "not read", "store-failed", proofs.problem);
    if ("problem" in stored) this.#journal("intents", "not read", "store-failed", stored.problem);
    ports.resources.onExit((exit) => this.#onExit(exit));
    this.#handle({ kind: "wake" });
  }

  /** For status, tests and the simulator's checkers; never to be changed. */
  get state(): WorkerState {
    return this.#state;
  }

  onKeeper(message: ToWorker): void {
    if (message.kind === "journal") this.#ports.journal.append(message.line);
    else this.#handle({ kind: "keeper", message });
  }

  onMessage(from: NodeId, message: Message): void {
    this.#handle({ kind: "message", from, message });
  }

  onWake(): void {
    this.#handle({ kind: "wake" });
  }

  /** An operator's wish; answered once, after ten seconds at the latest. */
  ask(intent: Intent, answer: (answer: IntentAnswer) => void): void {
    this.#asked += 1;
    const { self, boot } = this.#state.identity;
    const id = `${self}.${boot}.${this.#asked}`;
    this.#answers.set(id, answer);
    this.#handle({ kind: "ask", id, intent });
  }

  /** What this daemon is asked to do by itself; answered once, a fencing when its levels are through. */
  do(deed: Deed, answer: (answer: DeedAnswer) => void): void {
    this.#asked += 1;
    const id = `deed ${this.#asked}`;
    this.#deeds.set(id, answer);
    this.#handle({ kind: "deed", id, deed });
  }

  /** Moves everything away, says goodbye, then calls `exit`. Idempotent. */
  stop(): void {
    this.#handle({ kind: "stop" });
  }

  reconfigure(config: Config, identity: Identity): void {
    this.#handle({ kind: "config", config, identity });
  }

  #handle(event: WorkerEvent): void {
    this.#queue.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const turn = workerEngine.handle(this.#state, next, this.#ports.clock.now());
        this.#state = turn.state;
        // Words come after deeds: somebody's service waits for an order, nobody for the line about it.
        for (const effect of turn.effects) if (effect.kind !== "journal") this.#carryOut(effect);
        for (const effect of turn.effects) if (effect.kind === "journal") this.#carryOut(effect);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #carryOut(effect: WorkerEffect): void {
    const ports = this.#ports;
    switch (effect.kind) {
      case "to-keeper":
        return ports.toKeeper(effect.message);
      case "send":
        return ports.peers.send(effect.to, effect.message);
      case "run-op":
        return this.#runOp(effect);
      case "run-check":
        return this.#runCheck(effect.service, effect.check);
      case "try-reach":
        return this.#tryReach(effect.targets);
      case "store-intents":
        return this.#storeIntents(effect.intents);
      case "answer": {
        const answer = this.#answers.get(effect.id);
        this.#answers.delete(effect.id);
        answer?.(effect.answer);
        return;
      }
      case "deed-done": {
        const answer = this.#deeds.get(effect.id);
        this.#deeds.delete(effect.id);
        answer?.(effect.answer);
        return;
      }
      case "fence-call": {
        const { callId, node, device, verb } = effect;
        ports.fences.call({ node, device, verb }, (said) =>
          this.#handle({ kind: "fence-said", callId, said }),
        );
        return;
      }
      case "store-proofs":
        return this.#storeProofs(effect.proofs);
      case "journal":
        return ports.journal.append(effect.line);
      case "wake":
        return ports.clock.wakeAt(effect.at);
      case "exit":
        return ports.exit();
      default:
        return unreachable(effect);
    }
  }

  #storeProofs(proofs: readonly DeathProof[]): void {
    this.#ports.store.write(PROOFS_DOCUMENT, JSON.stringify(proofs), (written) => {
      if (written.kind === "failed") this.#journal("proofs", "not stored", "store-failed", written.problem);
    });
  }

  #runOp(effect: Extract<WorkerEffect, { kind: "run-op" }>): void {
    const { service, opId, resource, verb, deadline, term } = effect;
    if (isGrant(resource)) return;
    const config = this.#state.config.services.find((s) => s.name === service);
    const addresses = config?.resources.flatMap((r) =>
      r.kind === "address" ? [formatAddress(r.address)] : [],
    );
    const context = { service, node: this.#state.identity.self, term, addresses: addresses ?? [] };
    this.#ports.resources.run({ resource, verb, context }, deadline, (result) => {
      const why = problemOf(result, `${verb} of ${resource.id}`);
      if (result.kind === "done" && result.remark !== undefined)
        this.#journal(service, `${resource.id} killed`, "killed", result.remark);
      const end = why === null ? ({ kind: "done" } as const) : ({ kind: "failed", why } as const);
      this.#handle({ kind: "op-end", service, opId, end });
    });
  }

  #onExit(exit: ProcessExit): void {
    const { service, resource, why } = exit;
    if (exit.next === "restarting")
      return this.#journal(service, `${resource} restarted`, "process-exit", why);
    this.#handle({ kind: "exit", service, resource, why });
  }

  #runCheck(service: ServiceName, check: CheckConfig): void {
    const context = { service, node: this.#state.identity.self };
    this.#ports.checks.run(check, context, check.timeout, (result) => {
      const { text } = result;
      this.#handle({ kind: "checked", service, check: check.id, finding: findingOf(result), text });
    });
  }

  /** One that answers is enough; that none could even be tried says nothing. */
  #tryReach(targets: readonly string[]): void {
    const results: string[] = [];
    for (const target of targets) {
      this.#ports.checks.reach(target, ms(REACH_PATIENCE), (result) => {
        results.push(result.kind);
        if (results.length < targets.length) return;
        const isReached = results.includes("reached");
        const reach = isReached ? "ok" : results.includes("silent") ? "none" : "unknown";
        this.#handle({ kind: "reach", reach });
      });
    }
  }

  #storeIntents(intents: Intents): void {
    this.#ports.store.write(INTENTS_DOCUMENT, JSON.stringify(intents), (written) => {
      const problem =
        written.kind === "done"
          ? null
          : written.kind === "failed"
            ? written.problem
            : "the disk does not answer";
      this.#handle({ kind: "intents-stored", intents, problem });
    });
  }

  #journal(subject: string, what: string, code: string, why: string): void {
    const line: JournalLine = { area: "service", subject, what, code, why, term: this.#state.node.term };
    this.#ports.journal.append(line);
  }
}

/** Nagios conventions: a warning is still good; what could not be carried out says nothing. */
function findingOf(result: CheckResult): Finding {
  switch (result.outcome) {
    case "ok":
    case "warning":
      return "good";
    case "critical":
    case "timeout":
      return "bad";
    case "unknown":
      return "inconclusive";
    default:
      return unreachable(result.outcome);
  }
}

/** A sentence on what went wrong; null: nothing. */
function problemOf(result: OpResult, what: string): string | null {
  switch (result.kind) {
    case "done":
    case "stopped":
      return null;
    case "failed": {
      const code = result.code === null ? "" : ` with exit code ${result.code}`;
      return `${what} failed${code}: ${lastLine(result.output)}`;
    }
    case "unknown":
      return `${what} did not answer within ${Math.round(result.waited)} ms: ${lastLine(result.output)}`;
    default:
      return unreachable(result);
  }
}

function lastLine(output: string): string {
  const line = output.trim().split("\n").at(-1) ?? "";
  return line === "" ? "it printed nothing" : line.slice(0, 200);
}

function readIntents(store: StorePort): { readonly intents: Intents | null } | { readonly problem: string } {
  const read = store.read(INTENTS_DOCUMENT);
  switch (read.kind) {
    case "absent":
      return { intents: null };
    case "damaged":
    case "failed":
      return { problem: read.problem };
    case "found":
      // Written by us and checked by the store: what is there is a whole document.
      return { intents: JSON.parse(read.text) as Intents };
    default:
      return unreachable(read);
  }
}

/** Without them nodes that were proved dead have to be proved so again: nothing worse. */
function readProofs(store: StorePort): {
  readonly proofs: readonly DeathProof[];
  readonly problem: string | null;
} {
  const read = store.read(PROOFS_DOCUMENT);
  switch (read.kind) {
    case "absent":
      return { proofs: [], problem: null };
    case "damaged":
    case "failed":
      return { proofs: [], problem: read.problem };
    case "found":
      return { proofs: JSON.parse(read.text) as DeathProof[], problem: null };
    default:
      return unreachable(read);
  }
}
