// What must hold at every moment, in true time. The nodes know nothing of this.

import type { KeeperState, LedMember, ListRecord } from "#engine/lease/state.ts";
import { isVoteFree } from "#engine/lease/voting.ts";
import type { ServiceConfig } from "#model/config.ts";
import { UNHEARD } from "#model/fencing.ts";
import { type Grant, grantKey, grantsOf } from "#model/grant.ts";
import type { NodeId } from "#model/ids.ts";
import type { IntentsVersion } from "#model/intents.ts";
import type { JournalLine } from "#model/journal.ts";
import type { Session } from "#model/session.ts";
import { formatSession, isEarlierSession } from "#model/session.ts";
import { instant } from "#model/units.ts";
import type { Host } from "./host.ts";
import { Violation } from "./world.ts";

interface Seen {
  readonly leading: KeeperState["leading"];
  readonly ledMembers: KeeperState["ledMembers"];
  readonly voter: KeeperState["voter"];
  readonly mute: boolean;
}

export class Invariants {
  /** Filled by the simulation once all hosts stand. */
  hosts: readonly Host[] = [];
  /** Told when a leader has collected everything and begins to plan. */
  onLeaderBegan: (leader: string, term: number, version: IntentsVersion) => void = () => {};
  /** By host: the session that a leader held for over, with certainty. */
  readonly #over = new Map<NodeId, Session>();
  readonly #begun = new WeakMap<Host, number>();
  /** Highest term in which somebody led, and who. */
  #led: { readonly term: number; readonly host: Host; readonly boot: number; isOver: boolean } | null = null;
  readonly #seen = new WeakMap<Host, Seen>();
  /** Per host and document: the highest number that was on its disk. */
  readonly #onDisk = new Map<string, number>();
  /** Per address or port: who had it last. */
  readonly #lastLive = new Map<string, { readonly host: Host; readonly since: number }>();
  /** `service host`: when a leader last journalled that the service goes there. */
  readonly #planned = new Map<string, number>();
  /** How many lines of plans there were: two at the same instant have an order, too. */
  #plans = 0;
  /** By life: the nodes that it fenced, and was not told that it failed. */
  readonly #fenced = new Map<string, string[]>();
  #moves = 0;
  #lapses = 0;
  #terms = 0;

  get moves(): number {
    return this.#moves;
  }

  /** How many nodes were proved dead by a fence device. */
  fenced = 0;

  get lapses(): number {
    return this.#lapses;
  }

  /** How many leaderships there were. */
  get terms(): number {
    return this.#terms;
  }

  /** An address or guarded port may have begun to work on a host: nowhere else may it work now. */
  opened(host: Host, grant: Grant): void {
    if (!host.kernel.isOpen(grant)) return;
    const key = grantKey(grant);
    const isEager = serviceWith(host, key)?.split === "eager";
    for (const other of this.hosts) {
      // Who prefers two actives to none has asked for it.
      if (!isEager && other !== host && other.kernel.isOpen(grant)) {
        fail("two-active", `${key} is live on ${other.id} and on ${host.id}`);
      }
    }
    const last = this.#lastLive.get(key);
    if (last?.host === host) return;
    const { world } = host.around;
    this.#lastLive.set(key, { host, since: this.#plans });
    const from = last === undefined ? "" : `, was on ${last.host.id}`;
    world.trace.say(host.id, `>>> ${key} is live here${from}`);
    if (last === undefined) return;
    this.#moves += 1;
    // Two that lead at once, as eager services allow, each give their own reasons.
    const mayBeTwo = host.around.config.services.some(({ split }) => split === "eager");
    if (!mayBeTwo) this.#checkReason(host, key, last);
  }

  /**
   * Some leader's journal says why the service came here: after it began on the host that had it before, or
   * after it was sent there.
   */
  #checkReason(host: Host, key: string, last: { readonly host: Host; readonly since: number }): void {
    const service = serviceWith(host, key);
    const plannedTo = (id: NodeId) => this.#planned.get(`${service?.name} ${id}`) ?? -1;
    const planned = plannedTo(host.id);
    if (planned >= last.since || planned > plannedTo(last.host.id)) return;
    fail("no-reason", `${key} came to ${host.id}, and no journal says why`);
  }

  /** A program may have begun to run. */
  started(host: Host, key: string, isExclusive: boolean): void {
    host.around.world.trace.say(host.id, `>>> ${key} runs here`);
    if (!isExclusive) return;
    for (const other of this.hosts) {
      if (other !== host && other.programs.isRunning(key)) {
        fail("two-active", `${key} runs on ${other.id} and on ${host.id}`);
      }
    }
  }

  /** A document reached a disk. */
  written(host: Host, name: string, text: string): void {
    const number = numberIn(name, text);
    if (number === null) return;
    const key = `${host.id}/${name}`;
    const before = this.#onDisk.get(key) ?? 0;
    if (number < before)
      fail("term-went-back", `${name} on the disk of ${host.id} went from ${before} to ${number}`);
    this.#onDisk.set(key, number);
  }

  /** At most so many nodes within an hour by decision of one life; what operators ask for counts, and may go on. */
  #checkFenceLimit(host: Host, { subject, what, why, code }: JournalLine): void {
    const key = `${host.id} ${host.life?.boot}`;
    const fenced = this.#fenced.get(key) ?? [];
    if (what === "proved dead" && code === "fenced") this.fenced += 1;
    if (what === "not proved dead") fenced.pop();
    if (what !== "being fenced") return;
    fenced.push(subject);
    this.#fenced.set(key, fenced);
    const { perHour } = host.around.config.fencing;
    if (fenced.length <= perHour || why.endsWith("asked for it")) return;
    fail("fence-limit", `${host.id} fences ${fenced.join(", ")}, and may fence ${perHour} within an hour`);
  }

  journalled(host: Host, line: JournalLine): void {
    if (line.area === "fence") this.#checkFenceLimit(host, line);
    if (line.area === "plan") {
      const to = line.what.split(" -> ")[1];
      if (to !== undefined) this.#planned.set(`${line.subject} ${to}`, this.#plans++);
    }
    if (line.area === "lease" && line.what === "acting -> lapsed") this.#lapses += 1;
  }

  /** After each event of a keeper. */
  afterKeeper(host: Host): void {
    const state = host.life?.keeper.state;
    if (state === undefined) return;
    const { acting } = state;
    const over = this.#over.get(host.id);
    // Between two voters who leads acts by its own word, in whichever session it is.
    const actsAlone = state.pair !== null && state.leading.kind === "leads";
    if (actsAlone) this.#over.delete(host.id);
    else if (over !== undefined && acting.mayAct && !isEarlierSession(over, acting.session)) {
      const session = formatSession(acting.session);
      fail(
        "session-back",
        `${host.id} acts in session ${session}, in which it was excluded: orders for it still count`,
      );
    }
    const seen = this.#seen.get(host);
    const { leading, ledMembers, voter, mute } = state;
    if (seen?.voter !== voter || seen.mute !== mute || seen.leading !== leading) this.#checkVotes();
    if (
      seen?.leading === leading &&
      seen.ledMembers === ledMembers &&
      seen.voter === voter &&
      seen.mute === mute
    )
      return;
    this.#seen.set(host, { leading, ledMembers, voter, mute });
    this.#checkLeader(host, state);
    if (seen?.ledMembers !== state.ledMembers) this.#checkExcluded(host, state, seen?.ledMembers);
  }

  /** After each event of a worker. */
  afterWorker(host: Host): void {
    const leader = host.life?.worker.state.leader ?? null;
    if (leader === null || leader.phase !== "leading" || leader.intents === null) return;
    if (this.#begun.get(host) === leader.term) return;
    this.#begun.set(host, leader.term);
    this.onLeaderBegan(host.id, leader.term, leader.intents.version);
  }

  /** While somebody leads, no quorum of voters is free to vote for another. */
  #checkVotes(): void {
    const leader = this.hosts.find((h) => {
      const leading = h.life?.keeper.state.leading;
      return !h.isAway && leading?.kind === "leads" && h.now() < leading.until;
    });
    if (leader === undefined) return;
    const free = this.hosts.filter((h) => {
      const state = h.life?.keeper.state;
      // By the list of the leader: to vote by another one somebody must have been elected by it.
      const counts = leader.life?.keeper.state.identity.voters.includes(h.id) === true;
      return h !== leader && counts && state !== undefined && isVoteFree(state, instant(h.now()));
    });
    const quorum = leader.life?.keeper.state.identity.quorum ?? 0;
    if (free.length < quorum) return;
    const names = free.map((h) => h.id).join(" and ");
    fail("votes-free", `${leader.id} leads, but ${names} are free to vote for another`);
  }

  #checkLeader(host: Host, state: KeeperState): void {
    const { leading } = state;
    if (leading.kind !== "leads" && this.#led?.host === host) this.#led.isOver = true;
    if (leading.kind !== "leads" || leading.until <= host.now() || state.pair?.leadsEagerly === true) return;
    const boot = host.life?.boot ?? 0;
    const before = this.#led;
    const isSame =
      before !== null &&
      !before.isOver &&
      before.term === leading.term &&
      before.host === host &&
      before.boot === boot;
    if (!isSame) {
      if (before !== null && leading.term <= before.term && !mayNotKnow(host, state, before)) {
        fail(
          "term-twice",
          `${host.id} leads in term ${leading.term} after ${before.host.id} in term ${before.term}`,
        );
      }
      this.#led = { term: leading.term, host, boot, isOver: false };
      this.#terms += 1;
    }
    for (const other of this.hosts) {
      const keeper = other.life?.keeper.state;
      const theirs = keeper?.leading;
      if (
        keeper?.pair?.leadsEagerly === true ||
        other === host ||
        other.isAway ||
        theirs?.kind !== "leads" ||
        theirs.until <= other.now()
      )
        continue;
      fail("two-leaders", `${other.id} leads in term ${theirs.term}, ${host.id} in term ${leading.term}`);
    }
  }

  /** A node that the leader calls excluded has lapsed, with certainty. */
  #checkExcluded(leader: Host, state: KeeperState, before: KeeperState["ledMembers"] | undefined): void {
    for (const [id, member] of state.ledMembers) {
      if (member.kind === "readmitting") this.#checkReadmitted(leader, id, before?.get(id));
      if (member.kind !== "excluded" || before?.get(id)?.kind === "excluded") continue;
      const was = before?.get(id);
      if (was?.kind === "resetting" && was.certain) continue;
      const host = this.hostOf(id);
      const session = host.life?.keeper.state.acting.session;
      if (session !== undefined) this.#over.set(id, session);
      const keeper = host.life?.keeper.state;
      const acting = keeper?.acting;
      // Who leads eagerly acts by its own word, for services that may be active twice.
      const mayAct = acting?.mayAct === true && host.now() < acting.until && !host.isAway;
      if (keeper?.pair?.leadsEagerly !== true && mayAct) {
        fail("uncertain", `${leader.id} holds ${id} for excluded, which may still act`);
      }
      const live = host.grants.find(
        (grant) => host.kernel.isOpen(grant) && serviceWith(host, grantKey(grant))?.split !== "eager",
      );
      if (live !== undefined)
        fail("uncertain", `${leader.id} holds ${id} for excluded, which has ${grantKey(live)} live`);
    }
  }

  /** Who was excluded is taken back in a new session only: what it was told before is void. */
  #checkReadmitted(leader: Host, id: NodeId, was: LedMember | undefined): void {
    if (was?.kind !== "excluded" && !(was?.kind === "resetting" && was.certain)) return;
    const over = this.#over.get(id);
    const session = this.hostOf(id).life?.keeper.state.acting.session;
    if (over === undefined || session === undefined || isEarlierSession(over, session)) return;
    fail(
      "not-reset",
      `${leader.id} readmits ${id} in session ${formatSession(session)}, in which it was excluded`,
    );
  }

  hostOf(id: NodeId): Host {
    const host = this.hosts.find((each) => each.id === id);
    if (host === undefined) throw new Error(`no host ${id}`);
    return host;
  }
}

/**
 * Of two that took over from each other by turns nobody alive knows the other's terms: what they have in common is
 * the date. So this is excused where a clock was wrong: the host's own behind, or one ahead that the other's terms
 * came from.
 */
function mayNotKnow(
  host: Host,
  { pair }: KeeperState,
  before: { readonly term: number; readonly host: Host },
): boolean {
  const isUnheard = before.host !== host && pair?.proof?.boot === UNHEARD;
  return isUnheard && (host.isBehind || before.term > host.around.world.date);
}

function serviceWith(host: Host, key: string): ServiceConfig | undefined {
  return host.around.config.services.find((s) =>
    s.resources.flatMap(grantsOf).some((grant) => grantKey(grant) === key),
  );
}

function fail(invariant: string, text: string): never {
  throw new Violation(invariant, text);
}

function numberIn(name: string, text: string): number | null {
  if (name === "boot") return Number(text);
  if (name === "voters") {
    const { list } = JSON.parse(text) as ListRecord;
    return list.id.term * 1_000 + list.id.number;
  }
  if (name === "vote") return (JSON.parse(text) as { readonly term: number }).term;
  return null;
}
