// Hears that somebody else changed nftables: the kernel tells the group NFNLGRP_NFTABLES of each transaction, with
// the port id of the socket that made it (nf_tables_gen_notify, NFT_MSG_NEWGEN). A filter in the kernel drops what
// our own transactions give and all that is told about single objects, so that quiet times cost one call.

import { attachFilter, type Filter, SocketSet, setReceiveBuffer } from "#drivers/sys/libc.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "#drivers/sys/netlink.ts";
import { MSG, nftType } from "./nftables.ts";

/** The mask of group 7 of linux/netfilter/nfnetlink.h. */
const NFNLGRP_NFTABLES = 1 << 6;
/** Bytes. What does not fit is an error on the socket, which says as much as a message. */
const BUFFER_BYTES = 1 << 14;

export class ChangeListener {
  readonly #socket: NetlinkSocket;
  readonly #set: SocketSet;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#set = new SocketSet([socket.fd]);
  }

  /** `own`: the socket whose transactions are ours. A negated errno when it fails. */
  static open(own: NetlinkSocket): ChangeListener | number {
    const portId = own.portId();
    if (portId < 0) return portId;
    const socket = NetlinkSocket.open(NETLINK_NETFILTER, NFNLGRP_NFTABLES);
    if (typeof socket === "number") return socket;
    setReceiveBuffer(socket.fd, BUFFER_BYTES);
    // Without the filter there is more to hear, and nothing is missed.
    attachFilter(socket.fd, foreignTransactions(portId));
    return new ChangeListener(socket);
  }

  get fd(): number {
    return this.#socket.fd;
  }

  /** Did somebody else change nftables since the last call? Once too often rather than once too seldom. */
  hasHeard(): boolean {
    if (!this.#set.hasNews()) return false;
    this.#socket.drain();
    return true;
  }

  close(): void {
    this.#socket.close();
  }
}

/** struct nlmsghdr has the type at 4 and the port id at 12, in the host's byte order; BPF reads the network's. */
function foreignTransactions(portId: number): Filter[] {
  const type = nftType(MSG.NEWGEN);
  return [
    { code: 0x28, ifTrue: 0, ifFalse: 0, value: 4 },
    { code: 0x15, ifTrue: 0, ifFalse: 2, value: swap16(type) },
    { code: 0x20, ifTrue: 0, ifFalse: 0, value: 12 },
    { code: 0x15, ifTrue: 0, ifFalse: 1, value: swap32(portId) },
    { code: 0x06, ifTrue: 0, ifFalse: 0, value: 0 },
    { code: 0x06, ifTrue: 0, ifFalse: 0, value: 0xffff },
  ];
}

const swap16 = (value: number): number => Buffer.from([value & 0xff, value >> 8]).readUInt16BE(0);

function swap32(value: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.readUInt32BE(0);
}
