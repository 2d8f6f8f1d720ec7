// Messages between workers over sealed datagrams: in fragments, acknowledged, sent again while it makes sense.

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { assert } from "#lib/assert.ts";
import type { NodeId } from "#model/ids.ts";
import type { Message } from "#model/order.ts";
import { foreignProtocol, IS_AHEAD } from "#model/protocol.ts";
import type { DatagramPort, OpenDatagrams, ReceivedDatagram } from "#ports/datagrams.ts";
import type { PeerPort } from "#ports/peer.ts";
import { completed } from "./defaults.ts";
import { Inbox, type Whole } from "./inbox.ts";
import { isHonest, isMessage, isOfUnknownKind, slotOf } from "./message.ts";
import { Outbox, type Parcel } from "./outbox.ts";
import {
  type Ack,
  decodePacket,
  encodePacket,
  FRAGMENT_BYTES,
  type Fragment,
  MESSAGE_LIMIT,
} from "./packets.ts";

/** Ms between looks at what was not acknowledged, while there is any. */
const TICK = 10;
/** What a program that is built to speak as a later version adds to every message. */
const AHEAD = "what only a later version knows";

export interface PeerOptions {
  readonly me: NodeId;
  /** As given to the datagrams. */
  readonly boot: number;
  /** For the purpose "message", on the port after the configured one. */
  readonly open: OpenDatagrams;
  readonly received: (from: NodeId, message: Message) => void;
}

export interface PeerCounters {
  readonly sent: number;
  readonly received: number;
  /** Given up: never acknowledged as a whole, or too many at once. */
  readonly lost: number;
  /** Authentic, whole, and no message, or one in another's name. */
  readonly malformed: number;
  /** Of a kind that only a later version has: passed over. */
  readonly unknown: number;
}

export interface Peers extends PeerPort {
  readonly counters: PeerCounters;
  /** Counters and a change of members: of the datagrams below. */
  readonly datagrams: DatagramPort;
  /** For good, datagrams included; what is under way is lost. */
  close(): void;
}

export function createPeers(options: PeerOptions): Peers {
  return new PeerDriver(options);
}

class PeerDriver implements Peers {
  readonly datagrams: DatagramPort;
  readonly #options: PeerOptions;
  readonly #outboxes = new Map<NodeId, Outbox>();
  readonly #inboxes = new Map<NodeId, Inbox>();
  /** On which link each peer was heard last: that one works, at least one way. */
  readonly #heardOn = new Map<NodeId, number>();
  readonly #unanswered = new Set<NodeId>();
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  #sent = 0;
  #received = 0;
  #malformed = 0;
  #unknown = 0;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.datagrams = options.open((datagram) => this.#take(datagram));
  }

  get counters(): PeerCounters {
    let lost = 0;
    for (const outbox of this.#outboxes.values()) lost += outbox.lost;
    return {
      sent: this.#sent,
      received: this.#received,
      lost,
      malformed: this.#malformed,
      unknown: this.#unknown,
    };
  }

  send(to: NodeId, message: Message): void {
    if (this.#isClosed) return;
    this.#sent++;
    if (to === this.#options.me) {
      setImmediate(() => this.#deliver(to, message));
      return;
    }
    const parcel = pack(message);
    if (this.datagrams.linksTo(to) === 0) return;
    this.#outboxOf(to).put(parcel, performance.now());
    this.#tickLater();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.datagrams.close();
  }

  #take({ from, boot, number, link, body }: ReceivedDatagram): boolean {
    const packet = decodePacket(body);
    // A member of another protocol is told of by its pulses.
    if (packet === null) return foreignProtocol(body) !== null;
    this.#heardOn.set(from, link);
    return packet.kind === "ack"
      ? this.#foldAck(from, packet)
      : this.#foldFragment(from, boot, packet, number);
  }

  #foldAck(from: NodeId, ack: Ack): boolean {
    if (ack.boot === this.#options.boot) this.#outboxes.get(from)?.acknowledge(ack, performance.now());
    this.#restIfIdle();
    return true;
  }

  #foldFragment(from: NodeId, boot: number, fragment: Fragment, number: number): boolean {
    let inbox = this.#inboxes.get(from);
    if (inbox?.boot !== boot) inbox = new Inbox(boot);
    this.#inboxes.set(from, inbox);
    const whole = inbox.put(fragment, number, performance.now());
    if (whole === "contradiction") return false;
    // One acknowledgement for all that is read in this turn of the event loop.
    if (this.#unanswered.size === 0) setImmediate(() => this.#sendAcks());
    this.#unanswered.add(from);
    if (whole !== null) this.#judge(from, whole);
    return true;
  }

  #judge(from: NodeId, whole: Whole): void {
    const value = unpack(whole);
    if (isOfUnknownKind(value)) this.#unknown++;
    else if (!isMessage(value) || !isHonest(value, from, this.#options.me)) this.#malformed++;
    else this.#deliver(from, value);
  }

  #deliver(from: NodeId, message: Message): void {
    if (this.#isClosed) return;
    this.#received++;
    this.#options.received(from, message);
  }

  #sendAcks(): void {
    const peers = [...this.#unanswered];
    this.#unanswered.clear();
    if (this.#isClosed) return;
    for (const peer of peers) {
      for (const ack of this.#inboxes.get(peer)?.takeAcks() ?? []) {
        this.datagrams.send(encodePacket(ack), [peer], this.#heardOn.get(peer) ?? 0);
      }
    }
  }

  #outboxOf(peer: NodeId): Outbox {
    const known = this.#outboxes.get(peer);
    if (known !== undefined) return known;
    const outbox = new Outbox((fragment, attempt) => {
      const links = Math.max(1, this.datagrams.linksTo(peer));
      const link = ((this.#heardOn.get(peer) ?? 0) + attempt) % links;
      return this.datagrams.send(encodePacket(fragment), [peer], link);
    });
    this.#outboxes.set(peer, outbox);
    return outbox;
  }

  /** With nothing under way there is nothing to look at: the timer would wake the daemon for that alone. */
  #restIfIdle(): void {
    if (this.#timer === null) return;
    for (const outbox of this.#outboxes.values()) if (!outbox.isIdle) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #tickLater(): void {
    if (this.#timer !== null || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const now = performance.now();
      let isBusy = false;
      for (const outbox of this.#outboxes.values()) {
        outbox.tick(now);
        isBusy ||= !outbox.isIdle;
      }
      if (isBusy) this.#tickLater();
    }, TICK);
  }
}

/** What fits into one datagram goes as it is. A message of more than MESSAGE_LIMIT bytes is a bug. */
function pack(message: Message): Parcel {
  const slot = slotOf(message);
  const plain = Buffer.from(JSON.stringify(IS_AHEAD ? { ...message, ahead: AHEAD } : message));
  assert(plain.length <= MESSAGE_LIMIT, `a message of ${plain.length} bytes (${slot}) is at most a megabyte`);
  if (plain.length <= FRAGMENT_BYTES) return { slot, bytes: plain, isDeflated: false };
  const deflated = deflateRawSync(plain, { level: 1 });
  const isSmaller = deflated.length < plain.length;
  return { slot, bytes: isSmaller ? deflated : plain, isDeflated: isSmaller };
}

/** As the version before this one may have sent it too: what it does not have has its default. */
function unpack({ bytes, isDeflated }: Whole): unknown {
  try {
    const plain = isDeflated ? inflateRawSync(bytes, { maxOutputLength: MESSAGE_LIMIT }) : bytes;
    return completed(JSON.parse(Buffer.from(plain.buffer, plain.byteOffset, plain.length).toString()));
  } catch {
    // Neither zlib nor JSON has a way to ask first.
    return null;
  }
}
