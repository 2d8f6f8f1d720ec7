// Sealed datagrams between the members of a cluster: what pulses and messages travel in. The drivers of both
// are built on this port, so that neither knows about keys or sockets.

import type { MemberConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";

/** A datagram that opened: a holder of the cluster key made it, and it names a member. */
export interface ReceivedDatagram {
  /** Another member, never the receiver itself. */
  readonly from: NodeId;
  /** The sender's boot number; of each sender only the newest boot is heard. */
  readonly boot: number;
  /** Counts the sender's datagrams of this boot; one number when it was sent over several links. */
  readonly number: number;
  /** On which of the receiver's links it came, from 0. */
  readonly link: number;
  /** Belongs to the receiver of the call. */
  readonly body: Uint8Array;
}

/** Answers whether the body could be read; false is counted as malformed. */
export type DatagramReceiver = (datagram: ReceivedDatagram) => boolean;

export interface DatagramPort {
  /**
   * Seals `body` once, for all, and sends it to each of `to`: over link `link` alone, or over every link that
   * both have (link 0 to link 0, 1 to 1). Answers the datagram's number, which grows with each call. Never
   * waits or fails: what the network refuses is counted and lost. Whoever is no other member is left out.
   * A body larger than BODY_LIMIT is a bug.
   */
  send(body: Uint8Array, to: readonly NodeId[], link: number | "all"): number;
  /** How many links the two have in common; 0: no other member. */
  linksTo(node: NodeId): number;
  /** After a change of configuration: links are opened and closed as needed. */
  setMembers(members: readonly MemberConfig[]): void;
  readonly counters: DatagramCounters;
  /** For good; idempotent. Nothing is received afterwards. */
  close(): void;
}

/** Opens the port; `received` is called for each datagram, in the order of arrival, never within this call. */
export type OpenDatagrams = (received: DatagramReceiver) => DatagramPort;

/** Bytes of a body. With all that goes around it a datagram stays below the 1500 bytes of an Ethernet frame. */
export const BODY_LIMIT = 1320;

/** Since the port was opened; they only grow. */
export interface DatagramCounters {
  /** Handed to the network, each receiver and link counted. */
  readonly sent: number;
  /** Not taken by the network: no route, no such link at present, forbidden by a filter. */
  readonly unsent: number;
  /** Handed to the receiver. */
  readonly received: number;
  readonly refused: {
    /** Sealed with another key, for another cluster, or changed on the way. */
    readonly notAuthentic: number;
    /** Too short, of an unknown version, or its content makes no sense. */
    readonly malformed: number;
    /** Authentic, but its sender is no other member by our configuration. */
    readonly foreignSender: number;
    readonly tooLarge: number;
    /** Of an earlier boot of its sender, or far older than its newest. */
    readonly replayed: number;
  };
}
