// Services that a node lost with its lease: what comes and goes like that is damped, as checks that do are.

import type { Config } from "#model/config.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { NodeReport } from "#model/order.ts";
import { type Instant, plus } from "#model/units.ts";

/** By node and service: until when each loss counts. */
export type Losses = ReadonlyMap<string, readonly Instant[]>;

/** For each node and service; a node that is cut off again and again must not fill the memory. */
const KEPT = 20;

export const keyOf = (node: NodeId, service: ServiceName): string => `${node}/${service}`;

/**
 * A node reports in a new session, and was active with a service in the one before: it lapsed, or its daemon died. Who
 * leaves in good order says first that it stopped. The same object when nothing was lost.
 */
export function noteLosses(losses: Losses, before: NodeReport, { services }: Config, now: Instant): Losses {
  const lost = before.services.filter(({ standing }) => standing === "active");
  if (lost.length === 0) return losses;
  const next = new Map(losses);
  for (const { service } of lost) {
    const failureAge = services.find(({ name }) => name === service)?.failureAge;
    if (failureAge === undefined) continue;
    const key = keyOf(before.node, service);
    next.set(key, [...(next.get(key) ?? []), plus(now, failureAge)].slice(-KEPT));
  }
  return next;
}

/** How many count now. */
export function countLosses(losses: Losses, node: NodeId, service: ServiceName, now: Instant): number {
  return (losses.get(keyOf(node, service)) ?? []).filter((until) => now < until).length;
}
