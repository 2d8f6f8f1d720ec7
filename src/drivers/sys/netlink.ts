// A netlink socket that is asked and read without waiting: the kernel answers inside the call that sends.

import { EAGAIN, EINTR, ENOBUFS, ENODATA } from "./errno.ts";
import {
  AF_NETLINK,
  addressOf,
  bindSocket,
  closeSocket,
  openSocket,
  receive,
  SOCK_RAW,
  send,
  sendInBackground,
  setOption,
  setReceiveBuffer,
} from "./libc.ts";
import { type Message, readMessages } from "./message.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
const NLM_F_DUMP_INTR = 0x10;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const NETLINK_CAP_ACK = 10;
/** As large as the kernel makes a piece of a dump. */
const RECEIVE_BYTES = 65536;
/** Notifications waiting: enough for a burst while the thread is held up. */
const BUFFER_BYTES = 1 << 20;
/** An answer has few messages; a dump of thousands of rules some hundred pieces. */
const RECEIVE_LIMIT = 4096;
const DUMP_TRIES = 5;

/** The kernel as the receiver: struct sockaddr_nl with port id 0. */
const KERNEL = sockaddrNl(0);

export interface Refusal {
  /** Number of the message that was refused. */
  readonly seq: number;
  /** A positive errno. */
  readonly errno: number;
}

/** What the kernel answered to messages that ask for acknowledgement. */
export interface Answer {
  /** 0: all accepted; otherwise the errno of the first refusal, or of the socket. */
  readonly errno: number;
  readonly refusals: readonly Refusal[];
}

export class NetlinkSocket {
  readonly fd: number;
  readonly #buffer = Buffer.alloc(RECEIVE_BYTES);
  #seq = 0;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Opens and binds; `groups` is the mask of the multicast groups 1 to 32. A negated errno when it fails. */
  static open(protocol: number, groups = 0): NetlinkSocket | number {
    const fd = openSocket(AF_NETLINK, SOCK_RAW, protocol);
    if (fd < 0) return fd;
    setReceiveBuffer(fd, BUFFER_BYTES);
    // Refusals without the refused message, which may be long; older kernels send it along, which is no harm.
    for (const name of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) {
      setOption(fd, { level: SOL_NETLINK, name, value: Uint8Array.of(1, 0, 0, 0) });
    }
    const bound = bindSocket(fd, sockaddrNl(groups));
    if (bound >= 0) return new NetlinkSocket(fd);
    closeSocket(fd);
    return bound;
  }

  /** The number by which the kernel tells this socket's messages from those of others; or a negated errno. */
  portId(): number {
    const address = sockaddrNl(0);
    const result = addressOf(this.fd, address);
    return result < 0 ? result : address.readUInt32LE(4);
  }

  /** The next message number, never 0. */
  nextSeq(): number {
    this.#seq = (this.#seq + 1) >>> 0 || 1;
    return this.#seq;
  }

  /**
   * Sends messages with NLM_F_ACK and reads what the kernel says to them; never waits.
   *
   * The kernel handles them before `send` returns, so an answer that is not there will not come: without a
   * single acknowledgement it is unknown whether anything happened, and the errno is ENODATA.
   */
  request(messages: Uint8Array): Answer {
    this.drain();
    const sent = send(this.fd, messages, KERNEL);
    if (sent < 0) return { errno: -sent, refusals: [] };
    const refusals: Refusal[] = [];
    let answers = 0;
    const trouble = this.#receiveAll((message) => {
      if (message.type !== NLMSG_ERROR || message.body.length < 4) return;
      answers++;
      const errno = -message.body.readInt32LE(0);
      if (errno !== 0) refusals.push({ seq: message.seq, errno });
    });
    const silent = answers === 0 ? ENODATA : 0;
    return { errno: refusals[0]?.errno ?? (trouble || silent), refusals };
  }

  /** Sends messages without NLM_F_ACK from another thread; `done` when the kernel has handled them, or not. */
  post(messages: Uint8Array, done: () => void): void {
    this.drain();
    sendInBackground(this.fd, messages, KERNEL, done);
  }

  /** Sends one question and returns the messages of the answer, of a dump all of them; or a negated errno. */
  ask(question: Uint8Array): Message[] | number {
    for (let tries = 0; tries < DUMP_TRIES; tries++) {
      this.drain();
      const sent = send(this.fd, question, KERNEL);
      if (sent < 0) return sent;
      const answers: Message[] = [];
      let errno = 0;
      let changedMeanwhile = false;
      const trouble = this.#receiveAll((message) => {
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) changedMeanwhile = true;
        if (message.type === NLMSG_ERROR) errno = -message.body.readInt32LE(0);
        else if (message.type !== NLMSG_DONE) answers.push({ ...message, body: Buffer.from(message.body) });
      });
      if (errno !== 0 || trouble !== 0) return -(errno || trouble);
      if (!changedMeanwhile) return answers;
    }
    return -EINTR;
  }

  /** Notifications that wait, each handed over; "lost" when the kernel had to drop some. */
  poll(take: (message: Message) => void, limit: number): "complete" | "lost" {
    for (let reads = 0; reads < limit; reads++) {
      const length = receive(this.fd, this.#buffer);
      if (length === -EAGAIN) return "complete";
      if (length === -EINTR) continue;
      if (length < 0) return "lost";
      for (const message of readMessages(this.#buffer.subarray(0, length))) take(message);
    }
    return "complete";
  }

  /** Throws away what waits, as after an answer that nobody read to its end. */
  drain(): void {
    for (let reads = 0; reads < RECEIVE_LIMIT; reads++) {
      const length = receive(this.fd, this.#buffer);
      if (length < 0 && length !== -ENOBUFS && length !== -EINTR) return;
    }
  }

  close(): void {
    closeSocket(this.fd);
  }

  /** Reads until nothing is left; a positive errno when that ended otherwise than with EAGAIN. */
  #receiveAll(take: (message: Message) => void): number {
    for (let reads = 0; reads < RECEIVE_LIMIT; reads++) {
      const length = receive(this.fd, this.#buffer);
      if (length === -EAGAIN) return 0;
      if (length === -EINTR) continue;
      if (length < 0) return -length;
      for (const message of readMessages(this.#buffer.subarray(0, length))) take(message);
    }
    return 0;
  }
}

/** struct sockaddr_nl: family, padding, port id (0: let the kernel choose), groups. */
function sockaddrNl(groups: number): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(groups >>> 0, 8);
  return address;
}
