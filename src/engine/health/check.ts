// Check results to healthy or failing: rise, fall, and grace after a start.

import type { CheckConfig } from "#model/config.ts";
import type { HealthVerdict } from "#model/role.ts";
import type { Instant } from "#model/units.ts";
import { between, plus } from "#model/units.ts";

export interface CheckState {
  readonly config: CheckConfig;
  readonly verdict: HealthVerdict;
  /** Good or bad results in a row; the other one is 0. */
  readonly goods: number;
  readonly bads: number;
  /** A probe is under way since then; null: none is. */
  readonly runningSince: Instant | null;
  readonly nextAt: Instant;
  /** Bad results before this do not count. */
  readonly graceUntil: Instant;
  /** What the last probe said. */
  readonly text: string;
}

/** good, bad, or inconclusive: a check that could not be carried out says nothing about the service. */
export type Finding = "good" | "bad" | "inconclusive";

export function newCheck(config: CheckConfig, now: Instant): CheckState {
  return {
    config,
    verdict: "unknown",
    goods: 0,
    bads: 0,
    runningSince: null,
    nextAt: now,
    graceUntil: plus(now, config.grace),
    text: "",
  };
}

/** From the start of one probe to the start of the next, however long it takes. */
export function startProbe(check: CheckState, now: Instant): CheckState {
  return { ...check, runningSince: now, nextAt: plus(now, check.config.every) };
}

/**
 * Folds one result. The first good result makes healthy at once; after a failure it takes `rise` of them. It
 * takes `fall` bad ones in a row to fail.
 */
export function foldFinding(check: CheckState, finding: Finding, text: string, now: Instant): CheckState {
  const done = { ...check, runningSince: null, text };
  if (finding === "inconclusive") return done;
  if (finding === "good") {
    const goods = check.goods + 1;
    const isEnough = check.verdict !== "failing" || goods >= check.config.rise;
    return { ...done, goods, bads: 0, verdict: isEnough ? "healthy" : check.verdict };
  }
  if (now < check.graceUntil) return done;
  const bads = check.bads + 1;
  return { ...done, bads, goods: 0, verdict: bads >= check.config.fall ? "failing" : check.verdict };
}

/** All healthy: healthy; one failing: failing; none at all: healthy. */
export function verdictOf(checks: readonly CheckState[]): HealthVerdict {
  if (checks.some((c) => c.verdict === "failing")) return "failing";
  return checks.every((c) => c.verdict === "healthy") ? "healthy" : "unknown";
}

/** A service was started anew: what was found before says nothing about it. */
export function restartCheck(check: CheckState, now: Instant): CheckState {
  return newCheck(check.config, now);
}

/** How long a probe has been running; a driver that never answers is a bug, not a finding. */
export function isOverdue(check: CheckState, now: Instant): boolean {
  return check.runningSince !== null && between(check.runningSince, now) > check.config.timeout + OVERDUE;
}

/** Beyond its timeout, ms. */
const OVERDUE = 10_000;
