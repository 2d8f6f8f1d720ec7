// The hardware watchdog: fed only while this node may act, or certainly holds nothing exclusive. So a node that
// lapsed and cannot stop what it holds is reset by its own hardware, and a leader can count on that.
//
// It is armed when it may be fed for the first time, which is before anything exclusive starts.

import type { Instant, Ms } from "#model/units.ts";
import { FOREVER, ms, NEVER, plus } from "#model/units.ts";
import type { Identity } from "../identity.ts";
import type { KeeperEffect } from "../keeper.ts";
import type { KeeperState, WatchdogState } from "./state.ts";

/** So often within its timeout, at least. */
const FEEDS_PER_TIMEOUT = 5;
/** Never more seldom than that: a lapse should find little of the timeout used up. ms */
const FEED_AT_LEAST = 1_000;

export function startWatchdog(identity: Identity): WatchdogState {
  const stage = identity.watchdog === "none" ? "none" : "waiting";
  return { stage, timeout: null, problem: null, holds: null, isDoomed: false, fedAt: NEVER };
}

/** The worker says whether anything exclusive may be on this node; `isDoomed`: it cannot be stopped. */
export function foldHoldings(state: KeeperState, holds: boolean, isDoomed: boolean): KeeperState {
  return { ...state, watchdog: { ...state.watchdog, holds, isDoomed } };
}

export function foldArmed(
  state: KeeperState,
  timeout: Ms | null,
  problem: string | null,
  now: Instant,
): KeeperState {
  const stage = timeout === null ? "failed" : "armed";
  return { ...state, watchdog: { ...state.watchdog, stage, timeout, problem, fedAt: now } };
}

interface Step {
  readonly state: KeeperState;
  readonly effects: readonly KeeperEffect[];
}

/** Arms it, feeds it when that is due and allowed, and disarms it when the node has left in good order. */
export function keepWatchdog(state: KeeperState, now: Instant): Step {
  const { watchdog } = state;
  const until = feedableUntil(state);
  const act = nextAct(state, until, now);
  if (act === null) return { state, effects: [] };
  const next: Partial<WatchdogState> =
    act === "feed" ? { fedAt: now } : act === "arm" ? { stage: "arming" } : { stage: "none", timeout: null };
  return {
    state: { ...state, watchdog: { ...watchdog, ...next } },
    effects: [{ kind: "watchdog", act, until }],
  };
}

function nextAct(state: KeeperState, until: Instant, now: Instant): "arm" | "feed" | "disarm" | null {
  const { stage, holds } = state.watchdog;
  if (stage === "waiting") return holds !== null && now < until ? "arm" : null;
  if (stage !== "armed") return null;
  if (state.left && holds === false) return "disarm";
  if (now < nextFeedAt(state)) return null;
  return now < until ? "feed" : null;
}

/** A feed that is decided now and carried out later, after a freeze, would put off a reset that others count on. */
function feedableUntil({ watchdog, acting, identity }: KeeperState): Instant {
  const { feedsUntil, armsUntil } = identity.clauses;
  const until = feedsUntil(acting, watchdog.holds, watchdog.isDoomed);
  return watchdog.stage === "waiting" ? armsUntil(until) : until;
}

/** FOREVER: it is not armed. */
export function nextFeedAt({ watchdog }: KeeperState): Instant {
  if (watchdog.stage !== "armed" || watchdog.timeout === null) return FOREVER;
  return plus(watchdog.fedAt, ms(Math.min(watchdog.timeout / FEEDS_PER_TIMEOUT, FEED_AT_LEAST)));
}

/** What the leader may count on: the node is reset at most this long after it lapsed; null: it is not. */
export function announcedTimeout({ watchdog }: KeeperState): Ms | null {
  return watchdog.stage === "armed" ? watchdog.timeout : null;
}
