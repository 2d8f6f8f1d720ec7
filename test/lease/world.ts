// A small world around three engines: steps of one pulse, links that are up, cut or slow, daemons that die and
// freeze. After every event the engine is held against the naive rule and against what must never be.

import type { Identity } from "#engine/identity.ts";
import type { KeeperEvent } from "#engine/keeper.ts";
import { handleKeeper, startKeeper } from "#engine/keeper.ts";
import type { Clauses } from "#engine/lease/clauses.ts";
import { CLAUSES } from "#engine/lease/clauses.ts";
import type { KeeperState } from "#engine/lease/state.ts";
import type { MemberConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import { nodeId } from "#model/ids.ts";
import type { Pulse, Vote } from "#model/pulse.ts";
import type { Session } from "#model/session.ts";
import { instant, ms, ratio } from "#model/units.ts";
import { CONFIGURED } from "#model/voters.ts";
import type { Fact, Past, Rule } from "./naive.ts";
import { isElected, judgeSpoken, mayAct } from "./naive.ts";

export const VOTERS: readonly NodeId[] = ["a", "b", "w"].map(nodeId);
/** One step of the walk, true ms. */
export const STEP = 100;
const LEASE = 400;
const DRIFT = 0.2;
/** A link holds no more than this; what is older is lost. */
const HELD_LIMIT = 6;

const MEMBERS: readonly MemberConfig[] = VOTERS.map((id, i) => ({
  id,
  kind: id === "w" ? "witness" : "node",
  links: [`10.0.0.${i + 1}`],
  site: null,
}));

export type Fault =
  | { readonly kind: "cut" | "slow" | "hold" | "mend"; readonly from: NodeId; readonly to: NodeId }
  | { readonly kind: "cut-out" | "cut-in"; readonly node: NodeId }
  | { readonly kind: "kill" | "start" | "restart" | "freeze" | "thaw"; readonly node: NodeId }
  /** All links are up again, and what they held arrives. */
  | { readonly kind: "heal" };

/** hold: keeps the next pulse and is up again. */
type Link = "up" | "cut" | "slow" | "hold";

interface Mail {
  readonly to: NodeId;
  readonly pulse: Pulse;
}

export interface Node {
  readonly id: NodeId;
  readonly boot: number;
  /** How fast its clock runs, and where it stood at true time 0. */
  readonly rate: number;
  readonly offset: number;
  readonly disk: Vote | null;
  /** Null: its daemon is dead. */
  readonly state: KeeperState | null;
  readonly isFrozen: boolean;
  /** What waits for a frozen daemon. */
  readonly inbox: readonly Pulse[];
  readonly past: Past | null;
  /** Some leader was certain that the sessions up to this one are over. */
  readonly over: Session | null;
}

export interface World {
  readonly step: number;
  readonly clauses: Clauses;
  readonly judge: Judge;
  readonly nodes: ReadonlyMap<NodeId, Node>;
  /** By `from>to`; absent: up. */
  readonly links: ReadonlyMap<string, Link>;
  readonly held: readonly Mail[];
  /** The highest term in which somebody led. */
  readonly led: { readonly term: number; readonly by: NodeId; readonly isOver: boolean } | null;
}

/** rule: the naive rule besides what must never be. outcome: only that, so that a mistake must come to harm. */
export type Judge = "rule" | "outcome";

/** Something that must never be, or engine and naive rule at odds. */
export class Complaint extends Error {}

/** Three daemons that have just started; `rates` of their clocks are all 1 by default. */
export function newWorld(rates: Readonly<Record<string, number>> = {}): World {
  const nodes = VOTERS.map((id, i): [NodeId, Node] => {
    const offset = 1_000 * i;
    const rate = rates[id] ?? 1;
    const node = { id, boot: 0, rate, offset, disk: null, state: null, isFrozen: false, inbox: [] };
    return [id, booted({ ...node, past: null, over: null }, CLAUSES, 0)];
  });
  return {
    step: 0,
    clauses: CLAUSES,
    judge: "rule",
    nodes: new Map(nodes),
    links: new Map(),
    held: [],
    led: null,
  };
}

/** From now on the engines live by other clauses; the naive rule does not. */
export function withClauses(world: World, clauses: Partial<Clauses>, judge: Judge): World {
  const all = { ...CLAUSES, ...clauses };
  const nodes = [...world.nodes].map(([id, node]): [NodeId, Node] => {
    const { state } = node;
    return [id, { ...node, state: state && { ...state, identity: { ...state.identity, clauses: all } } }];
  });
  return { ...world, clauses: all, judge, nodes: new Map(nodes) };
}

/** One pulse's time later; throws a Complaint when that shows something wrong. */
export function advance(before: World, fault: Fault | null): World {
  const turn = new Turn(before);
  if (fault !== null) turn.strike(fault);
  turn.run();
  return turn.world();
}

export const localTime = (node: Node, step: number): number => node.offset + step * STEP * node.rate;

function booted(node: Node, clauses: Clauses, step: number): Node {
  const at = localTime(node, step);
  const boot = node.boot + 1;
  const state = startKeeper(
    identityOf(node.id, boot, clauses),
    MEMBERS,
    { vote: node.disk, pair: null, list: null },
    instant(at),
  );
  const past: Past = { fact: { kind: "started", at, boot }, earlier: node.past };
  return { ...node, boot, state, past, isFrozen: false, inbox: [] };
}

function identityOf(self: NodeId, boot: number, clauses: Clauses): Identity {
  return {
    self,
    boot,
    isVoter: true,
    isWitness: self === "w",
    voters: VOTERS,
    quorum: 2,
    readQuorum: 2,
    isPair: false,
    kernelBoot: "k",
    watchdog: "none",
    lease: ms(LEASE),
    longestLease: ms(LEASE),
    pulse: ms(STEP),
    drift: ratio(DRIFT),
    workerSilence: ms(1e9),
    votersHash: "v",
    configHash: "c",
    list: { id: CONFIGURED, voters: VOTERS },
    floor: CONFIGURED,
    configuredHash: "v",
    clauses,
  };
}

/** One step under way; the only thing here that changes in place. */
class Turn {
  readonly #step: number;
  readonly #clauses: Clauses;
  readonly #judge: Judge;
  readonly #nodes: Map<NodeId, Node>;
  readonly #links: Map<string, Link>;
  #held: Mail[];
  #mail: Mail[] = [];
  #led: World["led"];

  constructor(before: World) {
    this.#step = before.step + 1;
    this.#clauses = before.clauses;
    this.#judge = before.judge;
    this.#nodes = new Map(before.nodes);
    this.#links = new Map(before.links);
    this.#held = [...before.held];
    this.#led = before.led;
  }

  world(): World {
    const links = new Map([...this.#links].filter(([, link]) => link !== "up"));
    return {
      step: this.#step,
      clauses: this.#clauses,
      judge: this.#judge,
      nodes: this.#nodes,
      links,
      held: this.#held,
      led: this.#led,
    };
  }

  strike(fault: Fault): void {
    switch (fault.kind) {
      case "cut":
      case "slow":
      case "hold":
        this.#links.set(`${fault.from}>${fault.to}`, fault.kind);
        return;
      case "mend":
        this.#links.delete(`${fault.from}>${fault.to}`);
        return;
      case "cut-out":
        for (const to of VOTERS) if (to !== fault.node) this.#links.set(`${fault.node}>${to}`, "cut");
        return;
      case "cut-in":
        for (const from of VOTERS) if (from !== fault.node) this.#links.set(`${from}>${fault.node}`, "cut");
        return;
      case "heal":
        this.#links.clear();
        this.#mail = this.#held;
        this.#held = [];
        return;
      case "kill":
        return this.#set({ ...this.#node(fault.node), state: null, isFrozen: false, inbox: [] });
      case "start":
      case "restart":
        return this.#set(booted(this.#node(fault.node), this.#clauses, this.#step));
      case "freeze":
        return this.#set({ ...this.#node(fault.node), isFrozen: true });
      case "thaw": {
        const node = this.#node(fault.node);
        this.#mail = node.inbox.map((pulse) => ({ to: node.id, pulse }));
        return this.#set({ ...node, isFrozen: false, inbox: [] });
      }
    }
  }

  /** What was held comes first: a daemon that wakes up finds it before its own timer. */
  run(): void {
    this.#deliver();
    for (const id of VOTERS) {
      this.#handle(id, { kind: "worker", message: { kind: "alive" } });
    }
    this.#deliver();
    for (const id of VOTERS) this.#judgeNow(id);
  }

  #deliver(): void {
    for (let next = this.#mail.shift(); next !== undefined; next = this.#mail.shift()) {
      this.#handle(next.to, { kind: "pulse", pulse: next.pulse, link: 0 });
    }
  }

  #handle(id: NodeId, event: KeeperEvent): void {
    const node = this.#node(id);
    if (node.state === null) return;
    if (node.isFrozen) {
      if (event.kind === "pulse")
        this.#set({ ...node, inbox: [...node.inbox, event.pulse].slice(-HELD_LIMIT) });
      return;
    }
    if (event.kind === "pulse") this.#note(id, { kind: "received", at: this.#now(id), pulse: event.pulse });
    if (event.kind === "vote-stored") {
      this.#note(id, { kind: "stored", at: this.#now(id), vote: event.vote });
      this.#set({ ...this.#node(id), disk: event.vote });
    }
    const turn = handleKeeper(node.state, event, instant(this.#now(id)));
    this.#set({ ...this.#node(id), state: turn.state });
    for (const effect of turn.effects) if (effect.kind === "send") this.#send(id, effect.pulse);
    this.#judgeNow(id);
    for (const effect of turn.effects) {
      if (effect.kind !== "store-vote") continue;
      this.#handle(id, { kind: "vote-stored", vote: effect.vote, ok: true, problem: null });
    }
  }

  #send(id: NodeId, pulse: Pulse): void {
    const now = this.#now(id);
    const complaint = judgeSpoken(this.#rule(id), this.#past(id), pulse, now);
    if (complaint !== null && this.#judge === "rule") throw new Complaint(`${id} ${complaint}`);
    this.#note(id, { kind: "sent", at: now, pulse });
    for (const to of VOTERS) {
      if (to === id) continue;
      const key = `${id}>${to}`;
      const link = this.#links.get(key) ?? "up";
      if (link === "up") this.#mail.push({ to, pulse });
      if (link === "slow" || link === "hold") this.#hold({ to, pulse });
      if (link === "hold") this.#links.set(key, "up");
    }
  }

  #hold(mail: Mail): void {
    const same = (other: Mail) => other.to === mail.to && other.pulse.from === mail.pulse.from;
    if (this.#held.filter(same).length >= HELD_LIMIT) this.#held.splice(this.#held.findIndex(same), 1);
    this.#held.push(mail);
  }

  #judgeNow(id: NodeId): void {
    const { state } = this.#node(id);
    if (state === null || this.#node(id).isFrozen) return;
    this.#judgeActing(id, state);
    this.#judgeLeading(id, state);
    this.#judgeExcluded(id, state);
  }

  #judgeActing(id: NodeId, state: KeeperState): void {
    const now = this.#now(id);
    const engine = state.acting.mayAct && now < state.acting.until;
    const naive = mayAct(this.#rule(id), this.#past(id), now);
    if (engine !== naive && this.#judge === "rule") {
      throw new Complaint(
        `${id} ${engine ? "acts" : "does not act"}, by the naive rule it ${naive ? "may" : "may not"}`,
      );
    }
    const { over } = this.#node(id);
    if (engine && over !== null && !isLater(state.acting.session, over)) {
      throw new Complaint(`${id} acts in a session that a leader knew to be over`);
    }
  }

  #judgeLeading(id: NodeId, state: KeeperState): void {
    const { leading } = state;
    const now = this.#now(id);
    const led = this.#led;
    const leads = leading.kind === "leads" && now < leading.until;
    if (leading.kind !== "no" && this.#judge === "rule") {
      const elected = isElected(this.#rule(id), this.#past(id), now, leading.term);
      if (leads !== elected) {
        throw new Complaint(
          `${id} ${leads ? "leads" : "does not lead"} in ${leading.term}, by the naive rule not so`,
        );
      }
    }
    if (led?.by === id && !led.isOver && !(leads && leading.term === led.term)) {
      this.#led = { ...led, isOver: true };
    }
    if (!leads || (led?.by === id && led.term === leading.term && !led.isOver)) return;
    if (led !== null && leading.term <= led.term) {
      throw new Complaint(`${id} leads in term ${leading.term}, after ${led.by} in term ${led.term}`);
    }
    for (const other of this.#nodes.values()) {
      const theirs = other.state?.leading;
      if (other.id === id || theirs?.kind !== "leads" || this.#now(other.id) >= theirs.until) continue;
      throw new Complaint(`${id} and ${other.id} lead at the same time`);
    }
    this.#led = { term: leading.term, by: id, isOver: false };
  }

  #judgeExcluded(id: NodeId, state: KeeperState): void {
    for (const [excluded, member] of state.ledMembers) {
      if (member.kind !== "excluded") continue;
      const node = this.#node(excluded);
      const now = this.#now(excluded);
      const { state: theirs, past } = node;
      const acts = theirs?.acting.mayAct === true && now < theirs.acting.until;
      if (acts || (theirs !== null && past !== null && mayAct(this.#rule(excluded), past, now))) {
        throw new Complaint(`${excluded} may act while ${id} knows it to be excluded`);
      }
      const session = node.state?.acting.session ?? { boot: node.boot, lapses: Number.MAX_SAFE_INTEGER };
      if (node.over === null || isLater(session, node.over)) this.#set({ ...node, over: session });
    }
  }

  #note(id: NodeId, fact: Fact): void {
    const node = this.#node(id);
    this.#set({ ...node, past: { fact, earlier: node.past } });
  }

  #past(id: NodeId): Past {
    const { past } = this.#node(id);
    if (past === null) throw new Error(`${id} never started`);
    return past;
  }

  #rule(id: NodeId): Rule {
    return { self: id, voters: VOTERS, lease: LEASE, drift: DRIFT };
  }

  #now(id: NodeId): number {
    return localTime(this.#node(id), this.#step);
  }

  #node(id: NodeId): Node {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  #set(node: Node): void {
    this.#nodes.set(node.id, node);
  }
}

function isLater(a: Session, b: Session): boolean {
  return a.boot > b.boot || (a.boot === b.boot && a.lapses > b.lapses);
}
