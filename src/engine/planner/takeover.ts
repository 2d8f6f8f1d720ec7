// Is it proved that a node cannot be, or become, active with a service? Never guessed: no proof, no takeover.

import { isExclusive, type ServiceConfig } from "#model/config.ts";
import type { ServiceName } from "#model/ids.ts";
import type { MemberStanding } from "#model/order.ts";
import type { Reason } from "#model/reason.ts";
import { because } from "#model/reason.ts";
import type { Holds, Standing } from "#model/role.ts";
import { serviceOn } from "./facts.ts";
import type { NodeView, ServiceView } from "./view.ts";

/** What makes certain that a node can no longer act, from outside it. */
export interface Proof {
  readonly kind: "fenced" | "watchdog" | "confirmed-dead";
  readonly sentence: string;
}

export interface Verdict {
  readonly proved: boolean;
  readonly reason: Reason;
}

/**
 * What a service holds: a lapse revokes addresses and guarded ports, but no process that would harm beside its
 * copy.
 */
export function holdsOf(service: ServiceConfig): Holds {
  return service.resources.some(isExclusive) ? "exclusive" : "grants";
}

/**
 * May another node start the service, as far as `node` goes?
 *
 * Its own report is a proof in any standing: `stopped` is a promise, and all that this leader ordered since
 * is known. A lapse is a proof for what the kernel revokes. `node.proof` is one from outside (a fence device, a
 * watchdog, an operator's word). `isEager`: two actives are preferred to none, and allowed now.
 */
export function judgeTakeover(service: ServiceName, holds: Holds, node: NodeView, isEager = false): Verdict {
  const seen = serviceOn(node, service);
  const { proof } = node;
  if (proof !== null && node.standing !== "alive") return yes(proof.kind, proof.sentence);
  if (hasStopped(node, seen)) return yes("stopped", `${node.id} reported ${service} stopped`);
  // It says goodbye only when it has stopped everything.
  if (node.standing === "left") return yes("left", `${node.id} stopped everything and said goodbye`);
  if (isEager && node.standing === "silent") return yes("eager", eagerText(service, node));
  const hasLapsed = node.standing === "excluded" || (node.standing === "alive" && node.hasLapsed);
  if (hasLapsed && holds === "grants") return yes("lapsed", `${node.id} has lapsed`);
  return { proved: false, reason: doubt(service, node, seen) };
}

/** It reported that it is not active, and every order that could have changed this is older than the report. */
function hasStopped(node: NodeView, { report, orderedActive }: ServiceView): boolean {
  // A node that is back in a new session has not said yet what it found there.
  if (node.standing === "alive" && !node.reported) return false;
  // A report names every service that the node may have: what it leaves out, it has not.
  const isResting =
    report === null ? node.reported : report.standing === "stopped" || report.standing === "standby";
  return isResting && (orderedActive === null || (node.obeys !== null && node.obeys > orderedActive));
}

const eagerText = (service: ServiceName, { id }: NodeView): string =>
  `${id} is silent, and ${service} prefers two actives to none (split: eager)`;

const yes = (code: string, text: string): Verdict => ({ proved: true, reason: because(code, text) });

type Doubt = (service: ServiceName, node: NodeView) => Reason;

/** Gone, but a process or a mount of it may be left running. */
const unproved: Doubt = (service, { id, standing, remedy }) =>
  because(
    "unproved",
    `${id} ${GONE[standing]}, which does not prove that it stopped ${service}; ${remedy ?? "it can say so when it is back"}`,
  );

/** It is there, says that its stop failed for good, and goes on if somebody ends what is left by hand. */
function stuck(service: ServiceName, { id, remedy }: NodeView, detail: string | null): Reason {
  const what = `${id} could not stop ${service}${detail === null ? "" : ` (${detail})`}`;
  const mends = `it goes on once what is left there was ended by hand, or ${id} is fenced or reset`;
  return because("stuck", `${what}: ${mends}${remedy === null ? "" : `; ${remedy}`}`);
}

const GONE = { alive: "answers", silent: "is silent", excluded: "is excluded", left: "left" } as const;

/** Why a node that has not proved anything stands in the way, when its standing alone says it. */
const DOUBT_BY_STANDING = {
  alive: null,
  silent: (service, { id, remedy }) =>
    because("silent", `${id} is silent and may still have ${service}${remedy === null ? "" : `; ${remedy}`}`),
  excluded: unproved,
  left: unproved,
} as const satisfies Record<MemberStanding, Doubt | null>;

/** The same for a node that is alive, by what it reported. */
const DOUBT_BY_REPORT = {
  active: (service, { id }) => because("still-active", `${id} reports ${service} active`),
  changing: (service, { id }) =>
    because("changing", `${id} has not finished starting or stopping ${service}`),
  unknown: (service, { id, remedy }) =>
    because(
      "state-unknown",
      `${id} does not know whether ${service} still runs${remedy === null ? "" : `; ${remedy}`}`,
    ),
  stopped: (service, { id }) => because("ordered", `${id} may still start ${service} as it was last ordered`),
  standby: (service, { id }) => because("ordered", `${id} may still start ${service} as it was last ordered`),
} as const satisfies Record<Standing, Doubt>;

function doubt(service: ServiceName, node: NodeView, { report }: ServiceView): Reason {
  const byStanding = DOUBT_BY_STANDING[node.standing];
  if (byStanding !== null) return byStanding(service, node);
  if (report === null || !node.reported)
    return because("not-reported", `${node.id} has not reported to this leader yet`);
  if (report.stuck) return stuck(service, node, report.detail);
  return DOUBT_BY_REPORT[report.standing](service, node);
}
