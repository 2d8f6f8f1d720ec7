// The half that must not be late: hands events to the keeper's engine and carries its effects out.
//
// Everything here is synchronous but the storing of what has to outlive this life. It imports nothing of Node, so
// the simulator runs this very loop.

import { keeperEngine } from "#engine/engine.ts";
import { type Identity, withVoters } from "#engine/identity.ts";
import type { KeeperEffect, KeeperEvent, StoredLease } from "#engine/keeper.ts";
import type { KeeperState, ListRecord, PairRecord } from "#engine/lease/state.ts";
import { unreachable } from "#lib/unreachable.ts";
import type { FloatingAddress } from "#model/address.ts";
import { formatAddress } from "#model/address.ts";
import type { MemberConfig } from "#model/config.ts";
import { formatGrant, type Grant, grantKey, isAddress } from "#model/grant.ts";
import type { ToKeeper, ToWorker } from "#model/halves.ts";
import type { JournalLine } from "#model/journal.ts";
import type { Vote } from "#model/pulse.ts";
import type { Instant } from "#model/units.ts";
import { earlier, instant, ms, NEVER } from "#model/units.ts";
import type { AddressEvent, AddressPort } from "#ports/addresses.ts";
import type { ClockPort } from "#ports/clock.ts";
import type { GrantPort } from "#ports/grants.ts";
import type { Outcome } from "#ports/outcome.ts";
import type { PulsePort, ReceivedPulse } from "#ports/pulse.ts";
import type { StorePort } from "#ports/store.ts";
import type { WatchdogPort } from "#ports/watchdog.ts";
import { turnsOf } from "./arrivals.ts";
import { isListRecord, isPairRecord, isVote, readStored } from "./stored.ts";

export interface KeeperPorts {
  readonly clock: ClockPort;
  readonly pulses: PulsePort;
  readonly store: StorePort;
  readonly grants: GrantPort;
  readonly addresses: AddressPort;
  readonly watchdog: WatchdogPort;
  /** To the worker of this daemon. */
  readonly tell: (message: ToWorker) => void;
}

export interface KeeperOptions {
  readonly identity: Identity;
  readonly members: readonly MemberConfig[];
  /** Every floating address and guarded port of the configuration; a witness has none. */
  readonly grants: readonly Grant[];
  /** Whether `onKernel` is called when others changed something: then the kernel is asked by itself far less often. */
  readonly isTold?: boolean;
}

/** Name of the document in which a voter's newest vote is stored. */
export const VOTE_DOCUMENT = "vote";
/** Name of the document in which one of two voters keeps what its next life may go on with. */
export const PAIR_DOCUMENT = "pair";
/** Name of the document that holds the list of voters in effect, from the first start on. */
export const LIST_DOCUMENT = "voters";
/** A busy host holds the keeper up between two calls; a renewal comes again by itself, a first arming does not. */
const ARM_TRIES = 5;
/** Clocks are read one after the other: a difference up to this is no sleep, ms. */
const NO_SLEEP = 20;
/** The kernel is asked at least this often what others did to addresses and guard, ms; */
const POLL_EVERY = 100;
/** and this often where it tells by itself, for what it may have forgotten to tell. */
const POLL_TOLD_EVERY = 1_000;
/** Whatever wakes the keeper this much before the time serves for it, ms: asking takes microseconds, waking more. */
const POLL_EARLY = 30;

export class Keeper {
  #state: KeeperState;
  readonly #ports: KeeperPorts;
  /** Those under the guard: of the configuration, and retired ones. */
  #guarded: readonly Grant[];
  /** By grant key: held, though the configuration does not name them any more. */
  #retired: ReadonlySet<string> = new Set();
  /** Events that came up while a turn was under way; handled right after it, in order. */
  readonly #queue: KeeperEvent[] = [];
  #isBusy = false;
  #guard: "intact" | "failed" = "intact";
  #deviceProblem: string | null = null;
  readonly #pollEvery: number;
  #polledAt: Instant = NEVER;
  /** How long the host had slept in all when it was last looked at, ms, and when that was. */
  #slept: number;
  #lookedAt: Instant;

  /** Reads what is stored; damage is an error in a sentence, since a lost vote could be cast twice. */
  static start(ports: KeeperPorts, options: KeeperOptions): Keeper | { readonly problem: string } {
    const vote = readStored(ports.store, VOTE_DOCUMENT, isVote);
    if ("problem" in vote) return vote;
    const pair = readStored(ports.store, PAIR_DOCUMENT, isPairRecord);
    if ("problem" in pair) return pair;
    const list = readStored(ports.store, LIST_DOCUMENT, isListRecord);
    if ("problem" in list) return list;
    return new Keeper(ports, options, { vote: vote.value, pair: pair.value, list: list.value });
  }

  private constructor(ports: KeeperPorts, options: KeeperOptions, stored: StoredLease) {
    this.#ports = ports;
    this.#slept = ports.clock.slept();
    this.#lookedAt = ports.clock.now();
    this.#guarded = options.grants;
    this.#pollEvery = options.isTold === true ? POLL_TOLD_EVERY : POLL_EVERY;
    const now = ports.clock.now();
    const { list } = stored;
    const identity = list === null ? options.identity : withVoters(options.identity, list.list, list.floor);
    this.#state = keeperEngine.start(identity, options.members, stored, now);
    this.#prepareGrants();
    this.#handle({ kind: "wake" });
  }

  /** For status, tests and the simulator's checkers; never to be changed. */
  get state(): KeeperState {
    return this.#state;
  }

  onPulse(received: ReceivedPulse): void {
    // Before the turn, whose end says when to wake next; it takes microseconds.
    this.#pollKernel();
    this.#handle({ kind: "pulse", pulse: received.pulse, link: received.link });
  }

  /** What came in at one moment: a turn costs far more than what one more pulse adds to it. */
  onPulses(received: readonly ReceivedPulse[]): void {
    this.#pollKernel();
    for (const turn of turnsOf(received)) this.#handle({ kind: "pulses", received: turn });
  }

  onWake(): void {
    this.#pollKernel();
    this.#handle({ kind: "wake" });
  }

  /** Somebody else may have changed addresses, devices or the guard. */
  onKernel(): void {
    if (this.#guarded.length > 0) this.#askKernel(this.#ports.clock.now());
  }

  onWorker(message: ToKeeper): void {
    if (message.kind === "reconfigure") this.#reguard(message.grants);
    this.#handle({ kind: "worker", message });
  }

  /**
   * Takes the addresses away, and the guard; the last thing before the process ends in an orderly way.
   *
   * Of ports the guard stays, closed, unless this node left in good order: what listens there may still run.
   */
  remove(): void {
    if (this.#guarded.length === 0) return;
    const { addresses, grants } = this.#ports;
    addresses.sweep(this.#addresses);
    if (this.#state.left || this.#guarded.every(isAddress)) grants.remove();
    else this.#leaveClosed();
    addresses.stop();
  }

  #leaveClosed(): void {
    const ports = this.#guarded.filter((grant) => !isAddress(grant)).map(formatGrant);
    this.#ports.grants.close(this.#guarded);
    const why = "this node did not leave in good order, so what listens there may still run";
    this.#journal("grant", ports.join(" "), "stays closed", "guard-stays", why);
  }

  get #addresses(): readonly FloatingAddress[] {
    return this.#guarded.filter(isAddress);
  }

  #prepareGrants(): void {
    if (this.#guarded.length === 0) return;
    const { grants, addresses } = this.#ports;
    // Closed first: what an earlier life left open must not answer while this one is only starting.
    this.#report("guard", grants.install(this.#guarded));
    const swept = addresses.sweep(this.#addresses);
    if (swept.kind === "done" && swept.ips.length > 0) {
      const why = "an earlier life of the daemon left it on this host";
      for (const ip of swept.ips) this.#journal("grant", ip, "removed", "swept", why);
    }
    this.#noteDevices(addresses.prepare(this.#addresses));
  }

  #noteDevices(prepared: Outcome): void {
    const problem = prepared.kind === "failed" ? prepared.detail : null;
    // Said once, however often it is tried again.
    if (problem !== this.#deviceProblem) this.#report("addresses", prepared);
    this.#deviceProblem = problem;
  }

  /** Why an address could not be taken here at present, as a sentence; null: all could. Looks again while there is one. */
  deviceProblem(): string | null {
    if (this.#deviceProblem !== null) this.#noteDevices(this.#ports.addresses.prepare(this.#addresses));
    return this.#deviceProblem;
  }

  /** Other grants: a new guard, closed, in one step; what is held is armed again right after it. */
  #reguard(configured: readonly Grant[]): void {
    // Held ones that are configured no more stay guarded until the worker has released them: unguarded they
    // would outlive this process, while another node still has the file that names them.
    const named = new Set(configured.map(grantKey));
    const retired = this.#state.grants.held.map((h) => h.grant).filter((g) => !named.has(grantKey(g)));
    const all = [...configured, ...retired];
    this.#retired = new Set(retired.map(grantKey));
    const same = JSON.stringify(all) === JSON.stringify(this.#guarded);
    if (same) return;
    const { grants, addresses } = this.#ports;
    this.#guarded = all;
    // First what takes a while: between the new guard and its arming everything held here is closed.
    this.#noteDevices(addresses.prepare(this.#addresses));
    this.#report("guard", all.length === 0 ? grants.remove() : grants.install(all));
    this.#handle({ kind: "guard-repaired", why: "the configuration names other addresses or ports" });
  }

  /** Released and configured no more: such grants are nobody's business here any longer. */
  #forgetRetired(released: readonly Grant[]): void {
    const isRetired = (grant: Grant) => this.#retired.has(grantKey(grant));
    if (!released.some(isRetired)) return;
    // All at once: a new guard closes everything for some milliseconds.
    if (this.#state.grants.held.some(({ grant }) => isRetired(grant))) return;
    this.#reguard(this.#guarded.filter((grant) => !isRetired(grant)));
  }

  #handle(event: KeeperEvent): void {
    this.#queue.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#noticeSleep();
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const turn = keeperEngine.handle(this.#state, next, this.#ports.clock.now());
        this.#state = turn.state;
        for (const effect of turn.effects) this.#carryOut(effect);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** What queued up during a sleep must not be used before the grants are closed. */
  #noticeSleep(): void {
    const { clock } = this.#ports;
    const slept = clock.slept();
    const now = clock.now();
    const gap = slept - this.#slept;
    // Two clocks of one host may differ in rate a little while one of them is slewed.
    const isSleep = gap > NO_SLEEP + (now - this.#lookedAt) * this.#state.identity.drift;
    this.#slept = slept;
    this.#lookedAt = now;
    if (!isSleep) return;
    this.#queue.unshift({ kind: "resumed", gap: ms(gap) });
  }

  #carryOut(effect: KeeperEffect): void {
    const { pulses, addresses, clock, tell } = this.#ports;
    switch (effect.kind) {
      case "send":
        return pulses.send(effect.pulse, effect.to);
      case "store-vote":
        return this.#storeVote(effect.vote);
      case "store-pair":
        return this.#storePair(effect.record);
      case "store-list":
        return this.#storeList(effect.record);
      case "watchdog":
        return this.#watchdog(effect.act, effect.until);
      case "take":
        return this.#take(effect);
      case "renew":
        return this.#renew(effect.grants, effect.until);
      case "refresh":
        return addresses.refresh(effect.addresses, effect.lifetimeSeconds);
      case "release":
        return this.#release(effect.id, effect.grants);
      case "announce":
        this.#report("announcement", addresses.announce(effect.addresses, effect.until));
        // A stranger that has the address does not answer an announcement, but it answers this.
        for (const address of effect.addresses) addresses.probe(address);
        return;
      case "tell":
        return tell(effect.message);
      case "wake":
        return clock.wakeAt(this.#pollInTime(effect.at));
      default:
        return unreachable(effect);
    }
  }

  #storeVote(vote: Vote): void {
    const stored = { term: vote.term, for: vote.for };
    this.#store(VOTE_DOCUMENT, stored, "vote", (ok, problem) => {
      this.#handle({ kind: "vote-stored", vote, ok, problem });
    });
  }

  #storePair(record: PairRecord): void {
    this.#store(PAIR_DOCUMENT, record, "tenure", (ok) => this.#handle({ kind: "pair-stored", record, ok }));
  }

  #storeList(record: ListRecord): void {
    this.#store(LIST_DOCUMENT, record, "voters", (ok) => this.#handle({ kind: "list-stored", record, ok }));
  }

  #store(
    document: string,
    value: object,
    subject: string,
    ended: (ok: boolean, problem: string | null) => void,
  ): void {
    this.#ports.store.write(document, JSON.stringify(value), (written) => {
      const ok = written.kind === "done";
      const problem = written.kind === "failed" ? written.problem : ok ? null : "the disk does not answer";
      if (problem !== null) this.#journal("lease", subject, "not stored", "store-failed", problem);
      ended(ok, problem);
    });
  }

  #watchdog(act: "arm" | "feed" | "disarm", until: Instant): void {
    const { watchdog, clock } = this.#ports;
    switch (act) {
      case "arm": {
        if (clock.now() >= until) {
          this.#queue.push({ kind: "watchdog-late" });
          return;
        }
        const armed = watchdog.arm();
        const [timeout, problem] = armed.kind === "armed" ? [armed.timeout, null] : [null, armed.detail];
        this.#queue.push({ kind: "watchdog-armed", timeout, problem });
        return;
      }
      case "feed":
        if (clock.now() >= until) return;
        if (!watchdog.feed())
          this.#journal("watchdog", "watchdog", "not fed", "feed-failed", "the device said no");
        return;
      case "disarm":
        if (!watchdog.disarm()) this.#journal("watchdog", "watchdog", "not disarmed", "nowayout", NO_WAY_OUT);
        return;
      default:
        return unreachable(act);
    }
  }

  #take(effect: Extract<KeeperEffect, { kind: "take" }>): void {
    const { addresses } = this.#ports;
    const problems: string[] = [];
    for (const address of effect.grants.filter(isAddress)) {
      const added = addresses.add(address, effect.lifetimeSeconds);
      if (added.kind === "failed") problems.push(`${formatAddress(address)}: ${added.detail}`);
    }
    if (problems.length === 0) {
      const armed = this.#armNow(effect.grants, effect.until);
      if (armed.kind === "failed") problems.push(armed.detail);
    }
    const problem = problems.length === 0 ? null : problems.join("; ");
    this.#queue.push({ kind: "took", id: effect.id, grants: effect.grants, problem });
  }

  /** A process that is held up between two calls changes nothing and may simply ask again, within its time. */
  #armNow(grants: readonly Grant[], until: Instant): Outcome {
    let armed = this.#ports.grants.arm(grants, until);
    for (let tries = 1; tries < ARM_TRIES && armed.kind === "failed" && armed.code === "frozen"; tries++) {
      armed = this.#ports.grants.arm(grants, until);
    }
    return armed;
  }

  #renew(grants: readonly Grant[], until: Instant): void {
    const armed = this.#ports.grants.arm(grants, until);
    if (armed.kind === "done") return;
    if (armed.code === "gone") this.#checkGuard();
    // Late or held up: the next turn sees by the clock what is true now.
    else this.#report("grant", armed);
  }

  /**
   * Closed in the kernel, a grant is let go: whoever waits for that hears it before the address is taken off
   * its device, which may have to wait for a lock of the kernel's (RTNL).
   */
  #release(id: number | null, grants: readonly Grant[]): void {
    const closed = this.#ports.grants.close(grants);
    const problem = closed.kind === "failed" ? closed.detail : null;
    if (problem !== null) this.#journal("grant", "release", "failed", "release-failed", problem);
    else this.#forgetRetired(grants);
    if (id !== null) this.#ports.tell({ kind: "released", id, problem });
    for (const address of grants.filter(isAddress))
      this.#report(address.ip, this.#ports.addresses.remove(address));
  }

  #pollInTime(at: Instant): Instant {
    if (this.#guarded.length === 0) return at;
    return earlier(at, instant(this.#polledAt + this.#pollEvery));
  }

  #pollKernel(): void {
    const now = this.#ports.clock.now();
    if (this.#guarded.length === 0 || now < this.#polledAt + this.#pollEvery - POLL_EARLY) return;
    this.#askKernel(now);
  }

  #askKernel(now: Instant): void {
    this.#polledAt = now;
    this.#checkGuard();
    for (const event of this.#ports.addresses.poll()) this.#foldAddressEvent(event);
  }

  #foldAddressEvent(event: AddressEvent): void {
    switch (event.kind) {
      case "removed": {
        const why = `somebody removed it from ${event.device}`;
        this.#journal("grant", event.ip, "removed by another", "address-removed", why);
        return this.#handle({ kind: "addresses-disturbed", ips: [event.ip], why });
      }
      case "claimed":
        return this.#handle({ kind: "claimed", ip: event.ip, mac: event.mac });
      case "link": {
        const why = linkText(event);
        this.#journal("grant", event.device, `device ${event.change}`, `device-${event.change}`, why);
        // Also when it went: putting the addresses back then fails, and that is how it is reported.
        return this.#handle({ kind: "addresses-disturbed", ips: event.ips, why });
      }
      default:
        return unreachable(event);
    }
  }

  #checkGuard(): void {
    const guard = this.#ports.grants.check();
    switch (guard.kind) {
      case "intact":
        this.#guard = "intact";
        return;
      case "repaired":
        this.#guard = "intact";
        this.#journal("grant", "guard", "gone -> repaired", "guard-repaired", guard.detail);
        return this.#handle({ kind: "guard-repaired", why: guard.detail });
      case "failed":
        if (this.#guard !== "failed") this.#journal("grant", "guard", "gone", "guard-failed", guard.detail);
        this.#guard = "failed";
        return;
      default:
        return unreachable(guard);
    }
  }

  #report(subject: string, outcome: Outcome): void {
    if (outcome.kind === "failed") this.#journal("grant", subject, "failed", outcome.code, outcome.detail);
  }

  #journal(area: JournalLine["area"], subject: string, what: string, code: string, why: string): void {
    this.#ports.tell({ kind: "journal", line: { area, subject, what, code, why, term: this.#state.term } });
  }
}

const LINK_TEXT = {
  up: "it has a carrier again",
  down: "it is down or has no carrier, so nobody reaches the addresses on it",
  gone: "it is not on this host any more, nor are the addresses on it",
  renamed: "somebody renamed it",
} as const;

function linkText({ change, from }: Extract<AddressEvent, { kind: "link" }>): string {
  return from === null ? LINK_TEXT[change] : `${LINK_TEXT[change]}, it was ${from}`;
}

const NO_WAY_OUT =
  "its driver does not let go of it (nowayout): the host is reset when nobody feeds it again";
