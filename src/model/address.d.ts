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
export declare const formatAddress: (address: FloatingAddress) => string;
/** What tells two floating addresses apart: the IP address alone, whatever the prefix or device. */
export declare const addressKey: (address: FloatingAddress) => string;
/**
 * Reads `192.0.2.10/24` or `2001:db8::10/64`; null when it is neither, or no address that can float.
 * Not accepted: a missing prefix, prefix 0, zone ids, and what `isUsable` refuses.
 */
export declare function parseAddress(text: string, device?: string | null): FloatingAddress | null;
/** Reads an IP address in any usual spelling; null when it is none. No zone ids, no leading zeros in IPv4. */
export declare function parseIp(text: string): Ip | null;
/** The bytes of an address that was parsed before; a text that is no IP address is a bug. */
export declare function ipBytes(text: string): readonly number[];
/** The canonical text of 4 or 16 bytes. */
export declare function formatIp(bytes: readonly number[]): string;
/** Whether both addresses are of one family and agree in their first `prefix` bits. */
export declare function isSameSubnet(a: readonly number[], b: readonly number[], prefix: number): boolean;
/** A unicast address of a host: not unspecified, loopback, link-local, multicast or broadcast. */
export declare function isUsable(ip: Ip): boolean;
