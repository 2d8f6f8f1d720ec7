// Known mistakes, one clause wrong at a time. The simulator must catch each, or it is not worth its time.

import type { Clauses } from "#engine/lease/clauses.ts";
import { CLAUSES } from "#engine/lease/clauses.ts";
import { sameSession } from "#model/session.ts";
import { FOREVER, later, ms, plus } from "#model/units.ts";
import type { ProfileName } from "./profiles.ts";
import { PROFILES } from "./profiles.ts";
import type { SimOptions } from "./simulate.ts";
import { DEFAULTS } from "./simulate.ts";

export interface WrongVariant {
  readonly name: string;
  /** The mistake, as somebody would make it. */
  readonly mistake: string;
  readonly clauses?: Partial<Clauses>;
  /** The drift bound that the nodes assume; the clocks stay as they are. */
  readonly drift?: number;
  /** The faults under which it shows soonest. */
  readonly profile: ProfileName;
  readonly voters?: SimOptions["voters"];
  readonly exclusiveOnly?: boolean;
  readonly ignoresExclusive?: boolean;
  readonly fencing?: boolean;
  readonly watchdog?: SimOptions["watchdog"];
  readonly eager?: boolean;
  readonly trustsUnknown?: boolean;
  readonly changesTwo?: boolean;
  readonly hidesSleep?: boolean;
}

export const WRONG_VARIANTS: readonly WrongVariant[] = [
  {
    name: "counted-from-receipt",
    mistake: "an acknowledgement counts from when it came in",
    clauses: { countsFrom: (_sentAt, receivedAt) => receivedAt },
    profile: "late",
  },
  {
    name: "cached-statements",
    mistake: "votes and promises are believed for three leases more",
    clauses: { believedUntil: (until, before, lease) => later(before, plus(until, ms(3 * lease))) },
    profile: "one-way",
  },
  {
    name: "vote-of-another-pulse",
    mistake: "a vote, once given, counts as long as later pulses of the voter acknowledge anything",
    clauses: { rememberVotes: true },
    profile: "forgetful",
  },
  {
    name: "same-term-again",
    mistake: "a leader that lost its quorum leads again in its term",
    clauses: { endsItsTerm: false },
    profile: "one-way",
  },
  {
    name: "silence-is-proof",
    mistake: "a node that a quorum does not hear is taken for lapsed, without the promises",
    clauses: { hasLapsed: (promised, deaf, quorum) => Math.max(promised, deaf) >= quorum },
    profile: "one-way",
  },
  {
    name: "orders-without-session",
    mistake: "an order is obeyed in another session than it was given for",
    clauses: { obeys: (order, _session, seen) => CLAUSES.obeys(order, seen.session, seen) },
    profile: "late",
  },
  {
    name: "orders-without-number",
    mistake: "an order is obeyed after a newer one",
    clauses: {
      obeys: (order, session, seen) => sameSession(session, seen.session) && order.term >= seen.term,
    },
    profile: "late",
  },
  {
    name: "readmitted-unconfirmed",
    mistake: "an excluded node is acknowledged again before it confirmed a reset",
    clauses: { readmitsAfterReset: false },
    profile: "one-way",
  },
  {
    name: "pulses-out-of-order",
    mistake: "a pulse counts although a newer one of its sender came before",
    // Alone it is harmless here, since each pulse brings the acknowledgement that its statements need. Whoever
    // makes this mistake also holds on to the newest acknowledgement that came in.
    clauses: {
      isNewer: () => true,
      believedUntil: (until, before) => later(before, until),
    },
    profile: "goodbyes",
  },
  {
    name: "speaks-after-start",
    mistake: "a voter acknowledges and votes right after its start",
    clauses: { muteAfterStart: () => ms(0) },
    profile: "restarts",
  },
  {
    name: "terms-not-stored",
    mistake: "a voter forgets its vote when it restarts",
    clauses: { storesTerms: false },
    profile: "restarts",
  },
  {
    name: "ignores-exclusivity",
    mistake: "the planner takes a lapse for proof that a process has stopped",
    ignoresExclusive: true,
    profile: "exclusive",
    exclusiveOnly: true,
  },
  {
    name: "unknown-fence-is-success",
    mistake: "a fence device that does not answer, or fails, is taken to have switched the node off",
    trustsUnknown: true,
    fencing: true,
    watchdog: "none",
    profile: "stuck",
    exclusiveOnly: true,
  },
  {
    name: "resumes-after-reboot",
    mistake: "one of two voters goes on with its tenure although its host was rebooted",
    clauses: { resumes: () => true },
    voters: 2,
    profile: "pair",
  },
  {
    name: "believes-an-old-proof",
    mistake: "one of two voters takes the proof about an earlier life of the other for one about this life",
    clauses: { believesProof: (proof) => proof !== null },
    // Who takes over from who took over before did so without a restart in between: as eager services allow.
    eager: true,
    fencing: false,
    voters: 2,
    profile: "pair",
  },
  {
    name: "late-pulse-shows-life",
    mistake:
      "a pulse that answers nothing, left over from an earlier life, is taken for a sign of the present one",
    clauses: { showsLife: () => true },
    eager: true,
    fencing: false,
    voters: 2,
    profile: "pair",
  },
  {
    name: "takes-unheard-proof",
    mistake: "any proof about a node that was not heard in this life is taken for one about its last life",
    clauses: { provesUnheard: () => true },
    profile: "proofs",
    exclusiveOnly: true,
  },
  {
    name: "left-is-release-without-disk",
    mistake: "one of two voters says goodbye before the release of its tenure is on its disk",
    clauses: { mayLeave: () => true },
    voters: 2,
    profile: "goodbyes",
  },
  {
    name: "eager-keeps-its-session",
    mistake: "who begins to lead for eager services alone keeps what it held by the other's word",
    clauses: { lapsesWhenEager: false },
    eager: true,
    voters: 2,
    profile: "pair",
  },
  {
    name: "fed-after-a-lapse",
    mistake: "the watchdog is fed although the node lapsed and still holds something exclusive",
    clauses: { feedsUntil: () => FOREVER },
    fencing: false,
    watchdog: "required",
    profile: "stuck",
    exclusiveOnly: true,
  },
  {
    name: "arms-while-lapsed",
    mistake: "a daemon that was killed and is back arms the watchdog although it may not feed it yet",
    clauses: { armsUntil: () => FOREVER },
    fencing: false,
    watchdog: "required",
    profile: "stuck",
    exclusiveOnly: true,
  },
  {
    name: "sleep-unnoticed",
    mistake: "a host that slept goes on with what it had, since its monotonic clock stood still",
    hidesSleep: true,
    profile: "sleeps",
  },
  {
    name: "two-voters-at-once",
    mistake: "the list of voters changes by two at once",
    clauses: { changesOneVoter: () => true },
    changesTwo: true,
    profile: "rosters",
  },
  {
    name: "armed-for-a-lease",
    mistake: "the kernel's entry runs for a whole lease instead of until the right to act ends",
    clauses: { armUntil: (_mayActUntil, now, lease) => plus(now, lease) },
    profile: "clocks",
  },
  {
    name: "drift-ignored",
    mistake: "the drift bound is smaller than the drift",
    drift: 0,
    profile: "clocks",
  },
];

/** The options under which a variant runs; with `isWrong` false the right engine under the same faults. */
export function optionsFor(variant: WrongVariant, isWrong: boolean): Omit<SimOptions, "seed"> {
  return {
    ...DEFAULTS,
    profile: PROFILES[variant.profile],
    voters: variant.voters ?? 3,
    exclusiveOnly: variant.exclusiveOnly ?? false,
    ignoresExclusive: isWrong && variant.ignoresExclusive === true,
    fencing: variant.fencing ?? null,
    watchdog: variant.watchdog ?? null,
    rosters: variant.changesTwo === true ? true : null,
    changesTwo: isWrong && variant.changesTwo === true,
    eager: variant.eager ?? null,
    trustsUnknown: isWrong && variant.trustsUnknown === true,
    hidesSleep: isWrong && variant.hidesSleep === true,
    clauses: isWrong ? { ...CLAUSES, ...variant.clauses } : CLAUSES,
    drift: isWrong ? (variant.drift ?? DEFAULTS.drift) : DEFAULTS.drift,
  };
}
