// A host's kernel, as far as grants go: which floating addresses are on it, and until when each, and each guarded
// port, may work.
//
// It outlives the daemon: entries end by the host's clock, whoever is frozen or dead.

import type { FloatingAddress } from "#model/address.ts";
import { type Grant, grantKey, isAddress } from "#model/grant.ts";
import type { Instant } from "#model/units.ts";
import { NEVER } from "#model/units.ts";
import type { AddressEvent, AddressPort } from "#ports/addresses.ts";
import type { GrantPort } from "#ports/grants.ts";
import { DONE, failed } from "#ports/outcome.ts";

/** Less than this is not worth an entry. */
const LEAST = 1;

export interface KernelWorld {
  /** This host's clock. */
  now(): Instant;
  /** An address or port may have begun to work here: the one moment at which two hosts can come to have it. */
  opened(grant: Grant): void;
  /** Nothing runs, or nothing but the kernel did since: nobody is answered, whatever the entries say. */
  isSilent(): boolean;
}

export class Kernel {
  readonly #world: KernelWorld;
  /** The guard: until when each grant may work, by its key. */
  #guard: Map<string, Instant> | null = null;
  /** Addresses on the device, and when the kernel takes each away. */
  readonly #present = new Map<string, Instant>();
  #listening = false;
  #events: AddressEvent[] = [];

  constructor(world: KernelWorld) {
    this.#world = world;
  }

  /**
   * Does this host let clients reach the grant? Behind a port without a guard nothing listens: the daemon never
   * started, or stopped the service in good order.
   */
  isOpen(grant: Grant): boolean {
    if (isAddress(grant)) return this.isLive(grant.ip);
    if (this.#world.isSilent()) return false;
    return this.#world.now() < (this.#guard?.get(grantKey(grant)) ?? NEVER);
  }

  /** Does this host answer for the address? */
  isLive(ip: string): boolean {
    if (this.#world.isSilent()) return false;
    const now = this.#world.now();
    if (now >= (this.#present.get(ip) ?? NEVER)) return false;
    const open = this.#guard?.get(ip);
    return open === undefined || now < open;
  }

  /** When the last entry of an address ends; NEVER: none is open. */
  openUntil(ip: string): Instant {
    return this.isLive(ip) ? (this.#guard?.get(ip) ?? NEVER) : NEVER;
  }

  /** Is anything of an address left on the device? */
  isPresent(ip: string): boolean {
    return this.#world.now() < (this.#present.get(ip) ?? NEVER);
  }

  /** Somebody types `ip address delete`. */
  deleteByStranger(ip: string): boolean {
    if (!this.isPresent(ip)) return false;
    this.#present.delete(ip);
    if (this.#listening) this.#events.push({ kind: "removed", ip, device: "eth0" });
    return true;
  }

  /** The daemon that listened is dead. */
  forgetListener(): void {
    this.#listening = false;
    this.#events = [];
  }

  readonly grants: GrantPort = {
    install: (grants) => {
      this.#guard = new Map(grants.map((grant) => [grantKey(grant), NEVER]));
      return DONE;
    },
    arm: (grants, until) => {
      const guard = this.#guard;
      const keys = grants.map(grantKey);
      if (guard === null) return failed("gone", "the guard is missing");
      if (keys.some((key) => !guard.has(key))) return failed("not-guarded", "not among the installed");
      const isLate = until - this.#world.now() < LEAST;
      for (const key of keys) guard.set(key, isLate ? NEVER : until);
      if (isLate) return failed("late", "too little time is left");
      for (const grant of grants) this.#world.opened(grant);
      return DONE;
    },
    close: (grants) => {
      for (const key of grants.map(grantKey)) if (this.#guard?.has(key)) this.#guard.set(key, NEVER);
      return DONE;
    },
    check: () => ({ kind: "intact" }),
    remove: () => {
      this.#guard = null;
      return DONE;
    },
  };

  readonly addresses: AddressPort = {
    prepare: () => {
      this.#listening = true;
      return DONE;
    },
    add: (address, lifetimeSeconds) => {
      this.#present.set(address.ip, (this.#world.now() + lifetimeSeconds * 1000) as Instant);
      this.#world.opened(address);
      return DONE;
    },
    refresh: (addresses, lifetimeSeconds) => {
      const until = (this.#world.now() + lifetimeSeconds * 1000) as Instant;
      for (const { ip } of addresses) if (this.#present.has(ip)) this.#present.set(ip, until);
    },
    remove: (address) => {
      this.#present.delete(address.ip);
      return DONE;
    },
    announce: (_addresses, until) =>
      this.#world.now() < until ? DONE : failed("late", "this node may not act any more"),
    probe: () => DONE,
    poll: () => {
      if (this.#events.length === 0) return NO_EVENTS;
      const events = this.#events;
      this.#events = [];
      return events;
    },
    sweep: (addresses) => ({ kind: "done", ips: this.#sweep(addresses) }),
    stop: () => this.forgetListener(),
  };

  #sweep(addresses: readonly FloatingAddress[]): string[] {
    const left = addresses.filter((a) => this.isPresent(a.ip)).map((a) => a.ip);
    for (const { ip } of addresses) this.#present.delete(ip);
    return left;
  }
}

const NO_EVENTS: readonly AddressEvent[] = [];
