// Does a service return to a preferred node by itself, when, and if not, why not.

import { type Instant, plus } from "#model/units.ts";
import type { Case } from "./case.ts";
import { rankIn, serviceOn } from "./facts.ts";
import { judgeStaying } from "./judge.ts";
import type { NodeView } from "./view.ts";

/** The earliest fit node that precedes where the service is active, if it should ever return by itself. */
export function failbackTo({ facts, service, where, pin, candidates }: Case): NodeView | null {
  if (service.failback.kind === "manual" || where.kind !== "active" || where.node.standing !== "alive")
    return null;
  // What an operator moved returns only when that node cannot have it.
  const isPinned = pin !== null && (where.node.id === pin || candidates[0]?.fitness.kind !== "unfit");
  if (isPinned || judgeStaying(facts, service, where.node).kind !== "stays") return null;
  const here = rankIn(service.place, where.node.id);
  const best = candidates.find(
    ({ node, fitness }) => fitness.kind === "fit" && rankIn(service.place, node.id) < here,
  );
  return best?.node ?? null;
}

/** When it may return to `to`; null: that is not known yet. */
export function failbackDue({ facts, service }: Case, to: NodeView): Instant | null {
  if (service.failback.kind !== "after") return facts.view.now;
  const { fitSince } = serviceOn(to, service.name);
  return fitSince === null ? null : plus(fitSince, service.failback.delay);
}

/** When it will return although nothing else changes; null: not by itself, or now. */
export function failbackAt(each: Case): Instant | null {
  const to = failbackTo(each);
  const dueAt = to === null ? null : failbackDue(each, to);
  return dueAt !== null && dueAt > each.facts.view.now ? dueAt : null;
}

/** Why it does not return now, without a full stop. */
export function returnText({ service, name, where }: Case): string {
  if (service.failback.kind === "manual") return `${name} returns only when an operator says so`;
  if (where.kind !== "active") return `${name} is on its way`;
  if (service.failback.kind === "auto") return `${name} cannot return now`;
  return `${name} returns when it was fit for ${formatDelay(service.failback.delay)}`;
}

function formatDelay(delay: number): string {
  const seconds = delay / 1000;
  if (seconds < 120) return `${seconds} s`;
  return `${Math.round(seconds / 6) / 10} minutes`;
}
