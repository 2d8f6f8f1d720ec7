// Operators' wishes at the leader: one new document at a time, accepted when a quorum of voters has it on disk.

import type { Config } from "#model/config.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { Intent, Intents, IntentsVersion } from "#model/intents.ts";
import { sameVersion } from "#model/intents.ts";
import type { IntentAnswer } from "#model/order.ts";
import type { Instant, Term } from "#model/units.ts";
import { between, NEVER } from "#model/units.ts";
import { sameList } from "#model/voters.ts";
import type { Identity } from "../identity.ts";
import { applyIntent, dropSpentSwitchovers } from "../intents/document.ts";
import type { WorkerEffect } from "../worker.ts";
import { collectIntents, knowsAllNodes } from "./collect.ts";
import { journalLine } from "./command.ts";
import type { LeaderState, QueuedAsk } from "./state.ts";
import { ANSWERS_KEPT, QUEUE_LIMIT } from "./state.ts";
import { viewOf } from "./view.ts";

interface Step {
  readonly leader: LeaderState;
  readonly effects: readonly WorkerEffect[];
}

/** A proposal that no quorum stored by then is unknown: it may come to count later. ms */
const PROPOSAL_PATIENCE = 5_000;
const RESEND_PULSES = 2;

/** From collecting to leading: all nodes known, and the newest intents on disk at a quorum. */
export function finishCollecting(
  leader: LeaderState,
  identity: Identity,
  news: LeaseNews,
  now: Instant,
): LeaderState {
  if (leader.phase !== "collecting" || leader.proposal !== null || !knowsAllNodes(leader, news))
    return leader;
  const found = collectIntents(leader, identity);
  if (found === null) return leader;
  // What was accepted is on the disks of both voters, so on this one too: alone, there is nobody to settle it with.
  const isAlone = news.pair !== null && !hasVoterQuorum(identity, news);
  if (!found.isSettled && isAlone)
    return { ...leader, phase: "leading", intents: found.intents, isUnsettled: true };
  if (found.isSettled)
    return { ...leader, phase: "leading", intents: found.intents, settledUnder: identity.list.id };
  // Part of a quorum has it only: it may or may not have been accepted. Settle it before acting on it.
  return propose(leader, found.intents, null, "", now);
}

export function foldAsk(leader: LeaderState, ask: QueuedAsk): Step {
  const known = leader.answered.get(ask.id);
  if (known !== undefined) return { leader, effects: [answerTo(ask, leader.term, known)] };
  const isWaiting = leader.proposal?.ask?.id === ask.id || leader.queue.some((q) => q.id === ask.id);
  if (isWaiting) return { leader, effects: [] };
  if (leader.queue.length >= QUEUE_LIMIT) {
    const reason = `${QUEUE_LIMIT} other requests are waiting; try again`;
    return { leader, effects: [answerTo(ask, leader.term, { kind: "refused", reason })] };
  }
  return { leader: { ...leader, queue: [...leader.queue, ask] }, effects: [] };
}

/** Starts the next wish, or drops what operators asked for and is spent. */
export function startProposals(
  leader: LeaderState,
  config: Config,
  identity: Identity,
  news: LeaseNews,
  now: Instant,
): Step {
  const { intents } = leader;
  if (leader.phase !== "leading" || leader.proposal !== null || intents === null)
    return { leader, effects: [] };
  // A quorum of the voters before may be none of the voters now.
  const isElsewhere = leader.settledUnder !== null && !sameList(leader.settledUnder, identity.list.id);
  if (leader.isUnsettled || isElsewhere)
    return { leader: propose(leader, intents, null, "", now), effects: [] };
  const view = () => viewOf(leader, config, identity, news, intents, now);
  const [ask, ...queue] = leader.queue;
  if (news.pair !== null && !hasVoterQuorum(identity, news)) {
    // The holder goes on alone, but nothing new can be accepted by one disk. Not "refused": an earlier leader may
    // have accepted the same wish, and its answer was lost.
    if (ask === undefined) return { leader, effects: [] };
    return settle({ ...leader, queue }, ask, { kind: "unknown", reason: ALONE });
  }
  if (ask === undefined) {
    if (intents.switchovers.length === 0) return { leader, effects: [] };
    const cleaned = dropSpentSwitchovers(intents, view());
    if (cleaned === intents) return { leader, effects: [] };
    return { leader: propose(leader, cleaned, null, "", now), effects: [] };
  }
  const applied = applyIntent(intents, ask.intent, view());
  const rest = { ...leader, queue };
  switch (applied.kind) {
    case "changed":
      return { leader: propose(rest, applied.doc, ask, applied.text, now), effects: [] };
    case "same":
      return settle(rest, ask, { kind: "accepted", version: intents.version, text: applied.text });
    case "refused":
      return settle(rest, ask, { kind: "refused", reason: applied.reason });
  }
}

const ALONE =
  "the other voter is away, and what operators ask must be on the disks of both: it is not accepted now";

/** Could a new document reach the disks of a quorum now? */
function hasVoterQuorum(identity: Identity, news: LeaseNews): boolean {
  const others = news.members.filter(
    (m) => identity.voters.includes(m.node) && m.standing === "alive",
  ).length;
  return others + (identity.isVoter ? 1 : 0) >= identity.quorum;
}

function propose(
  leader: LeaderState,
  doc: Intents,
  ask: QueuedAsk | null,
  text: string,
  now: Instant,
): LeaderState {
  const before = leader.intents?.version;
  const number = before !== undefined && before.term === leader.term ? before.number + 1 : 1;
  const intents: Intents = { ...doc, version: { term: leader.term, number } };
  return {
    ...leader,
    proposal: { intents, storedBy: new Set(), ask, text, since: now, sentAt: NEVER },
  };
}

/** Asks the voters that have not stored it yet; gives up waiting in the end. */
export function pushProposal(leader: LeaderState, identity: Identity, now: Instant): Step {
  const { proposal } = leader;
  if (proposal === null) return { leader, effects: [] };
  if (between(proposal.since, now) > PROPOSAL_PATIENCE && proposal.ask !== null) {
    const reason = "no quorum of voters confirmed it in time; it may still come to count";
    // It stays on its way: to drop it here would leave it on some disks and not on others.
    const waiting = { ...leader, proposal: { ...proposal, ask: null } };
    return settle(waiting, proposal.ask, { kind: "unknown", reason });
  }
  if (between(proposal.sentAt, now) < RESEND_PULSES * identity.pulse) return { leader, effects: [] };
  const effects = identity.voters
    .filter((voter) => !proposal.storedBy.has(voter))
    .map((to): WorkerEffect => {
      const { term } = leader;
      return { kind: "send", to, message: { kind: "store-intents", term, intents: proposal.intents } };
    });
  return { leader: { ...leader, proposal: { ...proposal, sentAt: now } }, effects };
}

/** A voter has it on disk; with a quorum it counts. */
export function foldStoredBy(
  leader: LeaderState,
  identity: Identity,
  from: NodeId,
  version: IntentsVersion,
): Step {
  const { proposal } = leader;
  if (
    proposal === null ||
    !sameVersion(proposal.intents.version, version) ||
    !identity.voters.includes(from)
  ) {
    return { leader, effects: [] };
  }
  const storedBy = new Set(proposal.storedBy).add(from);
  if (storedBy.size < identity.quorum)
    return { leader: { ...leader, proposal: { ...proposal, storedBy } }, effects: [] };
  const { intents, ask, text } = proposal;
  // While collecting, this was the newest document of a quorum: now it is known what operators asked for.
  const accepted: LeaderState = {
    ...leader,
    phase: "leading",
    intents,
    proposal: null,
    isUnsettled: false,
    settledUnder: identity.list.id,
  };
  if (ask === null) return { leader: accepted, effects: [] };
  const step = settle(accepted, ask, { kind: "accepted", version: intents.version, text });
  const line = journalLine(
    "intent",
    subjectOf(ask.intent),
    describe(ask.intent),
    "accepted",
    text,
    leader.term,
  );
  return { leader: step.leader, effects: [line, ...step.effects] };
}

function settle(leader: LeaderState, ask: QueuedAsk, answer: IntentAnswer): Step {
  const answered = new Map(leader.answered).set(ask.id, answer);
  for (const id of answered.keys()) {
    if (answered.size <= ANSWERS_KEPT) break;
    answered.delete(id);
  }
  return { leader: { ...leader, answered }, effects: [answerTo(ask, leader.term, answer)] };
}

function answerTo(ask: QueuedAsk, term: Term, answer: IntentAnswer): WorkerEffect {
  return { kind: "send", to: ask.from, message: { kind: "answer", id: ask.id, term, answer } };
}

function subjectOf(intent: Intent): string {
  switch (intent.kind) {
    case "switchover":
      return intent.service;
    case "drain":
    case "undrain":
      return intent.node;
    case "maintenance":
      if (intent.target === null) return "cluster";
      return intent.target.kind === "node" ? intent.target.node : intent.target.service;
  }
}

function describe(intent: Intent): string {
  switch (intent.kind) {
    case "switchover":
      return intent.to === null ? "switchover" : `switchover to ${intent.to}`;
    case "maintenance":
      return `maintenance ${intent.on ? "on" : "off"}`;
    case "drain":
    case "undrain":
      return intent.kind;
  }
}
