// What the parts of a configuration mean to each other. Takes any value, also one with parts that are wrong
// by themselves (schema.ts says so): all problems are to be seen at once.

import { parseIp } from "#model/address.ts";
import { ipOf, type Judgement, unknownMember, wrong, wrongKey } from "./complaint.ts";
import { type Cursor, entries, items, key, top } from "./cursor.ts";
import { CHECK, MEMBERS_MAX } from "./defaults.ts";
import { judgeGuards } from "./guards.ts";
import { isMap, read } from "./kit.ts";
import { formatDuration, parseDuration, parseFloating } from "./leaves.ts";
import { type FoundMember, membersOf } from "./members.ts";
import type { Finding } from "./problem.ts";
import { judgeProtection } from "./protection.ts";
import { judgeFencing, warnOfWatchdog } from "./sense-fencing.ts";
import { servicesOf } from "./services.ts";
import { judgeSplit } from "./split.ts";
import { judgeTiming } from "./timing.ts";
import { judgeVoters, votersOf } from "./voters.ts";

export function judgeSense(config: unknown): Judgement {
  const members = membersOf(config);
  const services = entries(key(top(config), "services"));
  const taken = takenAddresses(config, members);
  const voters = votersOf(config, members);
  const found = servicesOf(config);
  const parts = [
    judgeVoters(config, members, voters),
    judgeProtection(config, members, voters, found),
    judgeFencing(config, members, voters),
    judgeGuards(config, found),
  ];
  return {
    findings: [
      ...judgeMembers(members),
      ...judgeLinks(members),
      ...judgeFamilies(members),
      ...judgeRepeats(items(key(top(config), "voters")), "voter"),
      ...judgeTiming(key(top(config), "timing")),
      ...judgeRepeats(items(key(top(config), "reach")), "address"),
      ...judgeServiceNames(services, members),
      ...services.flatMap(([, service]) => judgePlace(service, members)),
      ...judgeFloating(services, taken),
      ...services.flatMap(([, service]) => judgeService(service)),
      ...found.flatMap((service) => judgeSplit(config, voters, service)),
      ...parts.flatMap(({ findings }) => findings),
    ],
    warnings: [
      ...parts.flatMap(({ warnings }) => warnings),
      ...warnOfWatchdog(config, found),
      ...services.flatMap(([name, service]) => warnOfPlace(name, service)),
    ],
  };
}

function judgeMembers(members: readonly FoundMember[]): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [index, member] of members.entries()) {
    const isRepeated = members.findIndex((other) => other.id === member.id) < index;
    if (isRepeated)
      findings.push(wrongKey(member.at, `${member.id} is the name of a node too`, "rename one of them"));
    if (index === MEMBERS_MAX)
      findings.push(wrongKey(member.at, `more than ${MEMBERS_MAX} members`, "split the cluster"));
    if (!isMap(member.at.value)) continue;
    const address = key(member.at, "address");
    const isBare = address.value === undefined && key(member.at, "links").value === undefined;
    if (isBare)
      findings.push(
        wrongKey(member.at, `${member.id} has no address`, "for example: { address: 192.0.2.11 }"),
      );
    const links = member.links.map(ipOf);
    const isForeign = address.value !== undefined && !links.includes(ipOf(address));
    if (isForeign)
      findings.push(wrong(address, "this address is not among the links", "links lists all addresses"));
  }
  return findings;
}

/** Two members with one address, or one member with an address twice. */
function judgeLinks(members: readonly FoundMember[]): readonly Finding[] {
  const owners = new Map<string, string>();
  const findings: Finding[] = [];
  for (const { id, links } of members) {
    for (const link of links) {
      const ip = ipOf(link);
      if (ip === null) continue;
      const owner = owners.get(ip);
      if (owner === undefined) owners.set(ip, id);
      else if (owner === id) findings.push(wrong(link, `${ip} is listed twice`, "remove one"));
      else
        findings.push(
          wrong(link, `${ip} is the address of ${owner} too`, "each member has addresses of its own"),
        );
    }
  }
  return findings;
}

/** Members hear each other only over addresses of one family. */
function judgeFamilies(members: readonly FoundMember[]): readonly Finding[] {
  const [first] = members;
  if (first === undefined) return [];
  const families = ({ links }: FoundMember) =>
    new Set(links.map((link) => familyOf(link)).filter((f) => f !== null));
  const known = families(first);
  if (known.size === 0) return [];
  return members
    .filter(
      (member) => families(member).size > 0 && [...families(member)].every((family) => !known.has(family)),
    )
    .map((member) => {
      const message = `${member.id} and ${first.id} have no address of the same kind`;
      return wrong(member.links[0] ?? member.at, message, "give both an IPv4 or both an IPv6 address");
    });
}

function judgePlace(service: Cursor, members: readonly FoundMember[]): readonly Finding[] {
  const place = items(key(service, "place"));
  const nodes = members.filter(({ kind }) => kind === "node").map(({ id }) => id);
  const findings = [...judgeRepeats(place, "node")];
  // Without nodes there is one mistake, not one for each name.
  if (nodes.length === 0) return findings;
  for (const item of place) {
    if (typeof item.value !== "string" || nodes.includes(item.value)) continue;
    const isWitness = members.some(({ id }) => id === item.value);
    if (isWitness)
      findings.push(
        wrong(item, `${item.value} is a witness: it runs no services`, `Nodes are: ${nodes.join(", ")}`),
      );
    else findings.push(unknownMember(item, nodes, "node", "Nodes"));
  }
  return findings;
}

function warnOfPlace(name: string, service: Cursor): readonly Finding[] {
  const place = key(service, "place");
  const isAlone = items(place).length === 1;
  const message = `${name} may run on one node only: nothing takes over when that node dies`;
  return isAlone ? [wrong(place, message, "list a second node")] : [];
}

/** Commands of operators take a node or a service in one place, so the two must be told apart. */
function judgeServiceNames(
  services: readonly (readonly [string, Cursor])[],
  members: readonly FoundMember[],
): readonly Finding[] {
  const clash = services.filter(([name]) => members.some(({ id }) => id === name));
  return clash.map(([name, at]) => wrongKey(at, `${name} is the name of a member too`, "rename one of them"));
}

/** Addresses that stay where they are, each with a word for what it is. */
function takenAddresses(config: unknown, members: readonly FoundMember[]): ReadonlyMap<string, string> {
  const taken = new Map<string, string>();
  for (const target of items(key(top(config), "reach"))) taken.set(ipOf(target) ?? "", "a reach target");
  for (const { id, links } of members)
    for (const link of links) taken.set(ipOf(link) ?? "", `an address of ${id}`);
  return taken;
}

function judgeFloating(
  services: readonly (readonly [string, Cursor])[],
  taken: ReadonlyMap<string, string>,
): readonly Finding[] {
  const owners = new Map<string, string>();
  const findings: Finding[] = [];
  for (const [name, service] of services) {
    for (const at of floatingOf(service)) {
      const address = parseFloating(at.value);
      if (address.kind === "refused") continue;
      const { ip } = address.value;
      const [fixed, owner] = [taken.get(ip), owners.get(ip)];
      if (fixed !== undefined)
        findings.push(
          wrong(at, `${ip} is ${fixed} already`, "a floating address is one that no host has of its own"),
        );
      if (owner === undefined) owners.set(ip, name);
      else if (owner === name) findings.push(wrong(at, `${ip} is listed twice`, "remove one"));
      else
        findings.push(
          wrong(
            at,
            `${ip} belongs to service ${owner} already`,
            "an address is in one service; put both into one",
          ),
        );
    }
  }
  return findings;
}

function floatingOf(service: Cursor): readonly Cursor[] {
  return items(key(service, "resources")).flatMap((resource) => {
    const single = key(resource, "address");
    const several = items(key(resource, "addresses"));
    return single.value === undefined ? several : [single, ...several];
  });
}

function judgeService(service: Cursor): readonly Finding[] {
  const resources = items(key(service, "resources"));
  const checks = items(key(service, "checks"));
  return [
    ...judgeRepeats(
      resources.map((resource) => key(resource, "name")),
      "name",
    ),
    ...judgeRepeats(
      checks.map((check) => key(check, "name")),
      "name",
    ),
    ...resources.flatMap(judgePromotion),
    ...checks.flatMap(judgeCheckTiming),
  ];
}

function judgePromotion(resource: Cursor): readonly Finding[] {
  const command = key(resource, "command");
  const [promote, demote] = [key(command, "promote"), key(command, "demote")];
  if ((promote.value === undefined) === (demote.value === undefined)) return [];
  const [there, lacking] = promote.value === undefined ? [demote, "promote"] : [promote, "demote"];
  return [wrongKey(there, `this needs ${lacking} beside it`, "a resource has both or neither")];
}

function judgeCheckTiming(check: Cursor): readonly Finding[] {
  const written = key(check, "every");
  const every = written.value === undefined ? read(CHECK.every) : parseDuration(written.value);
  const timeout = parseDuration(key(check, "timeout").value);
  if (timeout.kind === "refused" || every.kind === "refused" || timeout.value <= every.value) return [];
  const interval = `${formatDuration(every.value)}${written.value === undefined ? ", the default" : ""}`;
  const message = `the timeout is longer than the interval (${interval})`;
  return [
    wrong(key(check, "timeout"), message, `at most ${formatDuration(every.value)}, or a longer \`every\``),
  ];
}

/** Texts that are there more than once; absent ones do not count. */
function judgeRepeats(list: readonly Cursor[], what: string): readonly Finding[] {
  const texts = list.map(({ value }) => (typeof value === "string" ? (parseIp(value)?.text ?? value) : null));
  return list
    .filter((_, index) => texts[index] !== null && texts.indexOf(texts[index] ?? null) < index)
    .map((at) => wrong(at, `the ${what} ${JSON.stringify(at.value)} is there twice`, "remove one"));
}

function familyOf(at: Cursor): number | null {
  return parseIp(ipOf(at) ?? "")?.family ?? null;
}
