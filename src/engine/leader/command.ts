// The leader plans when what it sees changed, turns the plan into orders, and tells every member.

import type { Config } from "#model/config.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { JournalLine } from "#model/journal.ts";
import type { ClusterPicture, MemberPicture, Message } from "#model/order.ts";
import type { Role } from "#model/role.ts";
import type { Instant } from "#model/units.ts";
import { between, NEVER } from "#model/units.ts";
import { lastingProofs } from "../fencing/proofs.ts";
import type { Identity } from "../identity.ts";
import { emptyIntents } from "../intents/document.ts";
import { diffPlans, plan } from "../planner/plan.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import { hasLapsedUnreported, reportDue, standingOfMember, withMember } from "./collect.ts";
import type { LeaderState, LedNode } from "./state.ts";
import { foldFitness, viewOf } from "./view.ts";

interface Step {
  readonly leader: LeaderState;
  readonly effects: readonly WorkerEffect[];
}

/** Plans afresh if anything that a plan rests on is not what it was. */
export function planIfChanged(
  leader: LeaderState,
  { config, identity }: WorkerState,
  news: LeaseNews,
  now: Instant,
): Step {
  const { intents } = leader;
  if (leader.phase !== "leading" || intents === null) return { leader, effects: [] };
  const again = leader.plan?.directions.planAgainAt ?? null;
  const isDue = again !== null && now >= again;
  const from = planInputs(leader, config, identity, news, now);
  if (!isDue && sameInputs(from, leader.plannedFrom)) return { leader, effects: [] };
  const fit = foldFitness(leader, news, intents, now);
  const next = plan(viewOf(fit, config, identity, news, intents, now));
  const lines = diffPlans(leader.plan, next, leader.term);
  const effects = lines.map((line): WorkerEffect => ({ kind: "journal", line }));
  return { leader: { ...fit, plan: next, plannedFrom: from }, effects };
}

function planInputs(
  leader: LeaderState,
  config: Config,
  identity: Identity,
  news: LeaseNews,
  now: Instant,
): readonly unknown[] {
  const inputs: unknown[] = [config, leader.intents, leader.outlook];
  for (const member of leader.members.values()) {
    if (!member.isNode) continue;
    inputs.push(member.report, member.isCurrent, member.orderedActive, standingOfMember(member.id, news));
    inputs.push(hasLapsedUnreported(member, news, identity, now));
  }
  return inputs;
}

function sameInputs(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((input, i) => input === b[i]);
}

/** Gives each node that is in its present session the order that the plan's directions amount to. */
export function giveOrders(leader: LeaderState, news: LeaseNews): LeaderState {
  const directions = leader.plan?.directions;
  if (leader.phase !== "leading" || directions === undefined) return leader;
  let next = leader;
  for (const member of leader.members.values()) {
    if (!member.isNode || !member.isCurrent || member.report === null) continue;
    if (standingOfMember(member.id, news) !== "alive") continue;
    const wanted = directions.wanted.get(member.id) ?? new Map<ServiceName, Role>();
    if (member.order !== null && sameWanted(member.order.wanted, wanted)) continue;
    next = giveOrder(next, member, wanted);
  }
  return next;
}

function giveOrder(
  leader: LeaderState,
  member: LedNode,
  wanted: ReadonlyMap<ServiceName, Role>,
): LeaderState {
  if (member.report === null) return leader;
  const number = leader.lastNumber + 1;
  const orderedActive = new Map(member.orderedActive);
  const activeSince = new Map<ServiceName, number>();
  for (const [service, role] of wanted) {
    if (role !== "active") continue;
    orderedActive.set(service, number);
    activeSince.set(service, member.order?.activeSince.get(service) ?? number);
  }
  const order = { number, session: member.report.session, wanted, activeSince };
  return { ...withMember(leader, { ...member, order, orderedActive, sentAt: NEVER }), lastNumber: number };
}

function sameWanted(a: ReadonlyMap<ServiceName, Role>, b: ReadonlyMap<ServiceName, Role>): boolean {
  return a.size === b.size && [...a].every(([service, role]) => b.get(service) === role);
}

/** What every member is told about the cluster; the same object while nothing in it changed. */
export function paint(
  leader: LeaderState,
  { config, identity, fencing }: WorkerState,
  news: LeaseNews,
): LeaderState {
  const members = config.members.map((m): MemberPicture => {
    const report = leader.members.get(m.id)?.report ?? null;
    return {
      node: m.id,
      standing: standingOfMember(m.id, news),
      reach: report?.reach ?? "unknown",
      leaving: report?.leaving ?? false,
      differs: report !== null && report.config !== identity.configHash,
    };
  });
  const { picture } = leader;
  const placements = leader.plan?.placements ?? NO_PLACEMENTS;
  const intents = leader.intents ?? EMPTY;
  const proofs = lastingProofs(fencing.proofs);
  const unproved = leader.plan?.directions.unproved ?? NONE;
  const proving = [...unproved.keys()].flatMap((node) => leader.outlook?.remedies.get(node) ?? []);
  const isSame =
    picture !== null &&
    picture.phase === leader.phase &&
    picture.placements === placements &&
    picture.intents === intents &&
    sameProofs(picture.proofs, proofs) &&
    sameProving(picture.proving, proving) &&
    picture.members.every((m, i) => sameMember(m, members[i]));
  if (isSame) return leader;
  const next: ClusterPicture = {
    leader: identity.self,
    term: leader.term,
    phase: leader.phase,
    members,
    placements,
    intents,
    proofs,
    proving,
  };
  return { ...leader, picture: next };
}

/** One object: what did not change is recognised by being the same. */
const NO_PLACEMENTS: ClusterPicture["placements"] = [];

const EMPTY = emptyIntents();
const NONE: ReadonlyMap<NodeId, readonly ServiceName[]> = new Map();

function sameProofs(a: ClusterPicture["proofs"], b: ClusterPicture["proofs"]): boolean {
  return a.length === b.length && a.every((proof, i) => proof === b[i]);
}

function sameProving(a: ClusterPicture["proving"], b: ClusterPicture["proving"]): boolean {
  return a.length === b.length && a.every(({ node, text }, i) => b[i]?.node === node && b[i]?.text === text);
}

function sameMember(a: MemberPicture, b: MemberPicture | undefined): boolean {
  return (
    b !== undefined &&
    a.node === b.node &&
    a.standing === b.standing &&
    a.reach === b.reach &&
    a.leaving === b.leaving &&
    a.differs === b.differs
  );
}

/** What was not obeyed yet is said again this soon, in pulses; what was, this seldom, ms. */
const RESEND_PULSES = 2;
const REPEAT = 2_000;

/** Tells each member its order and the picture: at once when new, again until it obeys, and now and then. */
export function tellMembers(leader: LeaderState, identity: Identity, news: LeaseNews, now: Instant): Step {
  const { picture } = leader;
  if (picture === null) return { leader, effects: [] };
  const effects: WorkerEffect[] = [];
  let next = leader;
  // New orders before mere news: somebody's service is waiting for them.
  const hasNews = (member: LedNode) => (member.sentAt === NEVER ? 0 : 1);
  for (const member of [...leader.members.values()].sort((a, b) => hasNews(a) - hasNews(b))) {
    if (!isTold(member, news) || !isDue(member, leader, identity, now)) continue;
    effects.push({ kind: "send", to: member.id, message: orderMessage(member, leader, picture, identity) });
    next = withMember(next, { ...member, sentAt: now, sentPicture: picture });
  }
  return { leader: next, effects };
}

/** Who is gone is told nothing. */
function isTold({ id }: LedNode, news: LeaseNews): boolean {
  const standing = standingOfMember(id, news);
  return standing !== "excluded" && standing !== "left";
}

function isDue(member: LedNode, leader: LeaderState, identity: Identity, now: Instant): boolean {
  const waited = between(member.sentAt, now);
  const isNew = member.sentAt === NEVER || member.sentPicture !== leader.picture;
  const obeys = member.order === null || member.report?.order?.number === member.order.number;
  const isAnswered = member.isCurrent && obeys;
  return isNew || waited >= REPEAT || (!isAnswered && waited >= RESEND_PULSES * identity.pulse);
}

function orderMessage(
  member: LedNode,
  leader: LeaderState,
  picture: ClusterPicture,
  identity: Identity,
): Message {
  const { order, report } = member;
  const wanted = order === null ? null : [...order.wanted].map(([service, role]) => ({ service, role }));
  return {
    kind: "order",
    order: {
      id: { term: leader.term, number: order?.number ?? 0 },
      to: member.id,
      session: order?.session ?? report?.session ?? { boot: identity.boot, lapses: 0 },
      wanted,
    },
    picture,
    reportSeen: report?.number ?? 0,
  };
}

/** When the leader has to be woken: for what must be said again, and for plans that wait for a time. */
export function nextLeaderWake(
  leader: LeaderState,
  identity: Identity,
  news: LeaseNews,
  now: Instant,
): Instant {
  let at = Number.POSITIVE_INFINITY;
  for (const member of leader.members.values()) {
    // A node that lapsed and says nothing more: after a while that is a reason to plan.
    const quietAt = member.outdatedSince === null ? at : reportDue(member.outdatedSince, identity);
    if (quietAt > now) at = Math.min(at, quietAt);
    if (!isTold(member, news)) continue;
    const obeys = member.order === null || member.report?.order?.number === member.order.number;
    const pause = member.isCurrent && obeys ? REPEAT : RESEND_PULSES * identity.pulse;
    at = Math.min(at, member.sentAt + pause);
  }
  const again = leader.plan?.directions.planAgainAt ?? null;
  const resend = leader.proposal === null ? at : leader.proposal.sentAt + RESEND_PULSES * identity.pulse;
  return Math.min(at, resend, again ?? at) as Instant;
}

export function journalLine(
  area: JournalLine["area"],
  subject: string,
  what: string,
  code: string,
  why: string,
  term: JournalLine["term"],
): WorkerEffect {
  return { kind: "journal", line: { area, subject, what, code, why, term } };
}
