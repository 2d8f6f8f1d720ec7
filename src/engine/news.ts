// What the keeper tells the worker: its picture when it changed, and a journal line for each transition.

import { unreachable } from "#lib/unreachable.ts";
import type { LeaseNews, MemberNews, ToWorker } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { JournalLine } from "#model/journal.ts";
import type { MemberStanding } from "#model/order.ts";
import { formatSession, sameSession } from "#model/session.ts";
import type { Instant } from "#model/units.ts";
import { between, NEVER, shorten } from "#model/units.ts";
import { sameList } from "#model/voters.ts";
import type { Identity } from "./identity.ts";
import type { KeeperEffect } from "./keeper.ts";
import type { KeeperState, LapseCause } from "./lease/state.ts";
import { isListSettled } from "./lease/voters.ts";
import type { Peer } from "./membership/peers.ts";
import { isForeignList, isSilent, statementOf } from "./membership/peers.ts";

/** Unchanged news is told again after this many pulses: the worker shows its age. */
const TELL_AGAIN_PULSES = 20;

interface Step {
  readonly state: KeeperState;
  readonly effects: readonly KeeperEffect[];
}

export function tellChanges(before: KeeperState, state: KeeperState, now: Instant): Step {
  const last = state.told;
  const news = keeperNews(state, now);
  const stale = last === null || between(last.at, now) >= TELL_AGAIN_PULSES * state.identity.pulse;
  const changed = last === null || !sameNews(last.news, news);
  const lines = last === null || !changed ? [] : linesBetween(last.news, news, state);
  lines.push(...claimLines(before, state));
  const messages: ToWorker[] = lines.map((line) => ({ kind: "journal", line }));
  if (changed || stale) messages.push(news);
  if (messages.length === 0) return { state, effects: [] };
  const told = changed || stale ? { news, at: now } : last;
  return { state: { ...state, told }, effects: messages.map((message) => ({ kind: "tell", message })) };
}

export function keeperNews(state: KeeperState, now: Instant): LeaseNews {
  const { acting, leading } = state;
  return {
    kind: "lease",
    session: acting.session,
    mayAct: acting.mayAct,
    mayActUntil: acting.until,
    term: state.term,
    leader: leaderOf(state, now),
    leads: leading.kind === "leads",
    members: state.peers.map((peer) => memberNews(state, peer, now)),
    othersSuffice: doOthersSuffice(state, now),
    left: state.left,
    pair: pairNews(state, now),
    voters: { list: state.identity.list, floor: state.identity.floor, isSettled: isListSettled(state) },
    watchdog: watchdogNews(state),
  };
}

function watchdogNews({ watchdog }: KeeperState): LeaseNews["watchdog"] {
  return { stage: watchdog.stage, timeout: watchdog.timeout, problem: watchdog.problem };
}

function pairNews(state: KeeperState, now: Instant): LeaseNews["pair"] {
  const { pair } = state;
  const peer = state.peers.find((p) => p.id === pair?.peer);
  if (pair === null || peer === undefined) return null;
  const isAway = isSilent(peer, state.identity, now);
  const heardAt = peer.heardAt === NEVER ? state.startedAt : peer.heardAt;
  return {
    peer: pair.peer,
    leadsEagerly: pair.leadsEagerly,
    knowsPeer: pair.record.heard !== null,
    silentSince: isAway ? heardAt : null,
  };
}

/** A voter that acknowledges nobody is mute, or hears nobody: either way nobody could go on with its word. */
function doOthersSuffice(state: KeeperState, now: Instant): boolean {
  const speaks = (peer: Peer) => peer.isVoter && statementOf(peer, now)?.heard.some((h) => h.counts) === true;
  return state.peers.filter(speaks).length >= state.identity.quorum;
}

/** Who leads, as far as this node can tell: itself, or who states so in the highest term; there is one at most. */
function leaderOf(state: KeeperState, now: Instant): NodeId | null {
  if (state.leading.kind === "leads") return state.identity.self;
  const saysSo = (peer: Peer): boolean => {
    const leads = statementOf(peer, now)?.leads ?? null;
    return leads !== null && leads >= state.term;
  };
  return state.peers.find(saysSo)?.id ?? null;
}

function memberNews(state: KeeperState, peer: Peer, now: Instant): MemberNews {
  const { identity } = state;
  return {
    node: peer.id,
    standing: standingOf(state, peer, now),
    session: peer.answeredIn === null ? null : (peer.pulse?.session ?? null),
    links: peer.addresses.map((address, i) => {
      const at = peer.linkHeardAt[i] ?? state.startedAt;
      return { address, up: between(at, now) <= identity.lease, since: at };
    }),
    watchdog: peer.pulse?.watchdog ?? null,
    foreignVoters: peer.pulse !== null && isForeignList(peer.pulse, identity),
    foreignConfig: peer.pulse !== null && peer.pulse.config !== identity.configHash,
  };
}

function standingOf(state: KeeperState, peer: Peer, now: Instant): MemberStanding {
  const led = state.ledMembers.get(peer.id);
  if (led === undefined) {
    if (isSilent(peer, state.identity, now)) return peer.pulse?.left === true ? "left" : "silent";
    return peer.pulse?.left === true ? "left" : "alive";
  }
  switch (led.kind) {
    case "in":
    case "readmitting":
      return "alive";
    case "asking":
      return "silent";
    case "excluded":
      return "excluded";
    // Until it confirmed, nothing that it reports is of the session that will count.
    case "resetting":
      return led.certain ? "excluded" : "silent";
    case "left":
      return "left";
    default:
      return unreachable(led);
  }
}

function sameNews(a: LeaseNews, b: LeaseNews): boolean {
  return (
    a.mayAct === b.mayAct &&
    a.leads === b.leads &&
    a.leader === b.leader &&
    a.term === b.term &&
    a.left === b.left &&
    a.othersSuffice === b.othersSuffice &&
    a.watchdog.stage === b.watchdog.stage &&
    samePair(a.pair, b.pair) &&
    sameList(a.voters.list.id, b.voters.list.id) &&
    sameList(a.voters.floor, b.voters.floor) &&
    a.voters.isSettled === b.voters.isSettled &&
    sameSession(a.session, b.session) &&
    a.members.every((m, i) => sameMember(m, b.members[i]))
  );
}

function samePair(a: LeaseNews["pair"], b: LeaseNews["pair"]): boolean {
  return (
    a?.peer === b?.peer &&
    a?.leadsEagerly === b?.leadsEagerly &&
    a?.knowsPeer === b?.knowsPeer &&
    a?.silentSince === b?.silentSince
  );
}

function sameMember(a: MemberNews, b: MemberNews | undefined): boolean {
  return (
    b !== undefined &&
    a.standing === b.standing &&
    a.watchdog === b.watchdog &&
    a.foreignVoters === b.foreignVoters &&
    a.foreignConfig === b.foreignConfig &&
    (a.session === null) === (b.session === null) &&
    (a.session === null || b.session === null || sameSession(a.session, b.session)) &&
    a.links.every((l, i) => l.up === b.links[i]?.up)
  );
}

function linesBetween(before: LeaseNews, after: LeaseNews, state: KeeperState): JournalLine[] {
  const { identity } = state;
  const lines: JournalLine[] = [];
  const say = (area: JournalLine["area"], subject: string, what: string, code: string, why: string) =>
    lines.push({ area, subject, what, code, why, term: after.term });
  if (before.mayAct && !sameSession(before.session, after.session)) {
    const cause = state.acting.lapsed ?? "not-acknowledged";
    say("lease", identity.self, "acting -> lapsed", cause, lapseReason(cause, identity));
  }
  if (after.mayAct && (!before.mayAct || !sameSession(before.session, after.session))) {
    const why = `a quorum of voters acknowledges it, session ${formatSession(after.session)}`;
    say("lease", identity.self, "waiting -> acting", "acknowledged", why);
  }
  if (before.leader !== after.leader) {
    const what = `leader ${before.leader ?? "none"} -> ${after.leader ?? "none"}`;
    const { code, why } = leaderReason(after);
    say("lease", after.leader ?? identity.self, what, code, why);
  }
  if (!sameList(before.voters.list.id, after.voters.list.id)) {
    const { id, voters } = after.voters.list;
    const why = `a leader issued list ${id.term}.${id.number} of the voters, and it is on disk here`;
    say("lease", identity.self, `voters: ${voters.join(", ")}`, "voters-changed", why);
  }
  after.members.forEach((member, i) => {
    const was = before.members[i];
    if (was === undefined) return;
    if (was.standing !== member.standing) {
      const why = standingReason(member, state);
      say("member", member.node, `${was.standing} -> ${member.standing}`, member.standing, why);
    }
    member.links.forEach((link, n) => {
      const before = was.links[n];
      if (before === undefined || before.up === link.up || member.links.length < 2) return;
      const what = `link ${link.address} ${link.up ? "down -> up" : "up -> down"}`;
      const why = link.up
        ? "pulses come over it again"
        : `no pulse came over it for ${Math.round(identity.lease)} ms`;
      say("member", member.node, what, link.up ? "link-up" : "link-down", why);
    });
    if (!was.foreignVoters && member.foreignVoters) {
      say("member", member.node, "foreign voters", "foreign-voters", "its list of voters differs from ours");
    }
    if (was.foreignConfig !== member.foreignConfig) {
      const [what, why] = member.foreignConfig
        ? ["other configuration", "its configuration says something else than the one here"]
        : ["same configuration", "its configuration says the same as the one here again"];
      say("member", member.node, what, member.foreignConfig ? "foreign-config" : "same-config", why);
    }
  });
  return lines;
}

function leaderReason({ leader, leads, term, pair }: LeaseNews): {
  readonly code: string;
  readonly why: string;
} {
  if (leader === null) return { code: "no-leader", why: "no quorum states a vote" };
  if (!leads || pair === null) return { code: "elected", why: `a quorum votes for it in term ${term}` };
  if (pair.leadsEagerly) {
    const why = `${pair.peer} is silent and not proved dead: in term ${term} it leads for services with split: eager`;
    return { code: "eager", why };
  }
  return { code: "elected", why: `it holds the tenure in term ${term}` };
}

function lapseReason(cause: LapseCause, identity: Identity): string {
  switch (cause) {
    case "not-acknowledged":
      return `no quorum of voters acknowledged it for ${Math.round(shorten(identity.lease, identity.drift))} ms`;
    case "reset":
      return "it had been excluded, so it dropped everything before the voters acknowledge it again";
    case "worker-silent":
      return `the other half of the daemon was silent for ${Math.round(identity.workerSilence)} ms`;
    case "left":
      return "the daemon is stopping";
    case "overtaken":
      return "the other node leads in a higher term, so it lets go of everything";
    case "resumed":
      return "the host slept or was paused, and what happened meanwhile is not known";
    default:
      return unreachable(cause);
  }
}

function standingReason(member: MemberNews, state: KeeperState): string {
  switch (member.standing) {
    case "alive":
      return "its pulses come in time";
    case "silent":
      // A new leader was not told by itself: to be certain, it has the node excluded.
      if (state.peers.find((peer) => peer.id === member.node)?.pulse?.left === true)
        return "it said goodbye before; the new leader makes certain that it does not act";
      return `not heard for ${Math.round(state.identity.lease)} ms; it may still act`;
    case "excluded":
      return "a quorum of voters promised to acknowledge nothing from it, so it has lapsed";
    case "left":
      return "it let go of everything and said goodbye";
    default:
      return unreachable(member.standing);
  }
}

function claimLines(before: KeeperState, state: KeeperState): JournalLine[] {
  if (before.claims === state.claims) return [];
  const lines: JournalLine[] = [];
  for (const [ip, claim] of state.claims) {
    if (before.claims.get(ip)?.mac === claim.mac && claim.at - (before.claims.get(ip)?.at ?? 0) < 60_000)
      continue;
    lines.push({
      area: "grant",
      subject: ip,
      what: `claimed by ${claim.mac}`,
      code: "address-conflict",
      why: "another machine says that the address is its own",
      term: state.term,
    });
  }
  return lines;
}
