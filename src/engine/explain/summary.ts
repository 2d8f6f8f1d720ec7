// The whole cluster in one sentence and one exit code: the first line of `understudy status`.

import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { ClusterPicture, MemberPicture, Placement, Proving } from "#model/order.ts";
import { listNames } from "../planner/facts.ts";

export interface Summary {
  readonly state: "well" | "degraded" | "down" | "unknown";
  /** The exit code of `status`: 0 all well, 1 degraded but serving, 2 down, 3 not known. */
  readonly exit: 0 | 1 | 2 | 3;
  /** One sentence. */
  readonly text: string;
}

/** At most this many complaints are spelled out; the rest is counted. */
const COMPLAINTS_SHOWN = 3;
/** More services than that on one node are counted, not named. */
const LONELY_SHOWN = 4;
/** Codes of the planner's rules that speak of a service on a node, not of the node. */
const CAUSES_OF_SERVICES = new Set(["failing", "failed-before", "state-unknown"]);

/**
 * `picture` is the leader's newest as it reached this node, null: none came; `lease` is what this node's keeper
 * said last, null: nothing yet; `proving`: whose death has to be proved, where no leader can say it. A picture without a living quorum behind it may be old: unknown.
 */
export function summarize(
  picture: ClusterPicture | null,
  lease: LeaseNews | null,
  proving: readonly Proving[] = picture?.proving ?? [],
): Summary {
  const blind = whyAlone(lease, proving) ?? whyBlind(picture, lease);
  if (picture === null || blind !== null) return { state: "unknown", exit: 3, text: `Unknown: ${blind}.` };
  const down = picture.placements.filter((each) => each.active === null);
  // Causes before what follows from them: who is drained or gone says why services have nowhere to go.
  const complaints = [
    ...picture.placements.flatMap(complaintsOf),
    ...provingComplaints(picture),
    ...eagerComplaints(lease),
    ...clusterComplaints(picture),
    ...lonelyComplaints(picture.placements),
  ];
  if (down.length > 0) {
    return { state: "down", exit: 2, text: `Down: ${join([...down.map(downText), ...complaints])}.` };
  }
  if (complaints.length > 0) return { state: "degraded", exit: 1, text: `Degraded: ${join(complaints)}.` };
  return { state: "well", exit: 0, text: wellText(picture.placements) };
}

/** Of two voters the one that does not hold the tenure: it can do nothing until the other one is proved dead. */
function whyAlone(lease: LeaseNews | null, proving: readonly Proving[]): string | null {
  const { pair, leader } = lease ?? {};
  if (pair == null || leader !== null || pair.silentSince === null) return null;
  const what = proving.find(({ node }) => node === pair.peer);
  const then = what === undefined ? "" : `, and it is not proved that it is dead: ${what.text}`;
  return `no node leads; ${pair.peer} is silent${then}`;
}

/** Who has to be proved dead by hand; what services that are active nowhere wait for says it already. */
function provingComplaints({ proving, placements }: ClusterPicture): string[] {
  return proving
    .filter(({ state, text }) => state === "blocked" && !isSaid(text, placements))
    .map(({ node, text }) => `${node} has to be proved dead: ${text}`);
}

const isSaid = (text: string, placements: readonly Placement[]): boolean =>
  placements.some(({ waiting }) => waiting?.text.includes(text));

function eagerComplaints(lease: LeaseNews | null): string[] {
  if (lease?.pair?.leadsEagerly !== true) return [];
  return [
    `nothing proves that ${lease.pair.peer} is dead, so services with split: eager may be active twice`,
  ];
}

function whyBlind(picture: ClusterPicture | null, lease: LeaseNews | null): string | null {
  if (lease === null) return "the daemon has just started";
  if (lease.left) return "this node is leaving the cluster";
  if (!lease.mayAct) return "this node hears no quorum of the voters, so it cannot tell";
  if (lease.leader === null) return "no node leads at the moment";
  if (picture === null) return `${lease.leader} leads, but has sent no picture of the cluster yet`;
  if (picture.phase === "collecting")
    return `${picture.leader} leads and is still asking every node what it runs`;
  return null;
}

function downText({ service, node, reasons, waiting }: Placement): string {
  const [first, ...others] = reasons;
  // That none of its nodes can run it is no cause; what speaks against each of them is.
  const isNobody = first?.code === "no-candidate" && others.length > 0;
  if (waiting !== null) return `${service} is active nowhere and waits: ${waiting.text}`;
  const why = isNobody ? others.map(({ text }) => text).join("; ") : first?.text;
  const what = node === null ? `${service} is active nowhere` : `${service} is on its way to ${node}`;
  return why === undefined ? what : `${what} (${why})`;
}

/** What is not as it should be with a service that is active. */
function complaintsOf({ service, active, node, health, waiting }: Placement): string[] {
  if (active === null) return [];
  const result: string[] = [];
  if (health === "failing") result.push(`${service} is failing on ${active}`);
  if (node !== active)
    result.push(`${service} is moving from ${active}${node === null ? "" : ` to ${node}`}`);
  if (waiting !== null) result.push(waiting.text);
  return result;
}

/** Services that are well where they are and could go nowhere else: a sentence for each node that has some. */
function lonelyComplaints(placements: readonly Placement[]): string[] {
  const byNode = new Map<NodeId, Placement[]>();
  for (const placement of placements) {
    const { active, node, ready, reasons } = placement;
    // The first reason is about the chosen node; each further one stands for another node of its place.
    const hasOthers = reasons.length > 1;
    if (active === null || node !== active || !hasOthers || ready.length > 0) continue;
    byNode.set(active, [...(byNode.get(active) ?? []), placement]);
  }
  return [...byNode].map(([node, lonely]) => {
    const services = lonely.map(({ service }) => service);
    const names = services.length > LONELY_SHOWN ? `${services.length} services` : listNames(services);
    return `no other node could take ${names} over from ${node}${ownCause(lonely)}`;
  });
}

/** Of a single service: what speaks against its other node, unless the member's own complaint says it. */
function ownCause(lonely: readonly Placement[]): string {
  const [, cause, ...more] = lonely[0]?.reasons ?? [];
  if (lonely.length > 1 || cause === undefined || more.length > 0) return "";
  return CAUSES_OF_SERVICES.has(cause.code) ? ` (${cause.text})` : "";
}

function clusterComplaints({ members, intents }: ClusterPicture): string[] {
  const result = members.flatMap(memberComplaints);
  if (intents.maintenanceAll) result.push("the cluster is in maintenance, so nothing would be moved");
  for (const name of [...intents.maintenanceNodes, ...intents.maintenanceServices]) {
    result.push(`${name} is in maintenance`);
  }
  for (const name of intents.drained) result.push(`${name} is drained`);
  return result;
}

const STANDING_TEXT = { alive: null, silent: "is silent", excluded: "is excluded", left: "left" } as const;

function memberComplaints({ node, standing, reach, leaving, differs }: MemberPicture): string[] {
  const what = STANDING_TEXT[standing];
  if (what !== null) return [`${node} ${what}`];
  return [
    leaving ? `${node} is leaving` : null,
    reach === "none" ? `${node} reaches none of the reach targets` : null,
    differs ? `${node} has another configuration` : null,
  ].filter((each) => each !== null);
}

function wellText(placements: readonly Placement[]): string {
  if (placements.length === 0) return "All well: no services are configured.";
  if (placements.length > COMPLAINTS_SHOWN) {
    return `All well: ${placements.length} services are active, each with a node ready to take over.`;
  }
  return `All well: ${placements.map(activeText).join("; ")}.`;
}

function activeText({ service, active, ready: [next] }: Placement): string {
  const where = `${service} is active on ${active}`;
  return next === undefined ? where : `${where}, ${next} is ready to take over`;
}

function join(complaints: readonly string[]): string {
  const shown = complaints.slice(0, COMPLAINTS_SHOWN);
  const more = complaints.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}
