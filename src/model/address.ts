// Floating addresses: what is written in the configuration, and the one canonical text of an IP address,
// so that two spellings of one address are never taken for two.

import { assert } from "#lib/assert.ts";

/** An address that moves between nodes; live on at most one of them. */
export interface FloatingAddress {
  /** In canonical form: dotted decimal, or RFC 5952. */
  readonly ip: string;
  /** Length of the subnet's prefix: 1 to 32, or 1 to 128. */
  readonly prefix: number;
  readonly family: Family;
  /** Name of the network device; null: the one that has an address in the same subnet. */
  readonly device: string | null;
}

export type Family = 4 | 6;

/** An IP address as text and as the bytes that go over the wire. */
export interface Ip {
  readonly family: Family;
  /** Canonical. */
  readonly text: string;
  /** 4 or 16 numbers, 0 to 255. */
  readonly bytes: readonly number[];
}

/** `ip/prefix`, as in the configuration. */
export const formatAddress = (address: FloatingAddress): string => `${address.ip}/${address.prefix}`;

/** What tells two floating addresses apart: the IP address alone, whatever the prefix or device. */
export const addressKey = (address: FloatingAddress): string => address.ip;

/**
 * Reads `192.0.2.10/24` or `2001:db8::10/64`; null when it is neither, or no address that can float.
 * Not accepted: a missing prefix, prefix 0, zone ids, and what `isUsable` refuses.
 */
export function parseAddress(text: string, device: string | null = null): FloatingAddress | null {
  const slash = text.indexOf("/");
  if (slash < 0) return null;
  const ip = parseIp(text.slice(0, slash));
  const prefix = parseDecimal(text.slice(slash + 1), ip?.family === 4 ? 32 : 128);
  if (ip === null || prefix === null || prefix === 0) return null;
  return isUsable(ip) ? { ip: ip.text, prefix, family: ip.family, device } : null;
}

/** Reads an IP address in any usual spelling; null when it is none. No zone ids, no leading zeros in IPv4. */
export function parseIp(text: string): Ip | null {
  const family = text.includes(":") ? 6 : 4;
  const bytes = family === 6 ? parseIpv6(text) : parseIpv4(text);
  return bytes === null ? null : { family, text: formatIp(bytes), bytes };
}

/** The bytes of an address that was parsed before; a text that is no IP address is a bug. */
export function ipBytes(text: string): readonly number[] {
  const ip = parseIp(text);
  assert(ip !== null, `${text} is an IP address`);
  return ip.bytes;
}

/** The canonical text of 4 or 16 bytes. */
export function formatIp(bytes: readonly number[]): string {
  return bytes.length === 4 ? bytes.join(".") : formatIpv6(bytes);
}

/** Whether both addresses are of one family and agree in their first `prefix` bits. */
export function isSameSubnet(a: readonly number[], b: readonly number[], prefix: number): boolean {
  if (a.length !== b.length) return false;
  return a.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((b[index] ?? 0) & mask);
  });
}

/** A unicast address of a host: not unspecified, loopback, link-local, multicast or broadcast. */
export function isUsable(ip: Ip): boolean {
  const [first = 0, second = 0] = ip.bytes;
  if (ip.family === 4) {
    return first !== 0 && first !== 127 && first < 224 && !(first === 169 && second === 254);
  }
  const isLow = ip.bytes.slice(0, 15).every((byte) => byte === 0);
  // A link-local address means nothing beyond its link, and every host has its own.
  return !isLow && first !== 0xff && !(first === 0xfe && (second & 0xc0) === 0x80);
}

function parseIpv4(text: string): number[] | null {
  const parts = text.split(".").map((part) => parseDecimal(part, 255));
  return parts.length === 4 && parts.every((part) => part !== null) ? parts : null;
}

function parseIpv6(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? "");
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "") : [];
  if (head === null || tail === null) return null;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group; without it all sixteen bytes must be there.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return null;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Groups of hex digits, the last one perhaps an IPv4 address, as bytes. */
function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (group.includes(".") && index === groups.length - 1) {
      const ipv4 = parseIpv4(group);
      if (ipv4 === null) return null;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as "::". */
function formatIpv6(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.at < 0) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

function parseDecimal(text: string, max: number): number | null {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return null;
  const value = Number(text);
  return value <= max ? value : null;
}
