// Floating addresses on network devices: adding, removing, announcing them, and hearing what others do to them.

import type { FloatingAddress } from "#model/address.ts";
import type { Instant } from "#model/units.ts";
import type { Outcome } from "./outcome.ts";

/** All calls are synchronous and answer with values; none waits for the network, none throws. */
export interface AddressPort {
  /**
   * Learns which addresses there are and finds the device of each; starts to listen.
   *
   * Idempotent; a later call replaces the list. Codes: `no-device` (the detail says what there is), `EPERM`.
   * A failure for one address does not keep the others from working; `add` looks for the device again.
   */
  prepare(addresses: readonly FloatingAddress[]): Outcome;

  /**
   * Adds the address with a kernel lifetime, or refreshes the lifetime: the same call.
   *
   * The kernel removes the address by itself `lifetimeSeconds` (a whole number, at least 1) after the last
   * call. Codes: `no-device`, `link-down` (added, but the device is down or has no carrier), errno names.
   */
  add(address: FloatingAddress, lifetimeSeconds: number): Outcome;

  /**
   * Gives addresses that were added a new lifetime, in the background: the kernel may keep such a call waiting
   * for as long as somebody else configures its network. One at a time; a call meanwhile does nothing. That it
   * failed shows when the lifetime ends, as a `removed` event.
   */
  refresh(addresses: readonly FloatingAddress[], lifetimeSeconds: number): void;

  /** Removes the address from whatever devices have it. Idempotent. */
  remove(address: FloatingAddress): Outcome;

  /**
   * Tells the network where the addresses are now: gratuitous ARP in request and reply form (RFC 5944
   * section 4.6), unsolicited neighbour advertisement with the override flag (RFC 4861 section 7.2.6).
   *
   * These frames do not pass the guard: `until` is the instant up to which this node may act, and nothing is
   * sent after it (code `late`). Every address is tried; the first failure is returned.
   */
  announce(addresses: readonly FloatingAddress[], until: Instant): Outcome;

  /**
   * Asks the network whether somebody has the address: an ARP probe (RFC 5227 section 2.1.1), or a neighbour
   * solicitation from the unspecified address (RFC 4862 section 5.4.2). The answer is a `claimed` event.
   */
  probe(address: FloatingAddress): Outcome;

  /**
   * What happened since the last call, oldest first. Never waits; at most a few hundred events.
   *
   * When the kernel dropped notifications, the state is read afresh and the differences are returned.
   */
  poll(): readonly AddressEvent[];

  /** Removes the addresses from whatever devices have them, as an earlier life may have left them; their texts. */
  sweep(addresses: readonly FloatingAddress[]): Swept;

  /** Stops listening. The addresses stay as they are. */
  stop(): void;
}

export type AddressEvent =
  /** An address that was added here is no longer there, and it was not `remove` that took it away. */
  | { readonly kind: "removed"; readonly ip: string; readonly device: string }
  /** Another machine says in an ARP packet or neighbour advertisement that the address is its own. */
  | { readonly kind: "claimed"; readonly ip: string; readonly device: string; readonly mac: string }
  /** The device of at least one address changed. `from` is its earlier name when `change` is `renamed`. */
  | {
      readonly kind: "link";
      readonly device: string;
      readonly change: "up" | "down" | "gone" | "renamed";
      readonly from: string | null;
      /** The floating addresses concerned. */
      readonly ips: readonly string[];
    };

export type Swept =
  /** `ips`: those that were there; usually none. */
  | { readonly kind: "done"; readonly ips: readonly string[] }
  | { readonly kind: "failed"; readonly code: string; readonly detail: string };
