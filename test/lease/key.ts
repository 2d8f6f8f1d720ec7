// Tells worlds apart, up to what no rule can see: when it is, what the numbers are, which terms were skipped.
//
// Instants become ages, pulse numbers and sessions distances to the newest, terms ranks. Two worlds with one key
// then have the same future, so the walk goes on from one of them.

import type { KeeperState, Leading, LedMember } from "#engine/lease/state.ts";
import type { Peer } from "#engine/membership/peers.ts";
import type { NodeId } from "#model/ids.ts";
import type { Pulse, ResetId, Vote } from "#model/pulse.ts";
import type { Session } from "#model/session.ts";
import type { Node, World } from "./world.ts";
import { localTime, STEP, VOTERS } from "./world.ts";

/** Nothing asks whether something is longer ago than this, ms of a node's own clock. */
const LONG_AGO = 12 * STEP;

export function keyOf(world: World): string {
  const text = new KeyText(world);
  for (const node of world.nodes.values()) text.node(node);
  for (const [link, how] of [...world.links].sort()) text.add(link, how);
  for (const { to, pulse } of world.held) {
    text.add("held", to, pulse.from);
    text.pulse(pulse);
  }
  text.add("led", world.led?.by ?? "-", world.led?.isOver ?? "-");
  text.term(world.led?.term ?? 0);
  return text.done();
}

type Part = string | number | boolean;

class KeyText {
  readonly #world: World;
  /** A term stands as an object until all are known. */
  readonly #parts: (Part | { readonly term: number })[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  add(...parts: readonly Part[]): void {
    this.#parts.push(...parts);
  }

  term(term: number | null): void {
    this.#parts.push(term === null ? "-" : { term });
  }

  done(): string {
    const terms = new Set<number>();
    for (const part of this.#parts) if (typeof part === "object") terms.add(part.term);
    const ranks = new Map([...terms].sort((a, b) => a - b).map((term, i) => [term, i]));
    return this.#parts
      .map((part) => (typeof part === "object" ? `t${ranks.get(part.term)}` : part))
      .join(" ");
  }

  node(node: Node): void {
    const { state, over } = node;
    this.add("\nnode", node.id, node.isFrozen, state === null);
    this.vote(node.disk);
    this.add("over", ...(over === null ? ["-"] : this.#session(node.id, over)));
    for (const pulse of node.inbox) this.pulse(pulse);
    if (state !== null) this.#state(node, state);
  }

  pulse(pulse: Pulse): void {
    const { heard, from } = pulse;
    this.add(
      "\npulse",
      ...this.#number(from, pulse.session.boot, pulse.number),
      ...this.#session(from, pulse.session),
    );
    for (const h of heard) this.add(h.node, ...this.#number(h.node, h.boot, h.number), h.counts);
    this.add(
      "says",
      pulse.voteIsFree,
      pulse.left,
      pulse.hurry,
      ...pulse.exclude,
      "readmit",
      ...pulse.readmit,
    );
    this.vote(pulse.vote);
    for (const term of [pulse.term, pulse.candidate, pulse.leads, pulse.gaveUp]) this.term(term);
    for (const { node, term } of pulse.promises) {
      this.add("promise", node);
      this.term(term);
    }
    for (const { node, id } of pulse.reset) {
      this.add("reset", node);
      this.#reset(id);
    }
    this.#reset(pulse.resetDone);
  }

  vote(vote: Vote | null): void {
    this.add(vote?.for ?? "-");
    this.term(vote?.term ?? null);
  }

  #state(node: Node, state: KeeperState): void {
    const now = localTime(node, this.#world.step);
    const age = (at: number): number => Math.round(Math.max(-LONG_AGO, Math.min(LONG_AGO, now - at)));
    const { acting, voter, leading, sent } = state;
    this.add("sent", age(sent.lastAt), ...sent.recent.map((p) => age(p.at)), "start", age(state.startedAt));
    this.add(state.mute, "free", state.freeQuorumSince === null ? "-" : age(state.freeQuorumSince));
    this.term(state.term);
    this.add("acting", acting.mayAct, age(acting.until));
    this.#reset(acting.resetDone);
    for (const vote of [voter.vote, voter.stored, voter.storing]) this.vote(vote);
    for (const [of, term] of voter.promises) {
      this.add("promised", of);
      this.term(term);
    }
    this.#leading(leading, age);
    for (const [id, member] of state.ledMembers) this.#led(id, member, sent.number);
    for (const peer of state.peers) this.#peer(peer, age);
    this.#spoken(node, state);
  }

  #leading(leading: Leading, age: (at: number) => number): void {
    this.add(leading.kind, leading.kind === "no" ? age(leading.runNotBefore) : age(leading.until));
    this.term(leading.gaveUp);
    if (leading.kind !== "no") this.term(leading.term);
  }

  #led(id: NodeId, member: LedMember, sent: number): void {
    this.add("\nled", id, member.kind);
    if (member.kind === "asking") this.add(Math.min(sent - member.after, LONG_AGO / STEP));
    if (member.kind === "resetting") {
      this.add(member.certain);
      this.#reset(member.id);
    }
  }

  #peer(peer: Peer, age: (at: number) => number): void {
    this.add("\npeer", peer.id, age(peer.heardAt), age(peer.usableUntil), age(peer.acknowledgesUntil));
    if (peer.pulse !== null) this.pulse(peer.pulse);
  }

  /** What was said last decides when the next pulse goes. */
  #spoken(node: Node, state: KeeperState): void {
    const { spoken } = state;
    if (spoken === null) return;
    this.add("spoken", ...this.#session(node.id, spoken.session), spoken.voteIsFree, ...spoken.exclude);
    this.add("readmit", ...spoken.readmit, "reset", ...spoken.reset.map((r) => r.node));
    this.add("promises", ...spoken.promises.map((p) => p.node));
    this.vote(spoken.vote);
    for (const term of [spoken.candidate, spoken.leads, spoken.gaveUp]) this.term(term);
    this.#reset(spoken.resetDone);
  }

  #reset(id: ResetId | null): void {
    this.add(id?.number ?? "-");
    this.term(id?.term ?? null);
  }

  #session(of: NodeId, session: Session): readonly Part[] {
    const node = this.#world.nodes.get(of);
    const newest = node?.state?.acting.session;
    const lives = (node?.boot ?? 0) - session.boot;
    return [lives, newest?.boot === session.boot ? newest.lapses - session.lapses : session.lapses];
  }

  #number(of: NodeId, boot: number, number: number): readonly Part[] {
    const node = this.#world.nodes.get(of);
    const newest = node?.boot === boot ? node.state?.sent.number : undefined;
    return [(node?.boot ?? 0) - boot, newest === undefined ? number : newest - number];
  }
}

/** For messages: who is who at a glance. */
export function sketch(world: World): string {
  return VOTERS.map((id) => {
    const node = world.nodes.get(id);
    const state = node?.state ?? null;
    if (node === undefined || state === null) return `${id} dead`;
    const { leading } = state;
    const parts = [id, node.isFrozen ? "frozen" : state.acting.mayAct ? "acts" : "waits"];
    if (leading.kind !== "no") parts.push(`${leading.kind} in ${leading.term}`);
    if (state.voter.promises.size > 0) parts.push(`promised ${[...state.voter.promises.keys()].join(" ")}`);
    return parts.join(" ");
  }).join(", ");
}
