// The worker's front door: what may be late. Services on this node, and, while it leads, the whole cluster.
//
// Start reading at `handleWorker`. The machines behind it: health/ (checks), orders/ (what this node obeys and
// does), intents/ (what operators asked for), fencing/ (proof that a silent node is dead), leader/ and planner/ (what
// should be where, and the next step).

import { unreachable } from "#lib/unreachable.ts";
import type { CheckConfig, Config, ResourceConfig, ServiceConfig } from "#model/config.ts";
import type { Deed, DeedAnswer } from "#model/deeds.ts";
import type { DeathProof, FenceDevice } from "#model/fencing.ts";
import { grantKey, grantsOf } from "#model/grant.ts";
import type { LeaseNews, ToKeeper, ToWorker } from "#model/halves.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Intent, Intents } from "#model/intents.ts";
import type { JournalLine } from "#model/journal.ts";
import type { ClusterPicture, IntentAnswer, Message } from "#model/order.ts";
import type { OpVerb } from "#model/role.ts";
import type { Instant, Ms, Term } from "#model/units.ts";
import { NEVER } from "#model/units.ts";
import { listDistance, sameList } from "#model/voters.ts";
import { foldDeed } from "./fencing/deeds.ts";
import type { FenceSaid, FenceVerb } from "./fencing/procedure-device.ts";
import { type FencingState, startFencingState } from "./fencing/state.ts";
import { fencingTurn, foldFenceSaid, learnProofs, tellProofs } from "./fencing/turn.ts";
import type { Finding } from "./health/check.ts";
import { type Identity, withVoters } from "./identity.ts";
import type { PendingAsk } from "./intents/asks.ts";
import { answerAsk, expireAsks, foldLocalAsk, resendAsks } from "./intents/asks.ts";
import { emptyIntents } from "./intents/document.ts";
import type { VoterIntents } from "./intents/voter.ts";
import { foldStore, foldStoreEnd } from "./intents/voter.ts";
import { withConfiguredMembers } from "./leader/collect.ts";
import type { LeaderState } from "./leader/state.ts";
import { foldLeaderMessage, leaderTurn } from "./leader/turn.ts";
import { nextVoters } from "./leader/voters.ts";
import type { OpEnd } from "./orders/fold.ts";
import { foldCheck, foldExit, foldOpEnd } from "./orders/fold.ts";
import { journalRuns, noteSettled } from "./orders/journal.ts";
import type { NodeState } from "./orders/node.ts";
import { foldNews, obey, startNode, withRun } from "./orders/node.ts";
import { holdsExclusive, isStuck } from "./orders/run.ts";
import { nextWorkerWake, noteSlow, sendReport, startChecks, startOps, tidyLeaving } from "./orders/turn.ts";

export type WorkerEvent =
  | { readonly kind: "keeper"; readonly message: Exclude<ToWorker, { kind: "journal" }> }
  | { readonly kind: "message"; readonly from: NodeId; readonly message: Message }
  | { readonly kind: "wake" }
  | { readonly kind: "op-end"; readonly service: ServiceName; readonly opId: number; readonly end: OpEnd }
  | { readonly kind: "exit"; readonly service: ServiceName; readonly resource: string; readonly why: string }
  | {
      readonly kind: "checked";
      readonly service: ServiceName;
      readonly check: string;
      readonly finding: Finding;
      readonly text: string;
    }
  | { readonly kind: "reach"; readonly reach: "ok" | "none" | "unknown" }
  | { readonly kind: "intents-stored"; readonly intents: Intents; readonly problem: string | null }
  /** An operator on this node. `id` is unique in the cluster. */
  | { readonly kind: "ask"; readonly id: string; readonly intent: Intent }
  /** Likewise, but for this node alone to do. */
  | { readonly kind: "deed"; readonly id: string; readonly deed: Deed }
  /** What a fence device said to `fence-call`. */
  | { readonly kind: "fence-said"; readonly callId: number; readonly said: FenceSaid }
  /** Stop in an orderly way. */
  | { readonly kind: "stop" }
  | { readonly kind: "config"; readonly config: Config; readonly identity: Identity };

/** Carried out in the order given. */
export type WorkerEffect =
  | { readonly kind: "to-keeper"; readonly message: ToKeeper }
  | { readonly kind: "send"; readonly to: NodeId; readonly message: Message }
  | {
      readonly kind: "run-op";
      readonly service: ServiceName;
      readonly opId: number;
      readonly resource: ResourceConfig;
      readonly verb: OpVerb;
      readonly deadline: Ms;
      readonly term: Term;
    }
  | { readonly kind: "run-check"; readonly service: ServiceName; readonly check: CheckConfig }
  /** Try every reach target, then answer with `reach`. */
  | { readonly kind: "try-reach"; readonly targets: readonly string[] }
  | { readonly kind: "store-intents"; readonly intents: Intents }
  | { readonly kind: "answer"; readonly id: string; readonly answer: IntentAnswer }
  | { readonly kind: "deed-done"; readonly id: string; readonly answer: DeedAnswer }
  /** Ask a fence device; its answer is `fence-said`. */
  | {
      readonly kind: "fence-call";
      readonly callId: number;
      readonly node: NodeId;
      readonly device: FenceDevice;
      readonly verb: FenceVerb;
    }
  /** Kept over a restart; nobody waits for it. */
  | { readonly kind: "store-proofs"; readonly proofs: readonly DeathProof[] }
  | { readonly kind: "journal"; readonly line: JournalLine }
  | { readonly kind: "wake"; readonly at: Instant }
  | { readonly kind: "exit" };

export interface WorkerState {
  readonly identity: Identity;
  readonly config: Config;
  /** The keeper's newest news; null: none yet. */
  readonly news: LeaseNews | null;
  readonly node: NodeState;
  readonly leader: LeaderState | null;
  readonly intents: VoterIntents;
  /** What operators asked on this node and was not answered yet. */
  readonly asks: readonly PendingAsk[];
  /** What the newest leader told about the cluster, and when. */
  readonly picture: { readonly picture: ClusterPicture; readonly at: Instant } | null;
  readonly lastOpId: number;
  readonly aliveAt: Instant;
  readonly reachAt: Instant;
  readonly fencing: FencingState;
  /** What the keeper was told last about exclusive resources here; null: nothing yet. */
  readonly holdings: { readonly holds: boolean; readonly isDoomed: boolean } | null;
  readonly isEager: boolean;
  /** The voters that the keeper was asked for last; null: no change. */
  readonly wantedVoters: readonly NodeId[] | null;
  readonly stopping: { readonly since: Instant; readonly toldKeeper: boolean } | null;
}

export interface WorkerTurn {
  readonly state: WorkerState;
  readonly effects: readonly WorkerEffect[];
}

/** `stored`: the intents on this voter's disk; null: none were ever. `problem`: they cannot be read. */
export function startWorker(
  identity: Identity,
  config: Config,
  stored: { readonly intents: Intents | null } | { readonly problem: string },
  proofs: readonly DeathProof[],
  now: Instant,
): WorkerState {
  const intents = "problem" in stored ? null : (stored.intents ?? emptyIntents());
  return {
    identity,
    config,
    news: null,
    node: startNode(identity, config.services, now),
    leader: null,
    intents: { stored: intents, storing: null },
    asks: [],
    picture: null,
    lastOpId: 0,
    aliveAt: NEVER,
    reachAt: now,
    fencing: startFencingState(proofs, now),
    holdings: null,
    isEager: false,
    wantedVoters: null,
    stopping: null,
  };
}

/** One turn of the worker's engine: same state, event and now, same answer. */
export function handleWorker(before: WorkerState, event: WorkerEvent, now: Instant): WorkerTurn {
  const effects: WorkerEffect[] = [];
  let state = fold(before, event, now, effects);
  // Before the plan that rests on them.
  tellProofs(before, state, effects);
  state = leaderTurn(state, now, effects);
  state = fencingTurn(state, now, effects);
  state = startOps(state, now, effects);
  state = tellKeeper(state, effects);
  state = startChecks(state, now, effects);
  state = tidyLeaving(state, now, effects);
  state = noteSettled(noteSlow(state, now));
  state = sendReport(state, now, effects);
  state = resendAsks(expireAsks(state, now, effects), now, effects);
  effects.push(...journalRuns(before, state));
  effects.push({ kind: "wake", at: nextWorkerWake(state, now) });
  return { state, effects };
}

/** What the event makes known. */
function fold(state: WorkerState, event: WorkerEvent, now: Instant, effects: WorkerEffect[]): WorkerState {
  switch (event.kind) {
    case "wake":
      return state;
    case "keeper":
      return foldKeeper(state, event.message, now);
    case "message":
      return foldMessage(state, event.from, event.message, now, effects);
    case "op-end":
      return changeRun(state, event.service, (run) => foldOpEnd(run, event.opId, event.end, now));
    case "exit":
      return changeRun(state, event.service, (run) => foldExit(run, event.resource, event.why, now));
    case "checked":
      return changeRun(state, event.service, (run) =>
        foldCheck(run, event.check, event.finding, event.text, now),
      );
    case "reach":
      return { ...state, node: { ...state.node, reach: event.reach } };
    case "intents-stored":
      return foldStoreEnd(state, event.intents, event.problem, effects);
    case "ask":
      return foldLocalAsk(state, event.id, event.intent, now);
    case "deed":
      return foldDeed(state, event.id, event.deed, now, effects);
    case "fence-said":
      return foldFenceSaid(state, event.callId, event.said, now, effects);
    case "stop":
      return state.stopping !== null
        ? state
        : { ...state, stopping: { since: now, toldKeeper: false }, node: { ...state.node, leaving: true } };
    case "config":
      return foldConfig(state, event.config, event.identity, now);
    default:
      return unreachable(event);
  }
}

function foldKeeper(
  state: WorkerState,
  message: Extract<WorkerEvent, { kind: "keeper" }>["message"],
  now: Instant,
): WorkerState {
  switch (message.kind) {
    case "lease":
      return underList({ ...state, news: message, node: foldNews(state.node, message) }, message.voters);
    case "taken":
    case "released": {
      const end: OpEnd =
        message.problem === null ? { kind: "done" } : { kind: "failed", why: message.problem };
      const run = [...state.node.runs.values()].find((r) => r.op?.id === message.id);
      return run === undefined
        ? state
        : { ...state, node: withRun(state.node, foldOpEnd(run, message.id, end, now)) };
    }
    case "grant-lost": {
      const { grant, problem } = message;
      const isIt = (r: ResourceConfig) => grantsOf(r).some((g) => grantKey(g) === grantKey(grant));
      const run = [...state.node.runs.values()].find((r) => r.config.resources.some(isIt));
      const id = run?.config.resources.find(isIt)?.id;
      if (run === undefined || id === undefined) return state;
      return { ...state, node: withRun(state.node, foldExit(run, id, problem, now)) };
    }
    case "fatal":
      return state;
    default:
      return unreachable(message);
  }
}

/** The keeper knows by whom is counted. */
function underList(state: WorkerState, { list, floor }: LeaseNews["voters"]): WorkerState {
  const known = state.identity.list;
  // The first list has no id of its own: it is the one that the file named when this member first started.
  if (sameList(known.id, list.id) && listDistance(known.voters, list.voters) === 0) return state;
  return { ...state, identity: withVoters(state.identity, list, floor) };
}

function foldMessage(
  state: WorkerState,
  from: NodeId,
  message: Message,
  now: Instant,
  effects: WorkerEffect[],
): WorkerState {
  switch (message.kind) {
    case "order":
      return foldOrderMessage(state, message, now);
    case "store-intents":
      return foldStore(state, from, message.term, message.intents, effects);
    case "answer":
      return answerAsk(state, message.id, message.term, message.answer, effects);
    case "report":
      return foldLeaderMessage(learnProofs(state, message.report.proofs), from, message, now, effects);
    case "intents-stored":
    case "ask":
      return foldLeaderMessage(state, from, message, now, effects);
    default:
      return unreachable(message);
  }
}

function foldOrderMessage(
  state: WorkerState,
  message: Extract<Message, { kind: "order" }>,
  now: Instant,
): WorkerState {
  if (message.order.id.term < state.node.term || message.order.to !== state.identity.self) return state;
  const node = obey(state.node, message.order, state.identity);
  const { term } = message.order.id;
  const reportSeen =
    term === state.node.reportedTo ? Math.max(node.reportSeen, message.reportSeen) : message.reportSeen;
  const picture = { picture: message.picture, at: now };
  const told = { ...state, node: { ...node, reportSeen, reportedTo: term }, picture };
  return learnProofs(told, message.picture.proofs);
}

function changeRun(
  state: WorkerState,
  service: ServiceName,
  change: (run: NonNullable<ReturnType<NodeState["runs"]["get"]>>) => typeof run,
): WorkerState {
  const run = state.node.runs.get(service);
  return run === undefined ? state : { ...state, node: withRun(state.node, change(run)) };
}

/**
 * A new configuration. A service that changed or is gone goes down first; a new one is taken up when the old
 * one of that name is down.
 */
function foldConfig(state: WorkerState, config: Config, identity: Identity, now: Instant): WorkerState {
  const fresh = startNode(identity, config.services, now).runs;
  const runs = new Map(fresh);
  for (const [name, run] of state.node.runs) {
    const next = fresh.get(name);
    const isSame = next !== undefined && runsAlike(next.config, run.config);
    runs.set(name, isSame ? { ...run, config: next.config } : { ...run, isRetiring: true });
  }
  const counted =
    state.news === null ? identity : withVoters(identity, state.news.voters.list, state.news.voters.floor);
  const leader = state.leader === null ? null : withConfiguredMembers(state.leader, config);
  return { ...state, config, leader, identity: counted, node: { ...state.node, runs } };
}

/** Where a service may be and when it returns is the planner's business: a node more or fewer restarts nothing. */
function runsAlike(a: ServiceConfig, b: ServiceConfig): boolean {
  const partOf = (config: ServiceConfig) => JSON.stringify({ ...config, place: null, failback: null });
  return partOf(a) === partOf(b);
}

/**
 * What the keeper has to know of services: whether anything exclusive may be here, before it is, and whether eager
 * ones may start.
 */
function tellKeeper(state: WorkerState, effects: WorkerEffect[]): WorkerState {
  const runs = [...state.node.runs.values()];
  const holds = runs.some(holdsExclusive);
  const isDoomed = runs.some((run) => isStuck(run) && holdsExclusive(run));
  const isEager = mayBeEager(state);
  let next = state;
  if (state.holdings === null || state.holdings.holds !== holds || state.holdings.isDoomed !== isDoomed) {
    effects.unshift({ kind: "to-keeper", message: { kind: "holdings", holds, isDoomed } });
    next = { ...next, holdings: { holds, isDoomed } };
  }
  const wanted = nextVoters(state);
  if (wanted?.join() !== state.wantedVoters?.join()) {
    effects.push({ kind: "to-keeper", message: { kind: "voters", wanted } });
    next = { ...next, wantedVoters: wanted };
  }
  if (state.isEager !== isEager) {
    effects.push({ kind: "to-keeper", message: { kind: "eager", isEager } });
    next = { ...next, isEager };
  }
  return next;
}

/** As VRRP does it: with a service that wants it, and while a `reach` target answers. */
function mayBeEager({ config, identity, node, stopping }: WorkerState): boolean {
  const wants = config.services.some((s) => s.split === "eager" && s.place.includes(identity.self));
  return wants && node.reach === "ok" && stopping === null;
}
