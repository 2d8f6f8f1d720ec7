// Kernel grants on Linux: the guard of nftables rules, and the timed entries that open it.
//
// Why an entry never outlives the instant it was armed to, wherever this process may be frozen: arming takes two
// transactions. The first stores a token that the kernel forgets after TOKEN ticks. Then the clock is read: t.
// The second deletes the token and adds the entry with the time left since t, less the token's life. The kernel
// refuses all of it once the token has expired, so the second came within the token's life after t, and the
// entry ends in time. First arm and renewal are the same two steps. The price is the token's life: about two
// ticks of the kernel, 8 ms where a tick has 4.
//
// Each transaction states all open entries: delete and add, since a kernel before 6.12 cannot prolong one.

import { kernelTick, monotonicNow } from "#drivers/sys/clock.ts";
import { ENOENT, errnoName, sysFailure } from "#drivers/sys/errno.ts";
import { MessageWriter } from "#drivers/sys/message.ts";
import { type Answer, NETLINK_NETFILTER, NetlinkSocket } from "#drivers/sys/netlink.ts";
import { ipBytes } from "#model/address.ts";
import { formatGrant, type Grant, grantKey, isAddress } from "#model/grant.ts";
import { type Instant, NEVER } from "#model/units.ts";
import type { GrantPort, GuardState } from "#ports/grants.ts";
import { DONE, failed, type Outcome } from "#ports/outcome.ts";
import { ChangeListener } from "./change-listener.ts";
import { GuardInspector } from "./guard-inspector.ts";
import { ARP_SETS, arpChains, INET_SETS, inetChains } from "./guard-rules.ts";
import { Batch, type Element, NFPROTO_ARP, NFPROTO_INET, type Table } from "./nftables.ts";

export interface KernelGuardOptions {
  /** Ends the names of the tables: for two daemons in one network namespace, and for tests. */
  readonly suffix?: string;
  /** For tests. */
  readonly now?: () => Instant;
}

/** In ticks: the kernel rounds down, so a token lives between one and two of them. */
const TOKEN_TICKS = 2;
/** In milliseconds; where ticks are shorter, one ordinary delay must not cost the token. */
const TOKEN_AT_LEAST = 6;
/** In ticks: less is rounded down to 0, which would mean forever. */
const ENTRY_TICKS = 2;
/** In milliseconds, a day: the kernel counts no instant that never comes. */
const ENTRY_AT_MOST = 86_400_000;
const ARM_TRIES = 2;
const INSTALL_TRIES = 3;

interface Sockets {
  readonly own: NetlinkSocket;
  readonly listener: ChangeListener;
}

interface Guarded {
  readonly grant: Grant;
  /** Which sets it is in: those of its family, or the ports'. */
  readonly sort: Sort;
  readonly key: Uint8Array;
  /** The instant it was armed to; NEVER: closed. */
  readonly openUntil: Instant;
}

type Sort = 4 | 6 | "port";

export class KernelGuard implements GrantPort {
  readonly #inet: Table;
  readonly #arp: Table;
  readonly #now: () => Instant;
  readonly #tick = kernelTick();
  readonly #tokenLife = Math.max(TOKEN_TICKS * this.#tick, TOKEN_AT_LEAST);
  readonly #writer = new MessageWriter();
  #socket: NetlinkSocket | null = null;
  #listener: ChangeListener | null = null;
  #tellingFds: readonly number[] = [];
  #inspector: GuardInspector | null = null;
  /** By grant key. Empty before `install`. */
  #guarded: ReadonlyMap<string, Guarded> = new Map();
  #token = 0;

  constructor(options: KernelGuardOptions = {}) {
    this.#inet = { family: NFPROTO_INET, name: `understudy${options.suffix ?? ""}` };
    this.#arp = { family: NFPROTO_ARP, name: `understudy${options.suffix ?? ""}` };
    this.#now = options.now ?? monotonicNow;
  }

  /** Descriptors that are readable when somebody else changed nftables; another array after each change. */
  get tellingFds(): readonly number[] {
    return this.#tellingFds;
  }

  install(grants: readonly Grant[]): Outcome {
    const opened = this.#open();
    if (!("own" in opened)) return opened;
    const socket = opened.own;
    const guarded = new Map(
      grants.map((grant): [string, Guarded] => [
        grantKey(grant),
        { grant, sort: sortOf(grant), key: keyOf(grant), openUntil: NEVER },
      ]),
    );
    const inspector = new GuardInspector(socket, opened.listener, [this.#inet, this.#arp]);
    let outcome: Outcome = DONE;
    for (let tries = 0; tries < INSTALL_TRIES; tries++) {
      const count = inspector.readCount();
      if (typeof count !== "number") return installFailure(count.code);
      const { errno } = this.#putUp(socket, guarded);
      if (errno !== 0) return installFailure(errnoName(errno));
      this.#guarded = guarded;
      this.#inspector = inspector;
      outcome = inspector.remember(count);
      if (outcome.kind === "done") return outcome;
    }
    return outcome;
  }

  arm(grants: readonly Grant[], until: Instant): Outcome {
    const socket = this.#socket;
    const stranger = grants.find((grant) => !this.#guarded.has(grantKey(grant)));
    if (stranger !== undefined || socket === null) {
      const what = stranger === undefined ? "nothing is" : `${formatGrant(stranger)} is not`;
      return failed("not-guarded", `${what} under the guard`);
    }
    const keys = new Set(grants.map(grantKey));
    for (let tries = 0; tries < ARM_TRIES; tries++) {
      const stored = this.#storeToken(socket);
      if (stored.errno !== 0) return this.#refused(stored);
      const start = this.#now();
      const timeouts = this.#timeouts({ keys, until, start });
      if (grants.some((grant) => !timeouts.has(grantKey(grant)))) {
        this.close(grants);
        const left = Math.max(0, Math.round(until - start));
        return failed("late", `only ${left} ms are left: too little to open anything`);
      }
      const swapped = this.#swap(socket, timeouts);
      if (swapped.answer.errno === 0) {
        this.#noteOpened({ keys, until, timeouts });
        return DONE;
      }
      // Somebody else may have taken the guard away: then it is not only the token that is missing.
      if (swapped.answer.refusals.some((refusal) => refusal.seq !== swapped.tokenSeq)) {
        return this.#refused(swapped.answer);
      }
    }
    return failed(
      "frozen",
      `held up for more than ${this.#tokenLife} ms between two calls, ${ARM_TRIES} times`,
    );
  }

  close(grants: readonly Grant[]): Outcome {
    const socket = this.#socket;
    const start = this.#now();
    const keys = new Set(grants.map(grantKey));
    // An entry never outlives its instant, so what is past it needs no transaction.
    const isOpen = ({ openUntil }: Guarded) => openUntil > start;
    const closing = grants.some((grant) => {
      const guarded = this.#guarded.get(grantKey(grant));
      return guarded !== undefined && isOpen(guarded);
    });
    if (socket === null || !closing) return DONE;
    this.#guarded = new Map(
      [...this.#guarded].map(([key, guarded]) => [
        key,
        keys.has(key) ? { ...guarded, openUntil: NEVER } : guarded,
      ]),
    );
    // Stated without the closed ones. Deleting them by name would be refused whenever one has just expired, and
    // a refused transaction waits for a grace period of the whole kernel: some ten milliseconds.
    const others = [...this.#guarded.values()].some(isOpen);
    if (others && this.#restate(socket)) return DONE;
    return this.#closeAll(socket);
  }

  check(): GuardState {
    const inspector = this.#inspector;
    if (inspector === null) return { kind: "failed", code: "not-guarded", detail: "no guard was installed" };
    const finding = inspector.inspect();
    if (finding.kind !== "changed") return finding;
    const installed = this.install([...this.#guarded.values()].map(({ grant }) => grant));
    return installed.kind === "done" ? { kind: "repaired", detail: finding.detail } : installed;
  }

  remove(): Outcome {
    const opened = this.#open();
    if (!("own" in opened)) return opened;
    const socket = opened.own;
    const batch = this.#batch(socket);
    // Created first: deleting what is not there would be refused.
    for (const table of [this.#inet, this.#arp]) batch.createTable(table).deleteTable(table);
    const { errno } = this.#commit(socket, batch);
    if (errno !== 0) return sysFailure(errno, "removing the guard");
    socket.close();
    opened.listener.close();
    this.#socket = null;
    this.#listener = null;
    this.#tellingFds = [];
    this.#inspector = null;
    this.#guarded = new Map();
    return DONE;
  }

  #open(): Sockets | Outcome {
    const own = this.#socket ?? NetlinkSocket.open(NETLINK_NETFILTER);
    if (typeof own === "number") return installFailure(errnoName(own));
    this.#socket = own;
    const listener = this.#listener ?? ChangeListener.open(own);
    if (typeof listener === "number") return installFailure(errnoName(listener));
    this.#listener = listener;
    this.#tellingFds = [listener.fd];
    return { own, listener };
  }

  #putUp(socket: NetlinkSocket, guarded: ReadonlyMap<string, Guarded>): Answer {
    const answer = this.#installWith(socket, guarded, { routing: true });
    // A kernel without nft_fib still guards all but what address translation redirects.
    return answer.errno === ENOENT ? this.#installWith(socket, guarded, { routing: false }) : answer;
  }

  #installWith(
    socket: NetlinkSocket,
    guarded: ReadonlyMap<string, Guarded>,
    options: { readonly routing: boolean },
  ): Answer {
    const batch = this.#batch(socket);
    const keys = (wanted: Sort) =>
      [...guarded.values()].filter(({ sort }) => sort === wanted).map(({ key }) => ({ key }));
    const chains = inetChains({ withPorts: keys("port").length > 0, withRouting: options.routing });
    const tables = [
      { table: this.#inet, sets: INET_SETS, chains },
      { table: this.#arp, sets: ARP_SETS, chains: arpChains() },
    ];
    let id = 0;
    for (const { table, sets, chains } of tables) {
      batch.createTable(table).deleteTable(table).createTable(table);
      for (const set of Object.values(sets)) batch.createSet(table, set, ++id);
      for (const chain of chains) {
        batch.createChain(table, chain);
        for (const rule of chain.rules) batch.appendRule(table, chain.name, rule);
      }
    }
    addSome(batch, { table: this.#inet, set: INET_SETS.guarded4.name, elements: keys(4) });
    addSome(batch, { table: this.#inet, set: INET_SETS.guarded6.name, elements: keys(6) });
    addSome(batch, { table: this.#inet, set: INET_SETS.guardedPorts.name, elements: keys("port") });
    addSome(batch, { table: this.#arp, set: ARP_SETS.guarded.name, elements: keys(4) });
    return this.#commit(socket, batch);
  }

  #storeToken(socket: NetlinkSocket): Answer {
    const batch = this.#batch(socket);
    this.#addToken(batch);
    return this.#commit(socket, batch);
  }

  /** Always a new token: one that is still there would keep its old end on some kernels, not on others. */
  #addToken(batch: Batch): void {
    this.#token = (this.#token + 1) >>> 0;
    const element = { key: tokenKey(this.#token), timeout: this.#tokenLife };
    batch.addElements(this.#inet, INET_SETS.tokens.name, [element]);
  }

  /** Exchanges the token for all entries that are to be open. */
  #swap(
    socket: NetlinkSocket,
    timeouts: ReadonlyMap<string, number>,
  ): { readonly answer: Answer; readonly tokenSeq: number } {
    const batch = this.#batch(socket);
    const tokenSeq = batch.deleteElement(this.#inet, INET_SETS.tokens.name, tokenKey(this.#token));
    const opened = (wanted: Sort): Element[] =>
      [...timeouts].flatMap(([key, timeout]) => {
        const guarded = this.#guarded.get(key);
        return guarded?.sort === wanted ? [{ key: guarded.key, timeout }] : [];
      });
    const sorts = new Set([...this.#guarded.values()].map(({ sort }) => sort));
    for (const { table, set, sort } of this.#openSets()) {
      if (!sorts.has(sort)) continue;
      batch.flushSet(table, set);
      addSome(batch, { table, set, elements: opened(sort) });
    }
    return { answer: this.#commit(socket, batch), tokenSeq };
  }

  /** How long each entry may live in whole milliseconds, counted from `start`; entries with no time left are missing. */
  #timeouts(wanted: { keys: ReadonlySet<string>; until: Instant; start: Instant }): Map<string, number> {
    const timeouts = new Map<string, number>();
    for (const [key, { openUntil }] of this.#guarded) {
      const until = wanted.keys.has(key) ? wanted.until : openUntil;
      const left = Math.floor(until - wanted.start - this.#tokenLife);
      if (left >= ENTRY_TICKS * this.#tick) timeouts.set(key, Math.min(left, ENTRY_AT_MOST));
    }
    return timeouts;
  }

  #noteOpened(opened: {
    keys: ReadonlySet<string>;
    until: Instant;
    timeouts: ReadonlyMap<string, number>;
  }): void {
    const untilOf = (key: string, before: Instant): Instant => {
      if (!opened.timeouts.has(key)) return NEVER;
      return opened.keys.has(key) ? opened.until : before;
    };
    this.#guarded = new Map(
      [...this.#guarded].map(([key, guarded]) => [
        key,
        { ...guarded, openUntil: untilOf(key, guarded.openUntil) },
      ]),
    );
  }

  /** Writes the open entries anew; false when that was refused. */
  #restate(socket: NetlinkSocket): boolean {
    if (this.#storeToken(socket).errno !== 0) return false;
    const timeouts = this.#timeouts({ keys: new Set(), until: NEVER, start: this.#now() });
    return this.#swap(socket, timeouts).answer.errno === 0;
  }

  /** Needs no token and cannot be refused while the guard stands; without the guard there is nothing open. */
  #closeAll(socket: NetlinkSocket): Outcome {
    const batch = this.#batch(socket);
    for (const { table, set } of this.#openSets()) batch.flushSet(table, set);
    // Flushing empty sets would be no transaction to the kernel, and our count of them would be wrong.
    this.#addToken(batch);
    const { errno } = this.#commit(socket, batch);
    if (errno !== 0 && errno !== ENOENT) return sysFailure(errno, "closing the guard");
    this.#guarded = new Map(
      [...this.#guarded].map(([key, guarded]) => [key, { ...guarded, openUntil: NEVER }]),
    );
    return DONE;
  }

  #refused(answer: Answer): Outcome {
    this.#inspector?.suspect();
    if (answer.errno === ENOENT) return failed("gone", "the guard is no longer there");
    return sysFailure(answer.errno, "opening the guard");
  }

  #openSets(): readonly { table: Table; set: string; sort: Sort }[] {
    return [
      { table: this.#inet, set: INET_SETS.open4.name, sort: 4 },
      { table: this.#arp, set: ARP_SETS.open.name, sort: 4 },
      { table: this.#inet, set: INET_SETS.open6.name, sort: 6 },
      { table: this.#inet, set: INET_SETS.openPorts.name, sort: "port" },
    ];
  }

  #batch(socket: NetlinkSocket): Batch {
    return new Batch(this.#writer, () => socket.nextSeq());
  }

  #commit(socket: NetlinkSocket, batch: Batch): Answer {
    const answer = socket.request(batch.finish());
    if (answer.errno === 0) this.#inspector?.noteOwnChange();
    return answer;
  }
}

function addSome(batch: Batch, some: { table: Table; set: string; elements: readonly Element[] }): void {
  if (some.elements.length > 0) batch.addElements(some.table, some.set, some.elements);
}

const sortOf = (grant: Grant): Sort => (isAddress(grant) ? grant.family : "port");

const PROTOCOL = { tcp: 6, udp: 17 } as const;

/** As the rules load it: an address, or a protocol and a port, each padded to four bytes. */
function keyOf(grant: Grant): Uint8Array {
  if (isAddress(grant)) return Uint8Array.from(ipBytes(grant.ip));
  const { protocol, port } = grant;
  return Uint8Array.of(PROTOCOL[protocol], 0, 0, 0, port >> 8, port & 0xff, 0, 0);
}

function tokenKey(token: number): Uint8Array {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(token);
  return key;
}

function installFailure(code: string): Outcome {
  if (["EPROTONOSUPPORT", "EAFNOSUPPORT", "EOPNOTSUPP", "ENOENT"].includes(code)) {
    return failed(
      "unsupported",
      `this kernel has no nf_tables with inet and arp tables and timed sets (${code})`,
    );
  }
  const hint = code === "EPERM" ? " (needs root, or CAP_NET_ADMIN)" : "";
  return failed(code, `installing the nftables guard: ${code}${hint}`);
}
