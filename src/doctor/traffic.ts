// Judges whether what members say to each other passes, in both directions, and which firewall rule may be why not.

import type { NodeId } from "#model/ids.ts";
import type { FirewallRule, TrafficFacts, TrafficMethod, WayFacts } from "#ports/host.ts";
import { type Finding, findingsOf } from "./finding.ts";

const traffic = findingsOf("traffic");

const TESTED = {
  daemon: "by what the running daemons say to each other",
  probe: "by probes; understudy doctor --listen answers on the other side",
} as const satisfies Record<TrafficMethod, string>;

export interface TrafficOptions {
  readonly self: NodeId;
  /** The port of pulses; messages use the next one. */
  readonly port: number;
  readonly rules: readonly FirewallRule[];
}

export function judgeTraffic(facts: TrafficFacts, options: TrafficOptions): readonly Finding[] {
  const peers = [...new Set(facts.ways.map(({ peer }) => peer))];
  const found = peers.flatMap((peer) =>
    judgePeer(
      facts.ways.filter((way) => way.peer === peer),
      facts.method,
      options,
    ),
  );
  return [...found, ...judgeRules(facts.ways, options)];
}

function judgePeer(
  ways: readonly WayFacts[],
  method: TrafficMethod,
  options: TrafficOptions,
): readonly Finding[] {
  const bad = ways.filter(({ seen }) => seen === "blocked" || seen === "dropped-here");
  const unknown = ways.filter(({ seen }) => seen === "unknown");
  const good = ways.filter(({ seen }) => seen === "passes");
  const passing = good.length === 0 ? [] : [traffic.ok("passes", passText(good, method, ways.length))];
  return [
    ...passing,
    ...bad.map((way) =>
      traffic.problem("blocked", blockedText(way, method, options), blockedAdvice(way, options)),
    ),
    ...(ways.some(({ seen }) => seen === "silent") ? [silentFinding(ways)] : []),
    ...groupBy(unknown, ({ why }) => why ?? "it is not known").map(([why, some]) =>
      traffic.untested("passes", `${some.map(wayText).join("; ")}: ${why}`),
    ),
  ];
}

function passText(good: readonly WayFacts[], method: TrafficMethod, all: number): string {
  const peer = good[0]?.peer ?? "";
  const ports = [...new Set(good.map(({ port }) => port))].join(" and ");
  if (good.length === all) return `${peer}: UDP ${ports} pass in both directions (tested ${TESTED[method]})`;
  return `${peer}: ${good.map(wayText).join("; ")} pass${good.length === 1 ? "es" : ""} (tested ${TESTED[method]})`;
}

function silentFinding(ways: readonly WayFacts[]): Finding {
  const silent = ways.filter(({ seen }) => seen === "silent");
  const peer = silent[0]?.peer ?? "";
  const what = silent.map(wayText).join("; ");
  const text = `${what}: nothing comes, so its daemon does not run, or all that it sends is blocked`;
  return traffic.warning("silent", text, `run understudy doctor on ${peer}: it sees the other side`);
}

const wayText = ({ direction, port, peer, link }: WayFacts): string =>
  `UDP ${port} ${direction === "in" ? "from" : "to"} ${peer}${link === null ? "" : ` (${link.theirs})`}`;

function blockedText(way: WayFacts, method: TrafficMethod, { self }: TrafficOptions): string {
  const { direction, port, peer, link, seen } = way;
  const at = (name: string, address: string | undefined) =>
    address === undefined ? name : `${name} (${address})`;
  const here = at(self, link?.own);
  const there = at(peer, link?.theirs);
  const [from, to] = direction === "in" ? [there, here] : [here, there];
  const what =
    seen === "dropped-here"
      ? "arrives at the device and goes no further: this host drops it"
      : direction === "in"
        ? "nothing arrives here"
        : `${peer} hears nothing`;
  return `UDP ${port} from ${from} to ${to} is blocked: ${what} (tested ${TESTED[method]})`;
}

function blockedAdvice(way: WayFacts, { rules, self }: TrafficOptions): string {
  const hook = way.direction === "in" ? "input" : "output";
  const mine = rules.filter((rule) => rule.hook === hook && concerns(rule, way.port));
  const sure = mine.filter(({ vague }) => !vague);
  const [rule] = sure.length > 0 ? sure : mine;
  if (rule !== undefined)
    return `this host's own firewall ${sure.length > 0 ? "drops" : "may drop"} it: ${rule.text}`;
  const end = way.seen === "dropped-here" ? self : way.peer;
  return `open UDP ${way.port} from ${way.direction === "in" ? way.peer : self} to ${
    way.direction === "in" ? self : way.peer
  }: no rule of this host was seen to drop it; look on ${end} and at what lies between`;
}

/** Rules that drop one of our ports although nothing was found blocked: other links or members may meet them. */
function judgeRules(ways: readonly WayFacts[], { rules, port }: TrafficOptions): readonly Finding[] {
  const explained = (rule: FirewallRule) =>
    ways.some(
      ({ seen, direction, port: way }) =>
        (seen === "blocked" || seen === "dropped-here") &&
        (direction === "in") === (rule.hook === "input") &&
        concerns(rule, way),
    );
  return rules
    .filter((rule) => !rule.vague && !explained(rule) && (concerns(rule, port) || concerns(rule, port + 1)))
    .map((rule) =>
      traffic.warning(
        "rule",
        `a rule of this host drops UDP ${port} or ${port + 1}: ${rule.text}`,
        "is it meant?",
      ),
    );
}

const concerns = ({ ports }: FirewallRule, port: number): boolean => ports === null || ports.includes(port);

function groupBy<T>(items: readonly T[], key: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups];
}
