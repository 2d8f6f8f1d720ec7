// Floating addresses and guarded ports held under the lease: taken for one session, renewed with it, gone when it
// lapses.

import type { FloatingAddress } from "#model/address.ts";
import { type Grant, grantKey, isAddress } from "#model/grant.ts";
import type { ToKeeper } from "#model/halves.ts";
import { sameSession } from "#model/session.ts";
import type { Instant, Ms } from "#model/units.ts";
import { between, earlier, FOREVER, instant, ms, NEVER, plus, shorten } from "#model/units.ts";
import type { KeeperEffect } from "../keeper.ts";
import type { Grants, HeldGrant, KeeperState } from "./state.ts";

/**
 * Pauses between announcements, the first right after taking: switches and neighbours that missed one learn
 * from the next. After the last of them, slowly ever after.
 */
const ANNOUNCE_AFTER: readonly number[] = [0, 20, 80, 200, 300, 400, 1_000, 2_000];
const ANNOUNCE_SLOWLY = 30_000;

/** Beyond the lease by whole seconds, since the kernel counts an address's lifetime in seconds. */
export function kernelLifetimeSeconds(lease: Ms): number {
  return Math.ceil(lease / 1000) + 2;
}

interface Step {
  readonly state: KeeperState;
  readonly effects: readonly KeeperEffect[];
}

type Take = Extract<ToKeeper, { kind: "take" }>;
type Release = Extract<ToKeeper, { kind: "release" }>;

/** Takes grants for the worker, if this is still the session that the worker means. */
export function foldTake(state: KeeperState, take: Take, now: Instant): Step {
  const { acting } = state;
  if (!acting.mayAct || !sameSession(acting.session, take.session)) {
    const problem = acting.mayAct ? "the session lapsed meanwhile" : "this node may not act now";
    return { state, effects: [{ kind: "tell", message: { kind: "taken", id: take.id, problem } }] };
  }
  const others = without(state.grants.held, take.grants);
  const taken = take.grants.map((grant) => newlyHeld(grant, now));
  const until = armUntil(state, now);
  const grants: Grants = {
    held: [...others, ...taken],
    // The others keep the instant they were armed to, so the earlier of both is what stands for all.
    armedUntil: others.length === 0 ? until : earlier(state.grants.armedUntil, until),
    refreshedAt: others.length === 0 ? now : state.grants.refreshedAt,
    wasInDoubt: state.grants.wasInDoubt,
  };
  return { state: { ...state, grants }, effects: [takeEffect(state, take.id, take.grants, until)] };
}

const newlyHeld = (grant: Grant, now: Instant): HeldGrant => ({
  grant,
  announcements: 0,
  announceAt: isAddress(grant) ? now : FOREVER,
});

const addressesOf = (held: readonly HeldGrant[]): readonly FloatingAddress[] =>
  held.map(({ grant }) => grant).filter(isAddress);

function takeEffect(
  state: KeeperState,
  id: number | null,
  grants: readonly Grant[],
  until: Instant,
): KeeperEffect {
  const lifetimeSeconds = kernelLifetimeSeconds(state.identity.lease);
  return { kind: "take", id, grants, until, lifetimeSeconds };
}

export function foldRelease(state: KeeperState, release: Release): Step {
  const held = without(state.grants.held, release.grants);
  const effects: KeeperEffect[] = [{ kind: "release", id: release.id, grants: release.grants }];
  return { state: { ...state, grants: { ...state.grants, held } }, effects };
}

/** Something could not be taken or was lost for good: it is not held any more. */
export function dropHeld(state: KeeperState, grants: readonly Grant[]): KeeperState {
  return { ...state, grants: { ...state.grants, held: without(state.grants.held, grants) } };
}

/** Puts back what somebody else removed, at once. */
export function retake(state: KeeperState, ips: readonly string[], now: Instant): Step {
  const isHit = ({ grant }: HeldGrant) => isAddress(grant) && ips.includes(grant.ip);
  const hit = addressesOf(state.grants.held.filter(isHit));
  if (hit.length === 0 || !state.acting.mayAct) return { state, effects: [] };
  const again = state.grants.held.map((h) => (isHit(h) ? newlyHeld(h.grant, now) : h));
  return {
    state: { ...state, grants: { ...state.grants, held: again } },
    effects: [takeEffect(state, null, hit, armUntil(state, now))],
  };
}

/** Another node may have answered for these until now: neighbours are told as if they had just been taken. */
export function announceAnew(state: KeeperState, now: Instant): KeeperState {
  const held = state.grants.held.map(({ grant }) => newlyHeld(grant, now));
  return { ...state, grants: { ...state.grants, held } };
}

/** Renews, refreshes and announces what is due. */
export function keepGrants(state: KeeperState, now: Instant): Step {
  const { grants, acting, identity } = state;
  if (grants.held.length === 0 || !acting.mayAct) return { state, effects: [] };
  const effects: KeeperEffect[] = [];
  const addresses = addressesOf(grants.held);
  let next: Grants = grants;

  const until = armUntil(state, now);
  if (isRenewalWorthwhile(state, until, now)) {
    effects.push({ kind: "renew", grants: grants.held.map((h) => h.grant), until });
    next = { ...next, armedUntil: until };
  }
  const lifetimeSeconds = kernelLifetimeSeconds(identity.lease);
  if (addresses.length > 0 && between(grants.refreshedAt, now) >= (lifetimeSeconds * 1000) / 3) {
    effects.push({ kind: "refresh", addresses, lifetimeSeconds });
    next = { ...next, refreshedAt: now };
  }
  const inDoubt = between(now, acting.until) < usable(state) * DOUBT;
  const announceAll = grants.wasInDoubt && !inDoubt;
  const due = grants.held.filter((h) => (announceAll && isAddress(h.grant)) || now >= h.announceAt);
  if (due.length > 0 && !inDoubt) {
    effects.push({ kind: "announce", addresses: addressesOf(due), until: acting.until });
    next = { ...next, held: grants.held.map((h) => (due.includes(h) ? announced(h, now) : h)) };
  }
  if (next === grants && inDoubt === grants.wasInDoubt) return { state, effects };
  return { state: { ...state, grants: { ...next, wasInDoubt: inDoubt } }, effects };
}

/** Below this share of the usable lease the right to act was in doubt, and is announced again afterwards. */
const DOUBT = 0.35;

function announced(held: HeldGrant, now: Instant): HeldGrant {
  const announcements = held.announcements + 1;
  return {
    ...held,
    announcements,
    announceAt: plus(now, ms(ANNOUNCE_AFTER[announcements] ?? ANNOUNCE_SLOWLY)),
  };
}

/** Renewing costs system calls: it is done when it gains at least this share of the usable lease, */
const GAIN = 0.4;
/** and in time for an entry not to have less than this share of it left, */
const LOW = 0.45;
/** nor less than a busy host may hold the keeper up (measured: 62 ms), as far as a short lease has that much. ms */
const HOLD_UP = 100;
const MOST = 0.7;

function isRenewalWorthwhile(state: KeeperState, until: Instant, now: Instant): boolean {
  const { armedUntil } = state.grants;
  if (until <= armedUntil) return false;
  return now >= lowAt(state) || between(armedUntil, until) >= usable(state) * GAIN;
}

/** When the entries have so little left that they are renewed for whatever there is to gain. */
function lowAt(state: KeeperState): Instant {
  const lease = usable(state);
  return instant(state.grants.armedUntil - Math.max(lease * LOW, Math.min(lease * MOST, HOLD_UP)));
}

function armUntil(state: KeeperState, now: Instant): Instant {
  return state.identity.clauses.armUntil(state.acting.until, now, state.identity.lease);
}

function usable(state: KeeperState): Ms {
  return shorten(state.identity.lease, state.identity.drift);
}

function without(held: readonly HeldGrant[], grants: readonly Grant[]): readonly HeldGrant[] {
  const gone = new Set(grants.map(grantKey));
  return held.filter((h) => !gone.has(grantKey(h.grant)));
}

/** When grants need the keeper next, pulses apart; FOREVER: not at all. */
export function nextGrantAt(state: KeeperState): Instant {
  const { held, armedUntil } = state.grants;
  if (held.length === 0) return FOREVER;
  const renewAt = state.acting.until > armedUntil ? lowAt(state) : FOREVER;
  return held.reduce<Instant>((at, h) => earlier(at, h.announceAt), renewAt);
}

export const NO_GRANTS: Grants = { held: [], armedUntil: NEVER, refreshedAt: NEVER, wasInDoubt: false };
