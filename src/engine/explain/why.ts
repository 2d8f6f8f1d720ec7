// The leader's picture of one service as sentences: what `understudy why SERVICE` prints.

import type { ServiceName } from "#model/ids.ts";
import type { ClusterPicture, Placement } from "#model/order.ts";

/**
 * Where the service is, why, what it waits for, and why it is nowhere else. Whole sentences, the most
 * important first; a service that the picture does not know gives one that says so.
 */
export function explainService(picture: ClusterPicture, service: ServiceName): string[] {
  const placement = picture.placements.find((each) => each.service === service);
  if (placement === undefined) {
    return [`${picture.leader}, who leads in term ${picture.term}, has not decided about ${service} yet.`];
  }
  const [why, ...others] = placement.reasons;
  return [
    whereSentence(placement),
    ...(why === undefined ? [] : [sentence(why.text)]),
    ...(placement.waiting === null ? [] : [sentence(placement.waiting.text)]),
    ...others.map((each) => sentence(each.text)),
    `Decided by ${picture.leader}, who leads in term ${picture.term}.`,
  ].filter((text, index, all) => all.indexOf(text) === index);
}

function whereSentence({ service, active, node, health }: Placement): string {
  if (active === null) {
    return node === null
      ? `${service} is active nowhere.`
      : `${service} is active nowhere; ${node} shall start it.`;
  }
  const state = health === "unknown" ? "not checked yet" : health;
  if (node === active) return `${service} is active on ${active}, where it should be, and ${state}.`;
  const next = node === null ? "it shall stop" : `it shall move to ${node}`;
  return `${service} is active on ${active} and ${state}; ${next}.`;
}

/** Reasons begin with a name as often as not, and names keep their case. */
const sentence = (text: string): string => (text.endsWith(".") ? text : `${text}.`);
