// Durations, instants and terms as types of their own, so that the compiler refuses to mix them.

declare const unit: unique symbol;

/** A duration in milliseconds; may be fractional. */
export type Ms = number & { readonly [unit]: "Ms" };

/** A point on this host's CLOCK_MONOTONIC, in milliseconds; means nothing on another host. */
export type Instant = number & { readonly [unit]: "Instant" };

/** The number of a leadership: strictly growing in the whole cluster, the fencing token. 0: none yet. */
export type Term = number & { readonly [unit]: "Term" };

/** A share between 0 and 1. */
export type Ratio = number & { readonly [unit]: "Ratio" };

export const ms = (n: number): Ms => n as Ms;
export const instant = (n: number): Instant => n as Instant;
export const term = (n: number): Term => n as Term;
export const ratio = (n: number): Ratio => n as Ratio;

/** Before every instant: "never", for things that have not happened yet. */
export const NEVER: Instant = instant(Number.NEGATIVE_INFINITY);
/** After every instant: "no deadline". */
export const FOREVER: Instant = instant(Number.POSITIVE_INFINITY);
export const NO_TERM: Term = term(0);

export const plus = (at: Instant, by: Ms): Instant => instant(at + by);
/** How long it is from `from` to `to`; negative when `to` is earlier. */
export const between = (from: Instant, to: Instant): Ms => ms(to - from);
export const earlier = (a: Instant, b: Instant): Instant => (a < b ? a : b);
export const later = (a: Instant, b: Instant): Instant => (a > b ? a : b);
export const maxTerm = (a: Term, b: Term): Term => term(Math.max(a, b));

/** What is left of a duration when this clock may be slower than another by up to `drift`. */
export const shorten = (duration: Ms, drift: Ratio): Ms => ms(duration * (1 - drift));
