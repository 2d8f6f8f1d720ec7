// From what the leader knows to what the planner looks at.

import type { Config } from "#model/config.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Intents } from "#model/intents.ts";
import type { Instant } from "#model/units.ts";
import type { Identity } from "../identity.ts";
import type { NodeView, ServiceView, View } from "../planner/view.ts";
import { hasLapsedUnreported, standingOfMember } from "./collect.ts";
import { countLosses, keyOf } from "./losses.ts";
import type { LeaderState, LedNode } from "./state.ts";

export function viewOf(
  leader: LeaderState,
  config: Config,
  identity: Identity,
  news: LeaseNews,
  intents: Intents,
  now: Instant,
): View {
  const nodes: NodeView[] = [];
  for (const member of leader.members.values()) {
    if (member.isNode)
      nodes.push(
        nodeView(leader, member, config, news, hasLapsedUnreported(member, news, identity, now), now),
      );
  }
  return { now, services: config.services, nodes, intents, eager: leader.outlook?.eager ?? false };
}

function nodeView(
  leader: LeaderState,
  member: LedNode,
  config: Config,
  news: LeaseNews,
  hasLapsed: boolean,
  now: Instant,
): NodeView {
  const standing = standingOfMember(member.id, news);
  const { report, isCurrent } = member;
  // A node that lapsed and came back has not said what it found: its old report is no news of it.
  const counts = report !== null && (isCurrent || standing !== "alive");
  const obeyed =
    counts && report.order !== null && report.order.term === leader.term ? report.order.number : null;
  return {
    id: member.id,
    standing,
    reach: report?.reach ?? "unknown",
    leaving: report?.leaving ?? false,
    proof: leader.outlook?.proofs.get(member.id) ?? null,
    remedy: leader.outlook?.remedies.get(member.id)?.text ?? null,
    reported: report !== null && isCurrent && standing === "alive",
    obeys: obeyed,
    hasLapsed,
    services: serviceViews(leader, member, config, counts, now),
  };
}

function serviceViews(
  leader: LeaderState,
  member: LedNode,
  config: Config,
  counts: boolean,
  now: Instant,
): ReadonlyMap<ServiceName, ServiceView> {
  const reports = new Map(member.report?.services.map((s) => [s.service, s]));
  return new Map(
    config.services.map((service): [ServiceName, ServiceView] => {
      const { name } = service;
      const said = counts ? (reports.get(name) ?? notPlaced(service.place, member, name)) : null;
      const lost = countLosses(leader.losses, member.id, name, now);
      // With its lease or for its checks: what leaves a node again and again does not hurry back.
      const reported = said === null || lost === 0 ? said : { ...said, flaps: said.flaps + lost };
      return [
        name,
        {
          report: reported,
          orderedActive: member.orderedActive.get(name) ?? null,
          activeSince: member.order?.activeSince.get(name) ?? null,
          fitSince: leader.fitSince.get(keyOf(member.id, name)) ?? null,
          failedAt: leader.failedAt.get(keyOf(member.id, name))?.at ?? null,
        },
      ];
    }),
  );
}

/** A node that the service is not placed on has nothing of it, and says nothing about it. */
function notPlaced(place: readonly NodeId[], member: LedNode, service: ServiceName): ServiceView["report"] {
  if (place.includes(member.id)) return null;
  return {
    service,
    standing: "stopped",
    health: "unknown",
    failures: 0,
    stuck: false,
    heldDown: false,
    flaps: 0,
    detail: null,
  };
}

/** Since when each node could run each service, and when it failed there last; as the reports tell. */
export function foldFitness(
  leader: LeaderState,
  news: LeaseNews,
  intents: Intents,
  now: Instant,
): LeaderState {
  const fitSince = new Map<string, Instant>();
  const failedAt = new Map<string, { at: Instant; count: number }>();
  for (const member of leader.members.values()) {
    const { report } = member;
    if (report === null) continue;
    const isFit =
      standingOfMember(member.id, news) === "alive" &&
      member.isCurrent &&
      report.reach !== "none" &&
      !report.leaving &&
      !intents.drained.includes(member.id);
    for (const service of report.services) {
      const key = keyOf(member.id, service.service);
      if (isFit && service.health === "healthy" && service.failures === 0) {
        fitSince.set(key, leader.fitSince.get(key) ?? now);
      }
      const lost = countLosses(leader.losses, member.id, service.service, now);
      const count = service.failures + service.flaps + lost;
      if (count > 0) {
        const before = leader.failedAt.get(key);
        const isNew = before === undefined || count > before.count;
        failedAt.set(key, { at: isNew ? now : before.at, count });
      }
    }
  }
  return { ...leader, fitSince, failedAt };
}
