// What a link needs of UDP sockets, and the ones of Node's event loop.

import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";

export interface SocketOptions {
  /** A canonical IP address of this host. */
  readonly address: string;
  /** 0: any. */
  readonly port: number;
  /** Bytes; the kernel doubles it and caps it (net.core.rmem_max). */
  readonly receiveBuffer: number;
}

export interface SocketListener {
  /** The bytes belong to the listener. */
  datagram(bytes: Uint8Array): void;
  /** The network did not take one datagram; `code` is the errno's name, such as ENETUNREACH. */
  unsent(code: string): void;
  /** It can be used no more. */
  broken(problem: SocketProblem): void;
}

export interface SocketProblem {
  /** The errno's name; "" when there is none. */
  readonly code: string;
  readonly message: string;
}

export interface LinkSocket {
  /** Never waits, never fails. */
  send(datagram: Uint8Array, address: string, port: number): void;
  close(): void;
}

export interface Sockets {
  /** Answers once, within the call or later. */
  bind(
    options: SocketOptions,
    listener: SocketListener,
    answer: (bound: LinkSocket | SocketProblem) => void,
  ): void;
  /** From which address this host would talk to that one; null: from none. Sends nothing; answers as `bind`. */
  sourceFor(address: string, port: number, answer: (source: string | null) => void): void;
}

/** Datagrams that the kernel has not taken yet. A pulse that waits in a queue is too old when it goes out. */
const QUEUE_LIMIT = 64;

/** For threads that live in Node's event loop. */
export const NODE_SOCKETS: Sockets = {
  bind(options, listener, answer) {
    const { address, port, receiveBuffer } = options;
    const socket = create(address, receiveBuffer);
    let isBinding = true;
    socket.on("error", (error) => {
      const problem = problemOf(error);
      socket.close();
      if (!isBinding) return listener.broken(problem);
      isBinding = false;
      answer(problem);
    });
    socket.on("listening", () => {
      isBinding = false;
      answer(linkSocket(socket, listener));
    });
    socket.on("message", (bytes) => listener.datagram(bytes));
    socket.bind({ port, address, exclusive: true });
  },

  sourceFor(address, port, answer) {
    const question = create(address, undefined);
    question.connect(port, address, ((error?: Error) => {
      const source = error == null ? question.address().address : null;
      question.close();
      answer(source);
    }) as () => void);
  },
};

function linkSocket(socket: Socket, listener: SocketListener): LinkSocket {
  return {
    send(datagram, address, port) {
      if (socket.getSendQueueCount() >= QUEUE_LIMIT) return listener.unsent("EAGAIN");
      socket.send(datagram, port, address, (error) => {
        if (error !== null) listener.unsent(problemOf(error).code);
      });
    },
    close: () => void socket.close(),
  };
}

function create(address: string, recvBufferSize: number | undefined): Socket {
  const isV6 = isIPv6(address);
  const family = isV6 ? 6 : 4;
  return createSocket({
    type: isV6 ? "udp6" : "udp4",
    ipv6Only: isV6,
    ...(recvBufferSize === undefined ? {} : { recvBufferSize }),
    // Every address here is one already. Without this each datagram would wait a tick for a resolver.
    lookup: (hostname, _options, found) => found(null, hostname, family),
  });
}

function problemOf(error: Error): SocketProblem {
  return { code: "code" in error ? String(error.code) : "", message: error.message };
}
