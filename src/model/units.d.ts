declare const unit: unique symbol;
/** A duration in milliseconds; may be fractional. */
export type Ms = number & {
    readonly [unit]: "Ms";
};
/** A point on this host's CLOCK_MONOTONIC, in milliseconds; means nothing on another host. */
export type Instant = number & {
    readonly [unit]: "Instant";
};
/** The number of a leadership: strictly growing in the whole cluster, the fencing token. 0: none yet. */
export type Term = number & {
    readonly [unit]: "Term";
};
/** A share between 0 and 1. */
export type Ratio = number & {
    readonly [unit]: "Ratio";
};
export declare const ms: (n: number) => Ms;
export declare const instant: (n: number) => Instant;
export declare const term: (n: number) => Term;
export declare const ratio: (n: number) => Ratio;
/** Before every instant: "never", for things that have not happened yet. */
export declare const NEVER: Instant;
/** After every instant: "no deadline". */
export declare const FOREVER: Instant;
export declare const NO_TERM: Term;
export declare const plus: (at: Instant, by: Ms) => Instant;
/** How long it is from `from` to `to`; negative when `to` is earlier. */
export declare const between: (from: Instant, to: Instant) => Ms;
export declare const earlier: (a: Instant, b: Instant) => Instant;
export declare const later: (a: Instant, b: Instant) => Instant;
/** What is left of a duration when this clock may be slower than another by up to `drift`. */
export declare const shorten: (duration: Ms, drift: Ratio) => Ms;
export {};
