// May a node have a service? One row per rule, the first that applies is the answer and its reason.

import { isGrant, type ServiceConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { Reason } from "#model/reason.ts";
import { because } from "#model/reason.ts";
import { type Instant, type Ms, ms, plus } from "#model/units.ts";
import { pauseAfter } from "../health/pauses.ts";
import { type Facts, serviceOn } from "./facts.ts";
import type { NodeView, ServiceView } from "./view.ts";

/** Whether a node that does not have the service may take it. */
export type Fitness =
  | { readonly kind: "fit" }
  /** Nothing speaks against it, but its checks have not answered yet. */
  | { readonly kind: "unchecked"; readonly reason: Reason }
  | {
      readonly kind: "unfit";
      readonly reason: Reason;
      /** It will not pass by itself soon: an operator's switchover to this node is over. */
      readonly lasting: boolean;
      /** When the rule stops to apply although nothing else changes; null: not by itself. */
      readonly until: Instant | null;
      /** From when on it may be tried all the same, if no better node is left; null: never. */
      readonly tryAgainAt: Instant | null;
    };

/** Whether the service may stay where it is active. */
export type Stay =
  | { readonly kind: "stays" }
  /** It moves when another node can take it, and stays until then. */
  | { readonly kind: "moves"; readonly reason: Reason }
  /** It may not stay, even if no other node can take it. */
  | { readonly kind: "ends"; readonly reason: Reason };

interface Case {
  readonly facts: Facts;
  readonly service: ServiceConfig;
  readonly node: NodeView;
  readonly seen: ServiceView;
}

interface Rule {
  readonly code: string;
  readonly applies: (each: Case) => boolean;
  readonly text: (each: Case) => string;
  /** What it means for a service that is active there already. */
  readonly whenActive: Stay["kind"];
  readonly lasting: boolean;
}

/** First what is allowed, then what is healthy; within each the surest first. */
const RULES: readonly Rule[] = [
  {
    code: "left",
    applies: ({ node }) => node.standing === "left",
    text: ({ node }) => `${node.id} stopped its services and said goodbye`,
    whenActive: "ends",
    lasting: true,
  },
  {
    code: "excluded",
    applies: ({ node }) => node.standing === "excluded",
    text: ({ node }) => `${node.id} is excluded: a quorum acknowledges nothing from it`,
    whenActive: "ends",
    lasting: true,
  },
  {
    code: "not-in-place",
    applies: ({ node, service }) => !service.place.includes(node.id),
    text: ({ node, service }) => `${service.name} is not meant to run on ${node.id}`,
    whenActive: "moves",
    lasting: true,
  },
  {
    code: "silent",
    applies: ({ node }) => node.standing === "silent",
    text: ({ node }) => `${node.id} is silent: it cannot be told to take anything`,
    whenActive: "stays",
    lasting: false,
  },
  {
    code: "not-reported",
    applies: ({ node }) => !node.reported,
    text: ({ node }) => `${node.id} has not reported to this leader yet`,
    whenActive: "stays",
    lasting: false,
  },
  {
    code: "not-known-there",
    applies: ({ seen }) => seen.report === null,
    text: ({ node, service }) => `${node.id} does not know ${service.name}: its configuration is another one`,
    whenActive: "stays",
    lasting: false,
  },
  {
    code: "leaving",
    applies: ({ node }) => node.leaving,
    text: ({ node }) => `${node.id} wants to stop`,
    whenActive: "ends",
    lasting: true,
  },
  {
    code: "drained",
    applies: ({ node, facts }) => facts.drained.has(node.id),
    text: ({ node }) => `${node.id} is drained`,
    whenActive: "moves",
    lasting: true,
  },
  {
    code: "maintenance",
    applies: ({ node, facts }) => facts.maintenanceNodes.has(node.id),
    text: ({ node }) => `${node.id} is in maintenance: nothing is started there`,
    whenActive: "stays",
    lasting: false,
  },
  {
    code: "no-reach",
    applies: ({ node, service, facts }) => node.reach === "none" && reachesElsewhere(facts, service, node.id),
    text: ({ node }) => `${node.id} reaches none of the reach targets, while another node does`,
    whenActive: "ends",
    lasting: true,
  },
  {
    code: "failing",
    applies: ({ seen }) => seen.report?.health === "failing",
    text: ({ node, service, seen }) => `${service.name} is failing on ${node.id}${detailOf(seen)}`,
    whenActive: "moves",
    lasting: true,
  },
  {
    code: "failed-before",
    applies: (each) => failureUntil(each) !== null,
    text: ({ node, service, seen }) =>
      `${service.name} failed on ${node.id} not long ago, which still counts${detailOf(seen)}`,
    // Where it is active and well again, an old failure is no reason to interrupt it.
    whenActive: "stays",
    lasting: true,
  },
  {
    // Down it would help nobody: then it is tried all the same.
    code: "flapping",
    applies: (each) => flappingUntil(each) !== null,
    text: flappingText,
    whenActive: "stays",
    lasting: false,
  },
  {
    code: "state-unknown",
    applies: ({ seen }) => seen.report?.standing === "unknown",
    text: ({ node, service }) => `it is not known whether ${service.name} still runs on ${node.id}`,
    whenActive: "stays",
    lasting: false,
  },
];

/** Would it go there if an operator says so? Damping is for what the cluster does by itself. */
export const maySendTo = (fitness: Fitness): boolean =>
  fitness.kind === "fit" || (fitness.kind === "unfit" && fitness.reason.code === "flapping");

/** May a node that does not have the service take it? */
export function judgeTaking(facts: Facts, service: ServiceConfig, node: NodeView): Fitness {
  const each: Case = { facts, service, node, seen: serviceOn(node, service.name) };
  const rule = RULES.find((row) => row.applies(each));
  if (rule !== undefined) {
    const { lasting } = rule;
    return { kind: "unfit", reason: because(rule.code, rule.text(each)), lasting, ...timesOf(rule, each) };
  }
  if (each.seen.report?.health === "healthy") return { kind: "fit" };
  return { kind: "unchecked", reason: because("unchecked", `no check has answered on ${node.id} yet`) };
}

/** May the service stay on the node where it is active? */
export function judgeStaying(facts: Facts, service: ServiceConfig, node: NodeView): Stay {
  const each: Case = { facts, service, node, seen: serviceOn(node, service.name) };
  const against = RULES.filter((row) => row.whenActive !== "stays" && row.applies(each));
  const rule = against.find((row) => row.whenActive === "ends") ?? against[0];
  if (rule === undefined) return { kind: "stays" };
  const reason = because(rule.code, rule.text(each));
  return rule.whenActive === "ends" ? { kind: "ends", reason } : { kind: "moves", reason };
}

function reachesElsewhere(facts: Facts, service: ServiceConfig, except: NodeId): boolean {
  return service.place.some((id) => {
    const other = facts.nodes.get(id);
    return id !== except && other?.standing === "alive" && other.reported && other.reach === "ok";
  });
}

function timesOf({ code }: Rule, each: Case): { until: Instant | null; tryAgainAt: Instant | null } {
  if (code === "failed-before") return { until: failureUntil(each), tryAgainAt: tryAgainFrom(each) };
  if (code === "flapping") return { until: flappingUntil(each), tryAgainAt: null };
  return { until: null, tryAgainAt: null };
}

/** When the last failure there stops to count; null: none counts. */
function failureUntil({ facts, service, seen }: Case): Instant | null {
  if (seen.failedAt === null || seen.report?.failures === 0) return null;
  const until = plus(seen.failedAt, service.failureAge);
  return facts.view.now < until ? until : null;
}

/**
 * A failure counts against a node, and yet a service that is down is worth another try there: the first at once,
 * each further one after a longer pause.
 */
function tryAgainFrom({ service, seen }: Case): Instant | null {
  if (seen.failedAt === null || seen.report === null || seen.report.standing === "unknown") return null;
  const pause = pauseAfter(seen.report.failures);
  // To take an address or open a port costs nothing, and what kept it from that is often over in a moment.
  const isCheap = service.resources.every(isGrant);
  return plus(seen.failedAt, isCheap ? ms(Math.min(pause, CHEAP_PAUSE_MAX)) : pause);
}

const CHEAP_PAUSE_MAX = 30_000;

/**
 * It left this node again and again, for checks that failed or with the node's lease. By itself it moves back only
 * after a pause that grows, so that what comes and goes on two nodes does not throw it to and fro.
 */
function flappingUntil({ facts, seen }: Case): Instant | null {
  const pause = flappingPause(seen);
  if (seen.failedAt === null || pause === null) return null;
  const until = plus(seen.failedAt, pause);
  return facts.view.now < until ? until : null;
}

function flappingPause({ report }: ServiceView): Ms | null {
  return report === null || report.flaps < 2 ? null : pauseAfter(report.flaps);
}

function flappingText({ node, service, seen }: Case): string {
  const pause = (flappingPause(seen) ?? 0) / 1000;
  const times = seen.report?.flaps ?? 0;
  return `${service.name} had to leave ${node.id} ${times} times not long ago, so it does not return there by itself for ${pause} s`;
}

const detailOf = (seen: ServiceView): string =>
  seen.report === null || seen.report.detail === null ? "" : ` (${seen.report.detail})`;
