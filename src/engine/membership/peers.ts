// Who is heard, on which link, since when; and until when what each of them states may be used.

import type { MemberConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { Heard, Pulse } from "#model/pulse.ts";
import type { Instant, Ms, Term } from "#model/units.ts";
import { between, later, NEVER } from "#model/units.ts";
import { CONFIGURED, isNewerList, sameList } from "#model/voters.ts";
import type { Identity } from "../identity.ts";
import type { SentPulses } from "./sent.ts";
import { sentAt } from "./sent.ts";

/** Another member, seen from here. */
export interface Peer {
  readonly id: NodeId;
  readonly kind: "node" | "witness";
  readonly isVoter: boolean;
  readonly addresses: readonly string[];
  /** When its newest pulse came in; NEVER: none in this life. */
  readonly heardAt: Instant;
  /** Per link: when the last pulse came in over it. */
  readonly linkHeardAt: readonly Instant[];
  /** Its newest pulse; null: none yet. */
  readonly pulse: Pulse | null;
  /**
   * Its newest life, by the boot number, that answered this very life of ours; null: none did. What answers nothing of
   * ours may be left over from a life before the present one. (Simulator, seed 4187 of 2026-11-20.)
   */
  readonly answeredIn: number | null;
  /** Until when what its newest pulse states may be used. */
  readonly usableUntil: Instant;
  /** Voters only: until when this node may act on its acknowledgements, newest or earlier. */
  readonly acknowledgesUntil: Instant;
}

export function newPeer(member: MemberConfig, identity: Identity): Peer {
  return {
    id: member.id,
    kind: member.kind,
    isVoter: identity.voters.includes(member.id),
    addresses: member.links,
    heardAt: NEVER,
    linkHeardAt: member.links.map(() => NEVER),
    pulse: null,
    answeredIn: null,
    usableUntil: NEVER,
    acknowledgesUntil: NEVER,
  };
}

/**
 * Folds one received pulse into the peer that sent it. A pulse that is not newer than the newest (a copy from
 * another link, or late) says only that the link works.
 */
export function foldPulse(
  peer: Peer,
  received: { readonly pulse: Pulse; readonly link: number },
  sent: SentPulses,
  identity: Identity,
  now: Instant,
): Peer {
  const { pulse, link } = received;
  const linkHeardAt = peer.linkHeardAt.map((at, i) => (i === link ? now : at));
  const next = { boot: pulse.session.boot, number: pulse.number };
  const newest = peer.pulse && { boot: peer.pulse.session.boot, number: peer.pulse.number };
  if (newest !== null && !identity.clauses.isNewer(next, newest)) return { ...peer, linkHeardAt };
  const echo = pulse.heard.find((h) => h.node === identity.self && h.boot === identity.boot);
  const answeredIn = identity.clauses.showsLife(echo) ? pulse.session.boot : peer.answeredIn;
  if (isForeignList(pulse, identity)) {
    // It counts by other voters than we do: it can be shown, but nothing it states may be used.
    return { ...peer, linkHeardAt, pulse, answeredIn, usableUntil: NEVER };
  }
  const until = echo === undefined ? NEVER : usableUntil(echo, sent, identity, now);
  return {
    ...peer,
    heardAt: now,
    linkHeardAt,
    pulse: identity.clauses.rememberVotes ? withOldVote(peer, pulse, identity) : pulse,
    answeredIn,
    usableUntil: identity.clauses.believedUntil(until, peer.usableUntil, identity.lease),
    acknowledgesUntil: echo?.counts === true ? later(peer.acknowledgesUntil, until) : peer.acknowledgesUntil,
  };
}

/** Does the sender count by other voters, in a way that must not be mixed with ours? See lease/voters.ts. */
export function isForeignList(pulse: Pick<Pulse, "voters" | "list">, identity: Identity): boolean {
  const theirs = pulse.list?.id ?? CONFIGURED;
  if (sameList(theirs, identity.list.id)) return pulse.voters !== identity.votersHash;
  if (isNewerList(identity.floor, theirs)) return true;
  // A list that nobody issued counts beside an issued one only where it is the one with which that began.
  return sameList(theirs, CONFIGURED) && pulse.voters !== identity.configuredHash;
}

/** Only for the wrong variant: a vote once given is held on to, whatever the voter says later. */
function withOldVote(peer: Peer, pulse: Pulse, identity: Identity): Pulse {
  const before = peer.pulse?.vote ?? null;
  return before?.for === identity.self && pulse.vote?.for !== identity.self
    ? { ...pulse, vote: before }
    : pulse;
}

function usableUntil(echo: Heard, sent: SentPulses, identity: Identity, now: Instant): Instant {
  const at = sentAt(sent, echo.number);
  if (at === null) return NEVER;
  const { clauses, lease, drift } = identity;
  return clauses.countsUntil(clauses.countsFrom(at, now), lease, drift);
}

/** Not heard for its lease. Proves nothing by itself. */
export function isSilent(peer: Peer, identity: Identity, now: Instant): boolean {
  return between(peer.heardAt, now) > leaseOf(peer, identity);
}

/** How long the peer may act on what it was told; as it states, since it may use a longer one than we do. */
export function leaseOf(peer: Peer, identity: Identity): Ms {
  return peer.pulse?.lease ?? identity.longestLease;
}

/**
 * May a voter let the peer act? Not on a lease that outlives the silence that a voter keeps after a restart:
 * that happens only while members disagree about the timing by more than a factor of two.
 */
export function hasFittingLease(peer: Peer, identity: Identity): boolean {
  return leaseOf(peer, identity) <= identity.longestLease;
}

/** What it states now, or null when its newest pulse may not be used (any more). */
export function statementOf(peer: Peer, now: Instant): Pulse | null {
  return peer.pulse !== null && now < peer.usableUntil ? peer.pulse : null;
}

/** Until when its vote for this node in this term may be counted on; NEVER: it states none. */
export function votesUntil({ pulse, usableUntil }: Peer, self: NodeId, term: Term): Instant {
  const vote = pulse?.vote ?? null;
  return vote !== null && vote.for === self && vote.term === term ? usableUntil : NEVER;
}
