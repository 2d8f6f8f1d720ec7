// The guard's rules: which packets of a guarded address or port pass only while it is in the open set.

import {
  addressType,
  type ChainSpec,
  counter,
  differs,
  type Expression,
  equals,
  lookup,
  meta,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  PART_1,
  PART_2,
  payload,
  type Rule,
  type SetSpec,
  verdict,
} from "./nftables.ts";

/** nft's number for `inet_proto . inet_service`: 12 and 13, six bits each. */
const PORT_TYPE = (12 << 6) | 13;

/** Sets of the inet table. A guarded address works while it is in the open set of its family, a port likewise. */
export const INET_SETS = {
  guarded4: { name: "guarded4", keyType: 7, keyLength: 4, timed: false },
  guarded6: { name: "guarded6", keyType: 8, keyLength: 16, timed: false },
  open4: { name: "open4", keyType: 7, keyLength: 4, timed: true },
  open6: { name: "open6", keyType: 8, keyLength: 16, timed: true },
  guardedPorts: { name: "guarded_ports", keyType: PORT_TYPE, keyLength: 8, timed: false },
  openPorts: { name: "open_ports", keyType: PORT_TYPE, keyLength: 8, timed: true },
  /** No rule reads it: its entries prove to the kernel that this process was not held up (see KernelGuard). */
  tokens: { name: "tokens", keyType: 19, keyLength: 4, timed: true },
} as const satisfies Record<string, SetSpec>;

/** Sets of the arp table: nf_tables shares none between tables. */
export const ARP_SETS = {
  guarded: { name: "guarded", keyType: 7, keyLength: 4, timed: false },
  open: { name: "open", keyType: 7, keyLength: 4, timed: true },
} as const satisfies Record<string, SetSpec>;

const HOOK = { prerouting: 0, input: 1, output: 3, postrouting: 4 } as const;
const ARP_OUTPUT = 1;
/** Before defragmentation (-400), connection tracking and address translation. */
const FIRST = -450;
/** After source address translation (100), which gives forwarded answers their outer source back. */
const LAST = 350;

const IPV4_SOURCE = payload("network", 12, 4);
const IPV4_DESTINATION = payload("network", 16, 4);
const IPV6_SOURCE = payload("network", 8, 16);
const IPV6_DESTINATION = payload("network", 24, 16);
const ARP_SENDER = payload("network", 14, 4);
const ND_TARGET = payload("transport", 8, 16);

const ipv4 = [meta("nfproto"), equals(NFPROTO_IPV4)];
const ipv6 = [meta("nfproto"), equals(NFPROTO_IPV6)];
const icmpv6 = (type: number) => [
  ...ipv6,
  meta("l4proto"),
  equals(58),
  payload("transport", 0, 1),
  equals(type),
];
const ADVERTISEMENT = 136;
/** RTN_LOCAL, a number in the host's byte order. */
const RTN_LOCAL = [2, 0, 0, 0];
/** Index of the loopback device in every network namespace, likewise. */
const LOOPBACK = [1, 0, 0, 0];

/** Drops a packet whose address is guarded and not open; `last` is what costs more to find out. */
const closed = (
  before: readonly Expression[],
  address: Expression,
  version: 4 | 6,
  last: readonly Expression[] = [],
): Rule => [
  ...before,
  address,
  lookup(`guarded${version}`, "in"),
  lookup(`open${version}`, "not in"),
  ...last,
  counter,
  verdict("drop"),
];

/**
 * Drops what comes to a port that is guarded and not open, or goes out from it: also what belongs to a connection
 * from before. Not over the loopback device: checks and clients on this host.
 */
const closedPort = (on: "iif" | "oif", end: "sport" | "dport", last: readonly Expression[] = []): Rule => [
  meta(on),
  differs(...LOOPBACK),
  // Both into one key: a protocol and a port, each in four bytes.
  meta("l4proto", PART_1),
  payload("transport", end === "sport" ? 0 : 2, 2, PART_2),
  lookup(INET_SETS.guardedPorts.name, "in"),
  lookup(INET_SETS.openPorts.name, "not in"),
  ...last,
  counter,
  verdict("drop"),
];

export interface InetOptions {
  /** Are there guarded ports? Every packet of the host would pay for the rules. */
  readonly withPorts: boolean;
  /**
   * Also what address translation redirects (a published container port, say), which never comes through input;
   * needs the kernel's fib expression. Only for addresses that are on this host: a node that routes packets to the
   * active one must let them pass, and its own clients reach it over the network.
   */
  readonly withRouting: boolean;
}

/**
 * The chains of the inet table. Clients on the host itself come to a floating address through input too, by way of
 * the loopback device.
 */
export function inetChains({ withPorts, withRouting }: InetOptions): readonly ChainSpec[] {
  const ports = (...rule: Parameters<typeof closedPort>) => (withPorts ? [closedPort(...rule)] : []);
  const local = (of: "saddr" | "daddr") => [addressType(of), equals(...RTN_LOCAL)];
  const always: ChainSpec[] = [
    {
      name: "input",
      hook: HOOK.input,
      priority: FIRST,
      rules: [closed(ipv4, IPV4_DESTINATION, 4), closed(ipv6, IPV6_DESTINATION, 6), ...ports("iif", "dport")],
    },
    {
      name: "output",
      hook: HOOK.output,
      priority: FIRST,
      rules: [
        closed(ipv4, IPV4_SOURCE, 4),
        closed(ipv6, IPV6_SOURCE, 6),
        // The source says the same, except where the kernel answers for others (proxy_ndp).
        closed(icmpv6(ADVERTISEMENT), ND_TARGET, 6),
        ...ports("oif", "sport"),
      ],
    },
  ];
  const routed: ChainSpec[] = [
    {
      name: "prerouting",
      hook: HOOK.prerouting,
      priority: FIRST,
      rules: [
        closed(ipv4, IPV4_DESTINATION, 4, local("daddr")),
        closed(ipv6, IPV6_DESTINATION, 6, local("daddr")),
        ...ports("iif", "dport", local("daddr")),
      ],
    },
    {
      name: "postrouting",
      hook: HOOK.postrouting,
      priority: LAST,
      rules: [
        closed(ipv4, IPV4_SOURCE, 4, local("saddr")),
        closed(ipv6, IPV6_SOURCE, 6, local("saddr")),
        ...ports("oif", "sport", local("saddr")),
      ],
    },
  ];
  return withRouting ? [...always, ...routed] : always;
}

/**
 * The chain of the arp table: nothing leaves that says the address is here. Questions for it may come in, as may
 * the active node's announcements, which clients on this host need.
 */
export function arpChains(): readonly ChainSpec[] {
  const rule: Rule = [
    ARP_SENDER,
    lookup(ARP_SETS.guarded.name, "in"),
    lookup(ARP_SETS.open.name, "not in"),
    counter,
    verdict("drop"),
  ];
  return [{ name: "output", hook: ARP_OUTPUT, priority: 0, rules: [rule] }];
}
