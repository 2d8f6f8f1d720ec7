// The engine's own words, taken back out of the status document, for what explains them.

import type { MemberStatus, ServiceStatus, StatusDocument } from "#api/protocol.ts";
import type { LeaseNews } from "#model/halves.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import type { ClusterPicture, MemberPicture, Placement, Proving } from "#model/order.ts";
import { instant, term } from "#model/units.ts";
import { CONFIGURED } from "#model/voters.ts";

/** Null: the node has none. */
export function pictureOf(document: StatusDocument): ClusterPicture | null {
  const { picture, intents } = document;
  if (picture === null || intents === null) return null;
  return {
    leader: nodeId(picture.leader),
    term: term(picture.term),
    phase: picture.phase,
    members: document.members.flatMap(memberOf),
    placements: document.services.filter(isDecided).map(placementOf),
    intents: {
      version: intents.version,
      maintenanceAll: intents.maintenance_all,
      maintenanceNodes: intents.maintenance_nodes.map(nodeId),
      maintenanceServices: intents.maintenance_services.map(serviceName),
      drained: intents.drained.map(nodeId),
      switchovers: intents.switchovers.map((each) => ({
        service: serviceName(each.service),
        to: nodeId(each.to),
      })),
    },
    // They are in what services wait for.
    proofs: [],
    proving: provingOf(document),
  };
}

/** Nodes whose death has to be proved, as the leader says, or, where none leads, this node. */
export function provingOf({ proving }: StatusDocument): readonly Proving[] {
  return proving.map(({ node, state, text }) => ({ node: nodeId(node), state, text }));
}

/** Null: the keeper has not said anything yet. Instants do not leave the daemon, so there are none in it. */
export function leaseOf({ lease, pair }: StatusDocument): LeaseNews | null {
  if (lease === null) return null;
  const [boot = 0, lapses = 0] = lease.session.split(".").map(Number);
  return {
    kind: "lease",
    session: { boot, lapses },
    mayAct: lease.may_act,
    mayActUntil: instant(0),
    term: term(lease.term),
    leader: lease.leader === null ? null : nodeId(lease.leader),
    leads: lease.leads,
    // It concerns only how the daemon itself stops.
    othersSuffice: true,
    left: lease.left,
    voters: { list: { id: CONFIGURED, voters: [] }, floor: CONFIGURED, isSettled: true },
    pair:
      pair === null
        ? null
        : {
            peer: nodeId(pair.peer),
            leadsEagerly: pair.leads_eagerly,
            knowsPeer: pair.knows_peer,
            silentSince: pair.silent_for_ms === null ? null : instant(0),
          },
    // What is wrong with it is among the warnings.
    watchdog: { stage: "none", timeout: null, problem: null },
    members: [],
  };
}

/** The leader gives a reason for every service that it knows of; this node may know of newer ones. */
export function isDecided({ reasons, active, wanted }: ServiceStatus): boolean {
  return reasons.length > 0 || active !== null || wanted !== null;
}

function memberOf(member: MemberStatus): MemberPicture[] {
  const { name, standing, reach, leaving, config_differs } = member;
  if (standing === null || reach === null) return [];
  return [{ node: nodeId(name), standing, reach, leaving, differs: config_differs }];
}

function placementOf(service: ServiceStatus): Placement {
  return {
    service: serviceName(service.name),
    node: service.wanted === null ? null : nodeId(service.wanted),
    active: service.active === null ? null : nodeId(service.active),
    reasons: service.reasons,
    waiting: service.waiting,
    health: service.health,
    ready: service.ready.map(nodeId),
  };
}
