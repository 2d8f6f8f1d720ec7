// The planner's front door: what is seen, and where everything should be, why, and the next step. No memory.

import type { NodeId, ServiceName } from "#model/ids.ts";
import type { JournalLine } from "#model/journal.ts";
import type { Placement } from "#model/order.ts";
import type { Reason } from "#model/reason.ts";
import type { Term } from "#model/units.ts";
import { direct } from "./direct.ts";
import { serviceOn } from "./facts.ts";
import { type Decision, place } from "./place.ts";
import type { Directions, Target, View } from "./view.ts";

export interface Plan {
  readonly targets: readonly Target[];
  readonly directions: Directions;
  /** For the picture that every member gets. */
  readonly placements: readonly Placement[];
}

/** Same view, same plan, on every node. Costs time in proportion to services times nodes. */
export function plan(view: View): Plan {
  const decisions = place(view);
  const directions = direct(view, decisions);
  return {
    targets: decisions,
    directions,
    placements: decisions.map((each) => placementOf(each, directions)),
  };
}

/**
 * What is new for the journal: one line for each service whose target changed, and one for each new reason to
 * wait. Without an earlier plan (a new leader's first) a service that is where it should be gives no line.
 */
export function diffPlans(before: Plan | null, after: Plan, term: Term): JournalLine[] {
  const earlier = new Map(before?.placements.map((each) => [each.service, each]));
  return after.placements.flatMap((now) => {
    const was = earlier.get(now.service);
    return [moveLine(was, now, term), waitLine(was, now, term)].filter((line) => line !== null);
  });
}

function placementOf(decision: Decision, { waiting }: Directions): Placement {
  const { service, node, reasons, where, ready } = decision;
  const active = where.kind === "active" ? where.node : null;
  const report = active === null ? null : serviceOn(active, service).report;
  return {
    service,
    node,
    reasons,
    active: active?.id ?? null,
    waiting: waiting.get(service) ?? null,
    health: report?.health ?? "unknown",
    ready,
  };
}

function moveLine(was: Placement | undefined, now: Placement, term: Term): JournalLine | null {
  const from = was === undefined ? now.active : was.node;
  const [reason, ...others] = now.reasons;
  if (reason === undefined) return null;
  if (from === now.node) {
    const isNewTry = reason.code === "tried-again" && was?.reasons[0]?.code !== reason.code;
    return isNewTry ? line(now.service, `${nameOf(now.node)} again`, reason, term) : null;
  }
  return line(now.service, `${nameOf(from)} -> ${nameOf(now.node)}`, inFull(reason, others), term);
}

/** That a node is the only one says little to who reads the journal alone: what speaks against the others does. */
function inFull(reason: Reason, others: readonly Reason[]): Reason {
  if (reason.code !== "only-candidate" || others.length === 0) return reason;
  return { code: reason.code, text: `${reason.text} (${others.map(({ text }) => text).join("; ")})` };
}

function waitLine(was: Placement | undefined, now: Placement, term: Term): JournalLine | null {
  const before = was?.waiting ?? null;
  if (now.waiting !== null) {
    return now.waiting.text === before?.text ? null : line(now.service, "waits", now.waiting, term);
  }
  if (before === null || was?.node !== now.node) return null;
  const reason = { code: "wait-over", text: `nothing is in the way of ${now.service} any more` };
  return line(now.service, "goes on", reason, term);
}

const line = (service: ServiceName, what: string, { code, text }: Reason, term: Term): JournalLine => ({
  area: "plan",
  subject: service,
  what,
  code,
  why: text,
  term,
});

const nameOf = (node: NodeId | null): string => node ?? "nowhere";
