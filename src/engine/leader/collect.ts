// The leader takes in what members report, and decides whether it knows enough to plan.

import type { Config, MemberConfig } from "#model/config.ts";
import type { LeaseNews, MemberNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { Intents } from "#model/intents.ts";
import { sameVersion } from "#model/intents.ts";
import type { MemberStanding, NodeReport } from "#model/order.ts";
import { isEarlierSession, sameSession } from "#model/session.ts";
import type { Instant } from "#model/units.ts";
import { ms, NEVER, plus } from "#model/units.ts";
import type { Identity } from "../identity.ts";
import { newestIntents } from "../intents/document.ts";
import { noteLosses } from "./losses.ts";
import type { LeaderState, LedNode } from "./state.ts";

export function startLeading(config: Config, news: LeaseNews, now: Instant): LeaderState {
  const members = config.members.map((m): [NodeId, LedNode] => [m.id, newLedNode(m)]);
  return {
    term: news.term,
    since: now,
    phase: "collecting",
    members: new Map(members),
    lastNumber: 0,
    intents: null,
    isUnsettled: false,
    settledUnder: null,
    proposal: null,
    queue: [],
    answered: new Map(),
    fitSince: new Map(),
    failedAt: new Map(),
    losses: new Map(),
    plan: null,
    plannedFrom: [],
    picture: null,
    excludedSince: new Map(),
    outlook: null,
    outlookFrom: [],
  };
}

function newLedNode(m: MemberConfig): LedNode {
  return {
    id: m.id,
    isNode: m.kind === "node",
    report: null,
    isCurrent: false,
    outdatedSince: null,
    order: null,
    orderedActive: new Map(),
    sentAt: NEVER,
    sentPicture: null,
  };
}

/** Members may come and go while this node leads; what is known of those that stay, stays. */
export function withConfiguredMembers(leader: LeaderState, config: Config): LeaderState {
  const members = config.members.map((m): [NodeId, LedNode] => [
    m.id,
    leader.members.get(m.id) ?? newLedNode(m),
  ]);
  return { ...leader, members: new Map(members) };
}

/** Takes a report in, unless it is older than what is known or does not know this term yet. */
export function foldReport(
  leader: LeaderState,
  report: NodeReport,
  config: Config,
  now: Instant,
): LeaderState {
  const member = leader.members.get(report.node);
  if (member === undefined || report.term !== leader.term) return leader;
  const { report: before } = member;
  if (before !== null && !isNewerReport(report, before)) return leader;
  const isNewSession = before === null || isEarlierSession(before.session, report.session);
  // Orders name their session: what an earlier one was ordered is void in the new one.
  const voided = isNewSession && before !== null ? { order: null, orderedActive: new Map() } : {};
  const losses =
    isNewSession && before !== null ? noteLosses(leader.losses, before, config, now) : leader.losses;
  const next = { ...leader, losses };
  return withMember(next, { ...member, ...voided, report, isCurrent: true, outdatedSince: null });
}

function isNewerReport(a: NodeReport, b: NodeReport): boolean {
  if (isEarlierSession(b.session, a.session)) return true;
  return !isEarlierSession(a.session, b.session) && a.number > b.number;
}

/**
 * Only a report of the very session that the keeper hears of counts. Of an older one what it runs is not known; a
 * newer one is for the worker to wait for: the keeper's news may be late, and an exclusion that is among them is
 * about the sessions up to then. Nothing may have been ordered in a later one when it is taken for a proof.
 */
export function markOutdated(leader: LeaderState, news: LeaseNews, now: Instant): LeaderState {
  let next = leader;
  for (const heard of news.members) {
    const member = next.members.get(heard.node);
    if (member === undefined) continue;
    const isCurrent = isReportCurrent(member, heard);
    if (isCurrent === member.isCurrent) continue;
    const outdatedSince = isCurrent ? null : now;
    next = withMember(next, { ...member, isCurrent, outdatedSince });
  }
  return next;
}

/**
 * It lapsed after its last report of this term, as its pulses show, and has not reported since: it may hear nobody.
 * It obeys no order of an older term any more, and none of this one was given for a later session than that report's;
 * so whatever the kernel revokes, it has not. Some pulses are waited for, since most nodes report within milliseconds.
 */
export function hasLapsedUnreported(
  member: LedNode,
  news: LeaseNews,
  identity: Identity,
  now: Instant,
): boolean {
  const heard = news.members.find(({ node }) => node === member.id)?.session ?? null;
  const { report, outdatedSince } = member;
  if (report === null || heard === null || outdatedSince === null || now < reportDue(outdatedSince, identity))
    return false;
  return isEarlierSession(report.session, heard);
}

const REPORT_PULSES = 3;

/** A node that is back in a new session has reported by then, if it hears anybody. */
export const reportDue = (outdatedSince: Instant, { pulse }: Identity): Instant =>
  plus(outdatedSince, ms(REPORT_PULSES * pulse));

function isReportCurrent(member: LedNode, heard: MemberNews): boolean {
  if (member.report === null) return false;
  return heard.session !== null && sameSession(member.report.session, heard.session);
}

export function withMember(leader: LeaderState, member: LedNode): LeaderState {
  return { ...leader, members: new Map(leader.members).set(member.id, member) };
}

/** How a member stands, as the keeper knows; this node itself is alive. */
export function standingOfMember(id: NodeId, news: LeaseNews): MemberStanding {
  return news.members.find((m) => m.node === id)?.standing ?? "alive";
}

/** Every node reported in this term, or has lapsed for certain, or left. */
export function knowsAllNodes(leader: LeaderState, news: LeaseNews): boolean {
  return [...leader.members.values()].every((member) => {
    if (!member.isNode) return true;
    const standing = standingOfMember(member.id, news);
    // Who leads for eager services alone plans nothing that rests on what the other one has.
    if (news.pair?.leadsEagerly === true && standing === "silent") return true;
    return standing === "excluded" || standing === "left" || (standing === "alive" && member.isCurrent);
  });
}

/**
 * The newest intents of a quorum of voters, none of which will store anything of an older term any more.
 * `isSettled`: the whole quorum has this very version, so it needs no storing again.
 */
export function collectIntents(
  leader: LeaderState,
  identity: Identity,
): { readonly intents: Intents; readonly isSettled: boolean } | null {
  const docs: Intents[] = [];
  for (const member of leader.members.values()) {
    const stored =
      identity.voters.includes(member.id) && member.isCurrent ? (member.report?.intents ?? null) : null;
    if (stored !== null) docs.push(stored);
  }
  if (docs.length < identity.readQuorum) return null;
  const newest = newestIntents(docs);
  if (newest === null) return null;
  const holders = docs.filter((d) => sameVersion(d.version, newest.version)).length;
  return { intents: newest, isSettled: holders >= identity.quorum };
}
