// Floating addresses held under the lease: taken for one session, renewed with it, gone when it lapses.

import type { FloatingAddress } from "#model/address.ts";
import { addressKey } from "#model/address.ts";
import type { ToKeeper } from "#model/halves.ts";
import { sameSession } from "#model/session.ts";
import type { Instant, Ms } from "#model/units.ts";
import { between, earlier, FOREVER, instant, ms, NEVER, plus, shorten } from "#model/units.ts";
import type { KeeperEffect } from "../keeper.ts";
import type { Grants, HeldAddress, KeeperState } from "./state.ts";

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

/** Takes addresses for the worker, if this is still the session that the worker means. */
export function foldTake(state: KeeperState, take: Take, now: Instant): Step {
  const { acting } = state;
  if (!acting.mayAct || !sameSession(acting.session, take.session)) {
    const problem = acting.mayAct ? "the session lapsed meanwhile" : "this node may not act now";
    return { state, effects: [{ kind: "tell", message: { kind: "taken", id: take.id, problem } }] };
  }
  const others = without(state.grants.held, take.addresses);
  const taken = take.addresses.map((address) => ({ address, announcements: 0, announceAt: now }));
  const until = armUntil(state, now);
  const grants: Grants = {
    held: [...others, ...taken],
    // The others keep the instant they were armed to, so the earlier of both is what stands for all.
    armedUntil: others.length === 0 ? until : earlier(state.grants.armedUntil, until),
    refreshedAt: others.length === 0 ? now : state.grants.refreshedAt,
    wasInDoubt: state.grants.wasInDoubt,
  };
  return { state: { ...state, grants }, effects: [takeEffect(state, take.id, take.addresses, until)] };
}

function takeEffect(
  state: KeeperState,
  id: number | null,
  addresses: readonly FloatingAddress[],
  until: Instant,
): KeeperEffect {
  const lifetimeSeconds = kernelLifetimeSeconds(state.identity.lease);
  return { kind: "take", id, addresses, until, lifetimeSeconds };
}

export function foldRelease(state: KeeperState, release: Release): Step {
  const held = without(state.grants.held, release.addresses);
  const effects: KeeperEffect[] = [{ kind: "release", id: release.id, addresses: release.addresses }];
  return { state: { ...state, grants: { ...state.grants, held } }, effects };
}

/** Something could not be taken or was lost for good: it is not held any more. */
export function dropHeld(state: KeeperState, addresses: readonly FloatingAddress[]): KeeperState {
  return { ...state, grants: { ...state.grants, held: without(state.grants.held, addresses) } };
}

/** Puts back what somebody else removed, at once. */
export function retake(state: KeeperState, ips: readonly string[], now: Instant): Step {
  const hit = state.grants.held.filter((h) => ips.includes(h.address.ip)).map((h) => h.address);
  if (hit.length === 0 || !state.acting.mayAct) return { state, effects: [] };
  const again = state.grants.held.map((h) =>
    ips.includes(h.address.ip) ? { ...h, announcements: 0, announceAt: now } : h,
  );
  return {
    state: { ...state, grants: { ...state.grants, held: again } },
    effects: [takeEffect(state, null, hit, armUntil(state, now))],
  };
}

/** Renews, refreshes and announces what is due. */
export function keepGrants(state: KeeperState, now: Instant): Step {
  const { grants, acting, identity } = state;
  if (grants.held.length === 0 || !acting.mayAct) return { state, effects: [] };
  const effects: KeeperEffect[] = [];
  const addresses = grants.held.map((h) => h.address);
  let next: Grants = grants;

  const until = armUntil(state, now);
  if (isRenewalWorthwhile(state, until, now)) {
    effects.push({ kind: "renew", addresses, until });
    next = { ...next, armedUntil: until };
  }
  const lifetimeSeconds = kernelLifetimeSeconds(identity.lease);
  if (between(grants.refreshedAt, now) >= (lifetimeSeconds * 1000) / 3) {
    effects.push({ kind: "refresh", addresses, lifetimeSeconds });
    next = { ...next, refreshedAt: now };
  }
  const inDoubt = between(now, acting.until) < usable(state) * DOUBT;
  const announceAll = grants.wasInDoubt && !inDoubt;
  const due = grants.held.filter((h) => announceAll || now >= h.announceAt);
  if (due.length > 0 && !inDoubt) {
    effects.push({ kind: "announce", addresses: due.map((h) => h.address), until: acting.until });
    next = { ...next, held: grants.held.map((h) => (due.includes(h) ? announced(h, now) : h)) };
  }
  return { state: { ...state, grants: { ...next, wasInDoubt: inDoubt } }, effects };
}

/** Below this share of the usable lease the right to act was in doubt, and is announced again afterwards. */
const DOUBT = 0.35;

function announced(held: HeldAddress, now: Instant): HeldAddress {
  const announcements = held.announcements + 1;
  return {
    ...held,
    announcements,
    announceAt: plus(now, ms(ANNOUNCE_AFTER[announcements] ?? ANNOUNCE_SLOWLY)),
  };
}

/** Renewing costs system calls: it is done when it gains at least this share of the usable lease, */
const GAIN = 0.4;
/** and in time for an entry not to have less than this share of it left. */
const LOW = 0.45;

function isRenewalWorthwhile(state: KeeperState, until: Instant, now: Instant): boolean {
  const { armedUntil } = state.grants;
  if (until <= armedUntil) return false;
  return now >= lowAt(state) || between(armedUntil, until) >= usable(state) * GAIN;
}

/** When the entries have so little left that they are renewed for whatever there is to gain. */
function lowAt(state: KeeperState): Instant {
  return instant(state.grants.armedUntil - usable(state) * LOW);
}

function armUntil(state: KeeperState, now: Instant): Instant {
  return state.identity.clauses.armUntil(state.acting.until, now, state.identity.lease);
}

function usable(state: KeeperState): Ms {
  return shorten(state.identity.lease, state.identity.drift);
}

function without(
  held: readonly HeldAddress[],
  addresses: readonly FloatingAddress[],
): readonly HeldAddress[] {
  const gone = new Set(addresses.map(addressKey));
  return held.filter((h) => !gone.has(addressKey(h.address)));
}

/** When grants need the keeper next, pulses apart; FOREVER: not at all. */
export function nextGrantAt(state: KeeperState): Instant {
  const { held, armedUntil } = state.grants;
  if (held.length === 0) return FOREVER;
  const renewAt = state.acting.until > armedUntil ? lowAt(state) : FOREVER;
  return held.reduce<Instant>((at, h) => earlier(at, h.announceAt), renewAt);
}

export const NO_GRANTS: Grants = { held: [], armedUntil: NEVER, refreshedAt: NEVER, wasInDoubt: false };
