// One link of this node: a UDP socket bound to one of its own addresses, whenever that address is there.

import { createSocket, type Socket, type SocketType } from "node:dgram";
import { isIPv6 } from "node:net";

/** How often a link whose address is missing is tried again, in ms: soon enough for an interface that blinks. */
const LOOK_EVERY = 250;
/** Datagrams that the kernel has not taken yet. A pulse that waits in a queue is too old when it goes out. */
const QUEUE_LIMIT = 64;

export interface LinkOptions {
  /** A canonical IP address of this host. */
  readonly address: string;
  readonly port: number;
  /** Bytes; the kernel doubles it and caps it (net.core.rmem_max). */
  readonly receiveBuffer: number;
}

export interface LinkListener {
  /** The bytes belong to the listener. */
  datagram(bytes: Uint8Array): void;
  /** The network did not take one datagram. */
  unsent(): void;
  /** A sentence: the link cannot be used at present. Null: it can, for the first time or again. */
  state(problem: LinkProblem | null): void;
}

export interface LinkProblem {
  /** missing: the address is not on this host, which may change by itself. */
  readonly kind: "missing" | "taken" | "other";
  readonly text: string;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  readonly #isV6: boolean;
  #socket: Socket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #lookedAt = 0;
  #isClosed = false;
  #reported: string | null | undefined;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
    this.#isV6 = isIPv6(options.address);
  }

  get address(): string {
    return this.#options.address;
  }

  /** Tries at once and, until `close`, again and again; `state` tells each change. */
  open(): void {
    this.#timer = null;
    const socket = this.#create();
    let isBinding = true;
    socket.on("error", (error) => {
      // One that we closed may still complain; it is nobody's any more.
      if (!isBinding && this.#socket !== socket) return;
      isBinding = false;
      this.#socket = null;
      socket.close();
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      this.#report(bindProblem(this.#options, error));
      this.#later(() => this.open());
    });
    socket.on("listening", () => {
      isBinding = false;
      this.#socket = socket;
      if (this.#isClosed) this.close();
      else this.#ifOwn(socket, () => this.#report(null));
    });
    socket.on("message", (bytes) => {
      if (!this.#isClosed) this.#listener.datagram(bytes);
    });
    socket.bind({ port: this.#options.port, address: this.#options.address, exclusive: true });
  }

  /** Never waits, never fails. */
  send(datagram: Uint8Array, address: string, port: number): void {
    const socket = this.#socket;
    if (socket === null || socket.getSendQueueCount() >= QUEUE_LIMIT) {
      this.#listener.unsent();
      return;
    }
    socket.send(datagram, port, address, (error) => {
      if (error === null) return;
      this.#listener.unsent();
      if ("code" in error && DOUBTFUL.has(String(error.code))) this.#doubt();
    });
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#socket?.close();
    this.#socket = null;
  }

  #create(): Socket {
    const type: SocketType = this.#isV6 ? "udp6" : "udp4";
    const family = this.#isV6 ? 6 : 4;
    return createSocket({
      type,
      ipv6Only: this.#isV6,
      recvBufferSize: this.#options.receiveBuffer,
      // Every address here is one already. Without this each datagram would wait a tick for a resolver.
      lookup: (hostname, _options, found) => found(null, hostname, family),
    });
  }

  /** Looks whether the address is still there, but not for each datagram anew. */
  #doubt(): void {
    const now = performance.now();
    if (this.#timer !== null || now - this.#lookedAt < LOOK_EVERY) return;
    this.#lookedAt = now;
    this.#look();
  }

  /**
   * Binds another socket to the address, on any port. The one in use stays open: the kernel goes on with it as
   * soon as the address is back, without a moment of deafness.
   */
  #look(): void {
    this.#timer = null;
    if (this.#isClosed) return;
    const probe = this.#create();
    probe.on("error", (error) => {
      probe.close();
      const problem = bindProblem(this.#options, error);
      if (problem.kind !== "missing") return;
      this.#report(problem);
      this.#later(() => this.#look());
    });
    probe.on("listening", () => {
      probe.close();
      // Without a socket of its own the link is not well; opening it is under way.
      const socket = this.#socket;
      if (socket !== null) this.#ifOwn(socket, () => this.#report(null));
    });
    probe.bind({ port: 0, address: this.#options.address, exclusive: true });
  }

  /**
   * Goes on if the address is really on this host: hosts of floating addresses often let sockets bind to absent
   * ones (net.ipv4.ip_nonlocal_bind), and then a second daemon of a node's name would take itself for it. To one
   * of its own addresses the kernel talks from that very address; nothing is sent.
   */
  #ifOwn(socket: Socket, then: () => void): void {
    // All of 127.0.0.0/8 is every host's own, whatever it answers from.
    if (this.#options.address.startsWith("127.")) return then();
    const question = this.#create();
    const answer = (isOwn: boolean) => {
      question.close();
      if (this.#isClosed || this.#socket !== socket) return;
      if (isOwn) return then();
      this.#socket = null;
      socket.close();
      this.#report(missing(this.#options));
      this.#later(() => this.open());
    };
    question.connect(this.#options.port, this.#options.address, ((error?: Error) =>
      answer(error == null && question.address().address === this.#options.address)) as () => void);
  }

  #later(then: () => void): void {
    if (this.#isClosed || this.#timer !== null) return;
    this.#timer = setTimeout(then, LOOK_EVERY);
  }

  #report(problem: LinkProblem | null): void {
    const text = problem?.text ?? null;
    if (this.#isClosed || this.#reported === text) return;
    this.#reported = text;
    this.#listener.state(problem);
  }
}

/**
 * What send(2) may say when the socket's own IPv4 address went away (Linux 6.18: ENETUNREACH, older ones
 * EINVAL), among other things. A socket bound to an IPv6 address notices nothing.
 */
const DOUBTFUL = new Set(["ENETUNREACH", "EINVAL", "EADDRNOTAVAIL", "ENODEV"]);

function missing({ address }: LinkOptions): LinkProblem {
  return { kind: "missing", text: `the link address ${address} is not on this host` };
}

function bindProblem(options: LinkOptions, error: Error): LinkProblem {
  const { address, port } = options;
  const code = "code" in error ? error.code : undefined;
  switch (code) {
    case "EADDRNOTAVAIL":
      return missing(options);
    case "EADDRINUSE":
      return {
        kind: "taken",
        text: `UDP port ${port} of ${address} is in use; does another daemon run here?`,
      };
    case "EACCES":
      return { kind: "other", text: `UDP port ${port} of ${address} may not be opened by this user` };
    default:
      return { kind: "other", text: `UDP port ${port} of ${address} could not be opened: ${error.message}` };
  }
}
