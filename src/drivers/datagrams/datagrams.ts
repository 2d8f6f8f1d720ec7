// Sealed datagrams over every link of this node.

import { assert } from "#lib/assert.ts";
import { ByteReader, ByteWriter, TEXT_LIMIT } from "#lib/bytes.ts";
import type { MemberConfig } from "#model/config.ts";
import { type NodeId, nodeId } from "#model/ids.ts";
import {
  BODY_LIMIT,
  type DatagramCounters,
  type DatagramPort,
  type DatagramReceiver,
  type OpenDatagrams,
} from "#ports/datagrams.ts";
import { Link, type LinkProblem } from "./link.ts";
import { createOpener, createSealer, type KeyRing, type Opened, SEAL_BYTES } from "./seal.ts";
import { NODE_SOCKETS, type Sockets } from "./sockets.ts";

export interface DatagramOptions extends KeyRing {
  readonly me: NodeId;
  /** This daemon's boot number: larger than in all its lives before, or nobody listens. */
  readonly boot: number;
  readonly members: readonly MemberConfig[];
  /** The same on every member. */
  readonly port: number;
  /** A datagram this much older than its sender's newest is refused as replayed. */
  readonly replayWindow: number;
  /** Bytes of each socket's buffer for what was not read yet. */
  readonly receiveBuffer: number;
  readonly listener: DatagramListener;
  /** Without: those of Node's event loop. */
  readonly sockets?: Sockets;
}

export interface DatagramListener {
  /**
   * Called once, when every link was tried. Null: at least one is open and none is forbidden. A sentence: the
   * daemon cannot run (a port in use, say, or no address of its own on this host); the port is closed.
   */
  ready(problem: string | null): void;
  /** A link changed for the worse (a sentence naming its address) or is well again (null). It is retried. */
  link(index: number, problem: string | null): void;
}

/** Pulses overtake each other by a few when two links differ; what is older serves nobody. */
export const PULSE_WINDOW = 64;
/** A large message is some 900 datagrams, and a slow link may lag behind the other by all of them. */
export const MESSAGE_WINDOW = 4096;
/** Bytes. The kernel doubles it and counts at least 768 for a datagram: some 340 pulses. */
export const PULSE_BUFFER = 128 * 1024;
/** Bytes. Several members may send large messages to a leader at once. */
export const MESSAGE_BUFFER = 1024 * 1024;

/** The sender's name and boot number, in front of the body. */
const ENVELOPE_LIMIT = 1 + TEXT_LIMIT + 8;
const DATAGRAM_LIMIT = SEAL_BYTES + ENVELOPE_LIMIT + BODY_LIMIT;

/** Opens nothing yet: the pulse and the peer driver call what it returns, with their receiver. */
export function datagramsOf(options: DatagramOptions): OpenDatagrams {
  return (received) => new Datagrams(options, received);
}

/** The part of a sender's life that is remembered. */
interface Heard {
  readonly boot: number;
  readonly life: string;
  readonly newest: number;
}

class Datagrams implements DatagramPort {
  readonly counters = {
    sent: 0,
    unsent: 0,
    received: 0,
    refused: { notAuthentic: 0, malformed: 0, foreignSender: 0, tooLarge: 0, replayed: 0 },
  } satisfies DatagramCounters;
  readonly #options: DatagramOptions;
  readonly #received: DatagramReceiver;
  readonly #seal;
  readonly #open;
  readonly #content = new ByteWriter(ENVELOPE_LIMIT + BODY_LIMIT, "a datagram's content");
  readonly #heard = new Map<NodeId, Heard>();
  /** The others' addresses; an index without a partner of the same family is undefined. */
  #peers = new Map<NodeId, readonly (string | undefined)[]>();
  #links: Link[] = [];
  #isReady = false;
  #isClosed = false;
  #states: (LinkProblem | null | undefined)[] = [];

  constructor(options: DatagramOptions, received: DatagramReceiver) {
    this.#options = options;
    this.#received = received;
    this.#seal = createSealer(options);
    this.#open = createOpener(options);
    this.setMembers(options.members);
  }

  send(body: Uint8Array, to: readonly NodeId[], link: number | "all"): number {
    assert(body.length <= BODY_LIMIT, `a body of ${body.length} bytes fits into a datagram`);
    const content = this.#content;
    content.reset();
    content.text(this.#options.me);
    content.whole(this.#options.boot);
    content.raw(body);
    const { datagram, number } = this.#seal.seal(content.written());
    for (const node of to) {
      const addresses = this.#peers.get(node) ?? [];
      for (const [index, address] of addresses.entries()) {
        if (address === undefined || (link !== "all" && link !== index)) continue;
        this.counters.sent++;
        this.#links[index]?.send(datagram, address, this.#options.port);
      }
    }
    return number;
  }

  linksTo(node: NodeId): number {
    return this.#peers.get(node)?.length ?? 0;
  }

  setMembers(members: readonly MemberConfig[]): void {
    const me = members.find((member) => member.id === this.#options.me);
    assert(me !== undefined, `${this.#options.me} is a member`);
    const own = me.links;
    this.#peers = new Map();
    for (const { id, links } of members) {
      if (id === me.id) continue;
      const common = links.slice(0, own.length);
      // Two families on one link cannot reach each other.
      this.#peers.set(
        id,
        common.map((address, i) => (isV6(address) === isV6(own[i] ?? "") ? address : undefined)),
      );
    }
    for (const [index, link] of this.#links.entries()) {
      if (link.address !== own[index]) link.close();
    }
    const before = this.#links;
    this.#states = own.map((address, i) => (before[i]?.address === address ? this.#states[i] : undefined));
    const opened: Link[] = [];
    this.#links = own.map((address, index) => {
      const kept = before[index];
      if (kept?.address === address) return kept;
      const link = this.#createLink(address, index);
      opened.push(link);
      return link;
    });
    for (const link of opened) link.open();
  }

  close(): void {
    this.#isClosed = true;
    for (const link of this.#links) link.close();
  }

  #createLink(address: string, index: number): Link {
    const { port, receiveBuffer, sockets = NODE_SOCKETS } = this.#options;
    return new Link(
      { address, port, receiveBuffer, sockets },
      {
        datagram: (bytes) => this.#take(bytes, index),
        unsent: () => {
          this.counters.unsent++;
        },
        // A socket is bound within `open` or a tick later; the listener hears of it later either way.
        state: (problem) => setImmediate(() => this.#judgeLink(index, address, problem)),
      },
    );
  }

  #judgeLink(index: number, address: string, problem: LinkProblem | null): void {
    if (this.#isClosed || this.#links[index]?.address !== address) return;
    this.#states[index] = problem;
    const { listener } = this.#options;
    if (this.#isReady || problem !== null) listener.link(index, problem?.text ?? null);
    if (this.#isReady || this.#states.includes(undefined)) return;
    this.#isReady = true;
    const fatal = fatalProblem(this.#states);
    if (fatal !== null) this.close();
    listener.ready(fatal);
  }

  #take(bytes: Uint8Array, link: number): void {
    const { refused } = this.counters;
    if (bytes.length > DATAGRAM_LIMIT) {
      refused.tooLarge++;
      return;
    }
    const opened = this.#open(bytes);
    switch (opened.kind) {
      case "malformed":
        refused.malformed++;
        return;
      case "not-authentic":
        refused.notAuthentic++;
        return;
      case "opened":
        this.#judge(opened, link);
    }
  }

  #judge({ content, life, number }: Opened & { readonly kind: "opened" }, link: number): void {
    const { refused } = this.counters;
    const reader = new ByteReader(content);
    const from = nodeId(reader.name());
    const boot = reader.whole();
    const body = reader.rest();
    if (!reader.ok) refused.malformed++;
    else if (!this.#peers.has(from)) refused.foreignSender++;
    else if (!this.#isFresh(from, { boot, life, newest: number })) refused.replayed++;
    else if (this.#received({ from, boot, number, link, body })) this.counters.received++;
    else refused.malformed++;
  }

  /**
   * Of each sender the newest boot counts, and within it the newest numbers. The same datagram over another link
   * passes. After our own restart everything passes once more: the engine and the worker, not this guard, keep
   * old statements from doing harm.
   */
  #isFresh(from: NodeId, seen: Heard): boolean {
    const heard = this.#heard.get(from);
    if (heard === undefined || seen.boot > heard.boot) {
      this.#heard.set(from, seen);
      return true;
    }
    if (seen.boot < heard.boot || seen.life !== heard.life) return false;
    if (seen.newest > heard.newest) this.#heard.set(from, seen);
    return seen.newest > heard.newest - this.#options.replayWindow;
  }
}

/** A port in use or forbidden is fatal on any link; a missing address only when there is no other. */
function fatalProblem(states: readonly (LinkProblem | null | undefined)[]): string | null {
  const problems = states.filter((state) => state !== null && state !== undefined);
  const hard = problems.filter((problem) => problem.kind !== "missing");
  if (hard.length === 0 && problems.length < states.length) return null;
  return (hard.length > 0 ? hard : problems).map((problem) => problem.text).join("; ");
}

const isV6 = (address: string): boolean => address.includes(":");
