// One keeper's engine on a bench: the test says what time it is and what is heard, and reads what it does.

import assert from "node:assert/strict";
import type { Identity } from "#engine/identity.ts";
import type { KeeperEffect, KeeperEvent } from "#engine/keeper.ts";
import { handleKeeper, startKeeper } from "#engine/keeper.ts";
import type { Clauses } from "#engine/lease/clauses.ts";
import { CLAUSES } from "#engine/lease/clauses.ts";
import type { KeeperState, LedMember, PairRecord } from "#engine/lease/state.ts";
import type { Peer } from "#engine/membership/peers.ts";
import type { FloatingAddress } from "#model/address.ts";
import type { MemberConfig } from "#model/config.ts";
import type { ToKeeper, ToWorker } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import { nodeId } from "#model/ids.ts";
import type { JournalLine } from "#model/journal.ts";
import type { Heard, Pulse, Vote } from "#model/pulse.ts";
import type { Instant } from "#model/units.ts";
import { instant, ms, NO_TERM, ratio, term } from "#model/units.ts";
import { CONFIGURED } from "#model/voters.ts";

export const LEASE = 500;
export const PULSE = 50;
/** The lease, shortened by the drift bound. */
export const USABLE = 400;
/** A voter is mute until strictly after this. */
export const MUTE = 1_000;

/** A pulse as a test writes it: ids and terms as they are typed. */
export type Says = {
  readonly [K in keyof Pulse]?: Pulse[K] extends number | null ? number | null : Pulse[K];
};

export interface BenchOptions {
  readonly voters?: readonly string[];
  /** All that are no voters. */
  readonly others?: readonly string[];
  readonly stored?: Vote;
  readonly boot?: number;
  readonly lease?: number;
  readonly workerSilence?: number;
  readonly clauses?: Partial<Clauses>;
  readonly links?: number;
  readonly kernelBoot?: string;
  readonly watchdog?: Identity["watchdog"];
  readonly pair?: PairRecord | null;
}

export interface How {
  /** Which of our pulses it acknowledges; by default the newest, null: none. */
  readonly echo?: number | null;
  /** Is the acknowledgement of a voter that lets us act? */
  readonly counts?: boolean;
  readonly link?: number;
}

export const vote = (inTerm: number, whom: string): Vote => ({ term: term(inTerm), for: nodeId(whom) });

export const ADDRESS: FloatingAddress = { ip: "10.77.0.100", prefix: 24, family: 4, device: null };

/** Names that begin with w are witnesses. */
export function identityOf(self: string, options: BenchOptions = {}): Identity {
  const voters = (options.voters ?? ["a", "b", "w"]).map(nodeId);
  return {
    self: nodeId(self),
    boot: options.boot ?? 1,
    isVoter: voters.includes(nodeId(self)),
    isWitness: self.startsWith("w"),
    voters,
    quorum: Math.floor(voters.length / 2) + 1,
    readQuorum: voters.length - Math.floor(voters.length / 2),
    isPair: voters.length === 2,
    kernelBoot: options.kernelBoot ?? "k1",
    watchdog: options.watchdog ?? "none",
    lease: ms(options.lease ?? LEASE),
    longestLease: ms(MUTE),
    pulse: ms(PULSE),
    drift: ratio(0.2),
    workerSilence: ms(options.workerSilence ?? 1e9),
    votersHash: "voters",
    configHash: "config",
    list: { id: CONFIGURED, voters },
    floor: CONFIGURED,
    configuredHash: "voters",
    clauses: { ...CLAUSES, ...options.clauses },
  };
}

export function memberOf(name: string, links = 1): MemberConfig {
  const addresses = Array.from({ length: links }, (_, i) => `10.${i}.0.${name.charCodeAt(0)}`);
  return { id: nodeId(name), kind: name.startsWith("w") ? "witness" : "node", links: addresses, site: null };
}

/** A pulse that says nothing but who it is from. */
export function pulseFrom(from: string, says: Says = {}): Pulse {
  const silent: Pulse = {
    from: nodeId(from),
    number: 1,
    session: { boot: 1, lapses: 0 },
    voters: "voters",
    config: "config",
    lease: ms(LEASE),
    term: NO_TERM,
    heard: [],
    vote: null,
    voteIsFree: false,
    candidate: null,
    leads: null,
    gaveUp: NO_TERM,
    promises: [],
    exclude: [],
    reset: [],
    readmit: [],
    resetDone: null,
    watchdog: null,
    list: null,
    left: false,
    hurry: false,
  };
  return { ...silent, ...(says as Partial<Pulse>) };
}

export class Bench {
  readonly self: NodeId;
  state: KeeperState;
  now = instant(0);
  /** Of the last event. */
  effects: readonly KeeperEffect[] = [];
  /** The journal of its life. */
  readonly lines: JournalLine[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(self: string, options: BenchOptions = {}) {
    const identity = identityOf(self, options);
    this.self = identity.self;
    const members = [...identity.voters, ...(options.others ?? [])].map((id) => memberOf(id, options.links));
    this.state = startKeeper(
      identity,
      members,
      { vote: options.stored ?? null, pair: options.pair ?? null, list: null },
      this.now,
    );
    this.wake();
  }

  /** Goes on to that instant, in silence: no event, as in a freeze. */
  at(now: number): this {
    this.now = instant(now);
    return this;
  }

  /** Goes on to that instant, pulse by pulse. */
  until(now: number): this {
    while (this.now + PULSE < now) this.at(this.now + PULSE).wake();
    return this.at(now).wake();
  }

  wake(): this {
    return this.handle({ kind: "wake" });
  }

  worker(message: ToKeeper): this {
    return this.handle({ kind: "worker", message });
  }

  hears(from: string, says: Says = {}, how: How = {}): this {
    const number = says.number ?? (this.#numbers.get(from) ?? 0) + 1;
    this.#numbers.set(from, number);
    const heard = [...(says.heard ?? []), ...this.#echo(how)];
    return this.handle({
      kind: "pulse",
      pulse: pulseFrom(from, { ...says, number, heard }),
      link: how.link ?? 0,
    });
  }

  #echo({ echo = this.state.sent.number, counts = true }: How): readonly Heard[] {
    const boot = this.state.identity.boot;
    return echo === null ? [] : [{ node: this.self, boot, number: echo, counts }];
  }

  /** The disk answers the newest vote that was sent to it. */
  stored(ok = true): this {
    const { storing } = this.state.voter;
    assert.ok(storing !== null, "a vote is on its way to the disk");
    return this.handle({ kind: "vote-stored", vote: storing, ok, problem: ok ? null : "disk full" });
  }

  handle(event: KeeperEvent): this {
    const turn = handleKeeper(this.state, event, this.now);
    this.state = turn.state;
    this.effects = turn.effects;
    this.lines.push(...this.journal());
    return this;
  }

  get acts(): boolean {
    return this.state.acting.mayAct;
  }

  get leads(): boolean {
    return this.state.leading.kind === "leads";
  }

  get promises(): readonly string[] {
    return [...this.state.voter.promises.keys()];
  }

  peer(name: string): Peer {
    const peer = this.state.peers.find((p) => p.id === name);
    assert.ok(peer !== undefined, `${name} is a member`);
    return peer;
  }

  led(name: string): LedMember["kind"] | undefined {
    return this.state.ledMembers.get(nodeId(name))?.kind;
  }

  /** Those of the last event. */
  did<K extends KeeperEffect["kind"]>(kind: K): readonly Extract<KeeperEffect, { kind: K }>[] {
    return this.effects.filter((e): e is Extract<KeeperEffect, { kind: K }> => e.kind === kind);
  }

  told<K extends ToWorker["kind"]>(kind: K): readonly Extract<ToWorker, { kind: K }>[] {
    return this.did("tell")
      .map((e) => e.message)
      .filter((m): m is Extract<ToWorker, { kind: K }> => m.kind === kind);
  }

  journal(): readonly JournalLine[] {
    return this.told("journal").map((m) => m.line);
  }

  /** What the last event made it say; a pulse is due at the latest a pulse later. */
  said(): Pulse {
    if (this.did("send").length === 0) this.at(this.now + PULSE).wake();
    const [sent] = this.did("send");
    assert.ok(sent !== undefined, "it sent a pulse");
    return sent.pulse;
  }

  wokenAt(): Instant {
    const [wake] = this.did("wake");
    assert.ok(wake !== undefined, "it wants to be woken");
    return wake.at;
  }
}

/** Past its silence after the start. */
export function awake(self: string, options: BenchOptions = {}): Bench {
  return new Bench(self, options).until(MUTE + 100);
}

/** Acknowledged by all other voters right now. */
export function acting(self: string, options: BenchOptions = {}): Bench {
  const bench = awake(self, options);
  for (const peer of bench.state.peers) if (peer.isVoter) bench.hears(peer.id);
  return bench;
}

/** Elected by the voters `by` in the next term. */
export function leading(
  self: string,
  options: BenchOptions & { readonly by?: readonly string[] } = {},
): Bench {
  const bench = awake(self, options);
  const voters = options.by ?? bench.state.peers.filter((p) => p.isVoter).map((p) => p.id);
  for (const voter of voters) bench.hears(voter, { voteIsFree: true });
  bench.until(bench.now + 4 * PULSE);
  bench.stored().until(bench.now + PULSE);
  const inTerm = bench.state.voter.vote?.term ?? 0;
  for (const voter of voters) bench.hears(voter, { term: inTerm, vote: vote(inTerm, self) });
  assert.ok(bench.leads, `${self} leads`);
  return bench;
}
