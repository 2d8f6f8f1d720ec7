// The Ethernet frames by which a host says whose an address is: ARP (RFC 826, 5227, 5944) and neighbour
// discovery (RFC 4861, 4862).

import { ipBytes } from "#model/address.ts";

type Bytes = readonly number[];

export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;
const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const ZERO_MAC = [0, 0, 0, 0, 0, 0];
const ZERO_IPV4 = [0, 0, 0, 0];
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const ALL_NODES = ipBytes("ff02::1");
const UNSPECIFIED = ipBytes("::");
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;
const OVERRIDE = 0x20;
const OPTION_TARGET_MAC = 2;
const NEXT_HEADER_ICMPV6 = 58;
/** A receiver drops neighbour discovery with any less: proof that no router passed it on. */
const HOP_LIMIT = 255;

/** What moves the neighbours' entries at once: ARP request and reply, or an unsolicited advertisement. */
export function announcement(ip: Bytes, mac: Bytes): Buffer[] {
  if (ip.length === 16) return [advertisement(ip, mac)];
  return [ARP_REQUEST, ARP_REPLY].map((operation) =>
    // Some systems heed only the one form, some only the other.
    arp({ operation, sender: { mac, ip }, target: { mac: operation === ARP_REPLY ? mac : ZERO_MAC, ip } }),
  );
}

/** The question whether somebody has the address; it changes nobody's neighbour entry. */
export function probe(ip: Bytes, mac: Bytes): Buffer {
  if (ip.length === 4) {
    return arp({ operation: ARP_REQUEST, sender: { mac, ip: ZERO_IPV4 }, target: { mac: ZERO_MAC, ip } });
  }
  const to = [...ipBytes("ff02::1:ff00:0").slice(0, 13), ...ip.slice(13)];
  return neighbourDiscovery({
    mac,
    from: UNSPECIFIED,
    to,
    type: NEIGHBOUR_SOLICITATION,
    flags: 0,
    target: ip,
  });
}

/** Who claims which address in a received frame; null when it claims none. */
export function readClaim(frame: Buffer): { readonly ip: Bytes; readonly mac: Buffer } | null {
  const type = frame.length >= 14 ? frame.readUInt16BE(12) : 0;
  if (type === ETHERTYPE_ARP && frame.length >= 42) {
    return { ip: [...frame.subarray(28, 32)], mac: frame.subarray(22, 28) };
  }
  if (type !== ETHERTYPE_IPV6 || frame.length < 78 || frame[54] !== NEIGHBOUR_ADVERTISEMENT) return null;
  const hasOption = frame.length >= 86 && frame[78] === OPTION_TARGET_MAC && frame[79] === 1;
  return { ip: [...frame.subarray(62, 78)], mac: hasOption ? frame.subarray(80, 86) : frame.subarray(6, 12) };
}

interface Party {
  readonly mac: Bytes;
  readonly ip: Bytes;
}

function arp(packet: { operation: number; sender: Party; target: Party }): Buffer {
  const { operation, sender, target } = packet;
  return Buffer.from([
    ...[...BROADCAST, ...sender.mac, ETHERTYPE_ARP >> 8, ETHERTYPE_ARP & 0xff],
    // Ethernet, IPv4, and the lengths of their addresses.
    ...[0, 1, 8, 0, 6, 4, 0, operation],
    ...[...sender.mac, ...sender.ip, ...target.mac, ...target.ip],
  ]);
}

/** Unsolicited, so without the solicited flag; with override, so that it replaces an entry (RFC 4861 7.2.6). */
function advertisement(ip: Bytes, mac: Bytes): Buffer {
  const type = NEIGHBOUR_ADVERTISEMENT;
  return neighbourDiscovery({ mac, from: ip, to: ALL_NODES, type, flags: OVERRIDE, target: ip });
}

function neighbourDiscovery(message: {
  mac: Bytes;
  from: Bytes;
  to: Bytes;
  type: number;
  flags: number;
  target: Bytes;
}): Buffer {
  const { mac, from, to, type, flags, target } = message;
  const isSolicitation = type === NEIGHBOUR_SOLICITATION;
  // A solicitation from the unspecified address must not name a source (RFC 4861 section 4.3).
  const option = isSolicitation ? [] : [OPTION_TARGET_MAC, 1, ...mac];
  const icmp = [type, 0, 0, 0, flags, 0, 0, 0, ...target, ...option];
  const checksum = internetChecksum([
    ...from,
    ...to,
    0,
    0,
    0,
    icmp.length,
    0,
    0,
    0,
    NEXT_HEADER_ICMPV6,
    ...icmp,
  ]);
  icmp[2] = checksum >> 8;
  icmp[3] = checksum & 0xff;
  return Buffer.from([
    ...[0x33, 0x33, ...to.slice(12), ...mac, ETHERTYPE_IPV6 >> 8, ETHERTYPE_IPV6 & 0xff],
    ...[0x60, 0, 0, 0, 0, icmp.length, NEXT_HEADER_ICMPV6, HOP_LIMIT, ...from, ...to],
    ...icmp,
  ]);
}

/** RFC 1071; of an even number of bytes. */
function internetChecksum(bytes: Bytes): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
