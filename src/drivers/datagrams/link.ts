// One link of this node: a UDP socket bound to one of its own addresses, whenever that address is there.

import type { LinkSocket, SocketOptions, SocketProblem, Sockets } from "./sockets.ts";

/** How often a link whose address is missing is tried again, in ms: soon enough for an interface that blinks. */
const LOOK_EVERY = 250;

export interface LinkOptions extends SocketOptions {
  readonly sockets: Sockets;
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
  #socket: LinkSocket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #lookedAt = 0;
  #isClosed = false;
  #reported: string | null | undefined;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
  }

  get address(): string {
    return this.#options.address;
  }

  /** Tries at once and, until `close`, again and again; `state` tells each change. */
  open(): void {
    this.#timer = null;
    let mine: LinkSocket | null = null;
    const listener = {
      datagram: (bytes: Uint8Array) => {
        if (!this.#isClosed) this.#listener.datagram(bytes);
      },
      unsent: (code: string) => {
        this.#listener.unsent();
        if (DOUBTFUL.has(code)) this.#doubt();
      },
      // One that we closed may still complain; it is nobody's any more.
      broken: (problem: SocketProblem) => {
        if (mine !== null && this.#socket === mine) this.#openLater(problem);
      },
    };
    this.#options.sockets.bind(this.#options, listener, (bound) => {
      if (!("send" in bound)) return this.#openLater(bound);
      mine = bound;
      this.#socket = bound;
      if (this.#isClosed) this.close();
      else this.#ifOwn(bound, () => this.#report(null));
    });
  }

  #openLater(problem: SocketProblem): void {
    this.#socket = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#report(bindProblem(this.#options, problem));
    this.#later(() => this.open());
  }

  /** Never waits, never fails. */
  send(datagram: Uint8Array, address: string, port: number): void {
    if (this.#socket === null) this.#listener.unsent();
    else this.#socket.send(datagram, address, port);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#socket?.close();
    this.#socket = null;
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
    this.#options.sockets.bind({ ...this.#options, port: 0 }, NOBODY, (bound) => {
      if ("send" in bound) {
        bound.close();
        // Without a socket of its own the link is not well; opening it is under way.
        const socket = this.#socket;
        if (socket !== null) this.#ifOwn(socket, () => this.#report(null));
        return;
      }
      const problem = bindProblem(this.#options, bound);
      if (problem.kind !== "missing") return;
      this.#report(problem);
      this.#later(() => this.#look());
    });
  }

  /**
   * Goes on if the address is really on this host: hosts of floating addresses often let sockets bind to absent
   * ones (net.ipv4.ip_nonlocal_bind), and then a second daemon of a node's name would take itself for it. To one
   * of its own addresses the kernel talks from that very address; nothing is sent.
   */
  #ifOwn(socket: LinkSocket, then: () => void): void {
    const { sockets, address, port } = this.#options;
    // All of 127.0.0.0/8 is every host's own, whatever it answers from.
    if (address.startsWith("127.")) return then();
    sockets.sourceFor(address, port, (source) => {
      if (this.#isClosed || this.#socket !== socket) return;
      if (source === address) return then();
      this.#socket = null;
      socket.close();
      this.#report(missing(this.#options));
      this.#later(() => this.open());
    });
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

/** Whom a socket tells that is only tried out. */
const NOBODY = { datagram: () => {}, unsent: () => {}, broken: () => {} };

/**
 * What send(2) may say when the socket's own IPv4 address went away (Linux 6.18: ENETUNREACH, older ones
 * EINVAL), among other things. A socket bound to an IPv6 address notices nothing.
 */
const DOUBTFUL = new Set(["ENETUNREACH", "EINVAL", "EADDRNOTAVAIL", "ENODEV"]);

function missing({ address }: LinkOptions): LinkProblem {
  return { kind: "missing", text: `the link address ${address} is not on this host` };
}

function bindProblem(options: LinkOptions, { code, message }: SocketProblem): LinkProblem {
  const { address, port } = options;
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
      return { kind: "other", text: `UDP port ${port} of ${address} could not be opened: ${message}` };
  }
}
