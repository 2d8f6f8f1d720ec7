// What is written about fencing and watchdogs, held against the rest of the file: the right victims, options that
// leave the daemon its say, levels that can prove something, and times that fit together.

import { isExclusive, type ResourceConfig } from "#model/config.ts";
import { canProve } from "#model/fencing.ts";
import { type Ms, ms } from "#model/units.ts";
import { inSeconds, ipOf, isNode, type Judgement, unknownMember, wrong, wrongKey } from "./complaint.ts";
import { type Cursor, entries, items, key, top } from "./cursor.ts";
import * as defaults from "./defaults.ts";
import { levelsFrom, placeOf, watchdogFrom } from "./fencing.ts";
import { isMap } from "./kit.ts";
import { formatDuration, parseDuration } from "./leaves.ts";
import type { FoundMember } from "./members.ts";
import type { Finding } from "./problem.ts";
import { NODE_FENCING, WATCHDOG } from "./schema-fencing.ts";
import type { FoundService } from "./services.ts";
import { timingOf } from "./timing.ts";
import { type FoundVoters, isPair } from "./voters.ts";

export function judgeFencing(
  config: unknown,
  members: readonly FoundMember[],
  voters: FoundVoters,
): Judgement {
  const nodes = entries(key(top(config), "fencing"));
  return {
    findings: [
      ...nodes.flatMap(([id, at]) => judgeName(id, at, members)),
      ...nodes.flatMap(([, at]) => judgeLevels(at)),
      ...nodes.flatMap(([, at]) => devicesOf(at).flatMap(judgeOptions)),
      ...nodes.flatMap(([id, at]) => devicesOf(at).flatMap((device) => judgeAddress(id, device, members))),
      ...judgeVictims(nodes),
      ...judgePolicy(config),
    ],
    warnings: [...nodes.flatMap(([, at]) => warnOfBudget(at)), ...warnOfDelay(config, voters)],
  };
}

/** In the order of the file, whatever the level; each at its place. */
const devicesOf = (at: Cursor): readonly Cursor[] => levelsOf(at).flatMap((level) => level.devices);

interface FoundLevel {
  readonly at: Cursor;
  readonly devices: readonly Cursor[];
}

function levelsOf(at: Cursor): readonly FoundLevel[] {
  const levels = Array.isArray(at.value) ? items(at) : [at];
  return levels.map((level) => ({ at: level, devices: Array.isArray(level.value) ? items(level) : [level] }));
}

function judgeName(id: string, at: Cursor, members: readonly FoundMember[]): readonly Finding[] {
  const member = members.find((one) => one.id === id);
  if (member !== undefined && isNode(member)) return [];
  if (member !== undefined)
    return [wrongKey(at, `${id} is a witness: it holds nothing that fencing would free`, "remove it")];
  const nodes = members.filter(isNode).map((one) => one.id);
  if (nodes.length === 0) return [];
  return [{ ...unknownMember({ ...at, value: id }, nodes, "node", "Nodes"), at: "key" }];
}

/** A level that can never succeed, or never have its turn, is no level. */
function judgeLevels(at: Cursor): readonly Finding[] {
  const written = NODE_FENCING.safeParse(at.value);
  if (!written.success) return [];
  const found = levelsOf(at);
  const findings: Finding[] = [];
  for (const [index, level] of levelsFrom(written.data).entries()) {
    const polite = level.findIndex(({ kind }) => kind === "ssh");
    const place = found[index]?.devices[polite];
    if (place !== undefined && level.some(canProve)) {
      const message =
        "ssh only asks and proves nothing, so this level could never prove that the node is dead";
      findings.push(wrong(place, message, "give ssh a level of its own, before this one"));
    }
    const next = found[index + 1];
    if (next !== undefined && level.some(({ kind }) => kind === "operator"))
      findings.push(wrong(next.at, "after operator no level has its turn", "put operator last"));
  }
  return findings;
}

const DAEMON_SAYS = "remove it: the daemon itself says what the device is to do";
const BESIDE = (name: string) => `write it beside the device, as ${name}:`;

/** Names as in the agents' metadata, with underscores. */
const NEVER: Readonly<Record<string, string>> = {
  action: DAEMON_SAYS,
  option: DAEMON_SAYS,
  method: DAEMON_SAYS,
  help: DAEMON_SAYS,
  version: DAEMON_SAYS,
  delay: "fence_policy: { delay: 3s } is the head start between two voters",
};

const OWN_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ipmi: {
    ip: "ipmi",
    ipaddr: "ipmi",
    ipport: "port",
    port: "port",
    plug: "ipmi",
    username: "user",
    login: "user",
  },
  redfish: {
    ip: "redfish",
    ipaddr: "redfish",
    ipport: "redfish",
    ssl: "redfish",
    username: "user",
    login: "user",
    ssl_insecure: "insecure",
    ssl_secure: "insecure",
  },
};

const PASSWORD = /^(.*_)?(password|passwd|passphrase)$/;

function judgeOptions(device: Cursor): readonly Finding[] {
  const kind = Object.keys(OWN_OPTIONS).find((name) => key(device, name).value !== undefined);
  return entries(key(device, "options")).flatMap(([written, at]) => {
    const name = written.replaceAll("-", "_");
    if (PASSWORD.test(name)) {
      const hint = /^passw/.test(name)
        ? "password_file: PATH beside the device; its first line is the password"
        : `options: { ${name}_script: PATH }, a program that prints it`;
      return [wrongKey(at, "passwords are not written into this file", hint)];
    }
    const own = Object.hasOwn(OWN_OPTIONS[kind ?? ""] ?? {}, name)
      ? OWN_OPTIONS[kind ?? ""]?.[name]
      : undefined;
    const hint = Object.hasOwn(NEVER, name) ? NEVER[name] : own === undefined ? undefined : BESIDE(own);
    return hint === undefined ? [] : [wrongKey(at, `the option "${written}" is not set here`, hint)];
  });
}

/** A management controller has an address of its own, and ssh to the wrong node stops the wrong node. */
function judgeAddress(id: string, device: Cursor, members: readonly FoundMember[]): readonly Finding[] {
  const [ipmi, redfish, ssh] = [key(device, "ipmi"), key(device, "redfish"), key(device, "ssh")];
  const ownerOf = (ip: string | null) =>
    members.find(({ links }) => ip !== null && links.some((link) => ipOf(link) === ip));
  for (const [at, ip] of [
    [ipmi, ipOf(ipmi)],
    [redfish, ipOf({ ...redfish, value: hostOf(redfish.value) })],
  ] as const) {
    const owner = ownerOf(ip);
    if (owner === undefined) continue;
    const message = `${ip} is an address of ${owner.id}, which is gone when it dies`;
    return [wrong(at, message, "the management controller (BMC) has an address of its own")];
  }
  const ip = ipOf({ ...ssh, value: typeof ssh.value === "string" ? ssh.value.replace(/^.*@/, "") : null });
  const owner = ownerOf(ip);
  if (owner === undefined || owner.id === id) return [];
  return [wrong(ssh, `${ip} is an address of ${owner.id}, not of ${id}`, `this would stop ${owner.id}`)];
}

function hostOf(url: unknown): string | null {
  const host =
    typeof url === "string" ? /^https:\/\/\[?([^\]/]+?)\]?(?::\d+)?(?:\/|$)/.exec(url)?.[1] : undefined;
  return host ?? null;
}

/** One device for two nodes turns off the wrong one. */
function judgeVictims(nodes: readonly (readonly [string, Cursor])[]): readonly Finding[] {
  const owners = new Map<string, string>();
  const findings: Finding[] = [];
  for (const [id, at] of nodes) {
    for (const device of devicesOf(at)) {
      const victim = victimOf(device.value);
      if (victim === null) continue;
      const owner = owners.get(victim.text);
      if (owner === undefined) owners.set(victim.text, id);
      else if (owner !== id)
        findings.push(
          wrong(
            key(device, victim.key),
            `this is the device of ${owner} already: it would turn off the wrong node`,
            victim.hint,
          ),
        );
    }
  }
  return findings;
}

interface Victim {
  readonly key: string;
  readonly text: string;
  readonly hint: string;
}

/** What the device turns off, as far as the file can tell. */
function victimOf(device: unknown): Victim | null {
  if (!isMap(device)) return null;
  const hint = "each node has a device of its own";
  for (const kind of ["ipmi", "redfish", "ssh"]) {
    const port = kind === "ipmi" ? (device.port ?? defaults.IPMI_PORT) : "";
    if (typeof device[kind] === "string") return { key: kind, text: `${kind} ${device[kind]} ${port}`, hint };
  }
  if (typeof device.agent !== "string" || !isMap(device.options)) return null;
  const texts = Object.entries(device.options).map(([name, value]) => [name, String(value)] as const);
  const place = placeOf(Object.fromEntries(texts));
  const isShared = JSON.stringify(sortedEntries(texts));
  return place.length === 0
    ? null
    : { key: "agent", text: `${device.agent} ${isShared}`, hint: "another address, or another plug" };
}

const sortedEntries = (list: readonly (readonly [string, string])[]) =>
  [...list].sort(([a], [b]) => (a < b ? -1 : 1));

function judgePolicy(config: unknown): readonly Finding[] {
  const [policy, fencing] = [key(top(config), "fence_policy"), key(top(config), "fencing")];
  if (policy.value === undefined || fencing.value !== undefined) return [];
  return [
    wrongKey(
      policy,
      "this changes nothing: no node has a fence device",
      "give them under `fencing`, or remove it",
    ),
  ];
}

/** Off, and two answers that it is off. Devices of one level are called side by side, so the slowest counts. */
function warnOfBudget(at: Cursor): readonly Finding[] {
  return levelsOf(at).flatMap(({ devices }) => {
    const timed = devices
      .filter(({ value }) => isMap(value))
      .map((device) => ({ device, timeout: timeoutOf(device) }));
    const slowest = timed.sort((a, b) => b.timeout - a.timeout)[0];
    if (slowest === undefined) return [];
    const { device, timeout } = slowest;
    const sum = ms(3 * timeout);
    if (sum <= defaults.FENCE_BUDGET) return [];
    const one = inSeconds(timeout);
    const message = `off ${one} + 2 x status ${one} = ${inSeconds(sum)}: a takeover may wait longer than ${inSeconds(defaults.FENCE_BUDGET)}`;
    return [
      wrong(
        key(device, "timeout"),
        message,
        `${formatDuration(defaults.FENCE_TIMEOUT)} or less for each call`,
      ),
    ];
  });
}

function timeoutOf(device: Cursor): Ms {
  const answer = parseDuration(key(device, "timeout").value);
  return answer.kind === "read" ? answer.value : defaults.FENCE_TIMEOUT;
}

function warnOfDelay(config: unknown, voters: FoundVoters): readonly Finding[] {
  const at = key(key(top(config), "fence_policy"), "delay");
  const delay = parseDuration(at.value);
  if (!isPair(voters) || delay.kind === "refused" || delay.value >= defaults.FENCE_CALL_USUAL) return [];
  const message = `one call of a fence device takes up to ${inSeconds(defaults.FENCE_CALL_USUAL)}, the head start is ${inSeconds(delay.value)}: two nodes that lose each other could both be turned off`;
  return [wrong(at, message, `${formatDuration(defaults.FENCE_DELAY)}, or longer than the device needs`)];
}

/**
 * A node that lost its lease stops feeding unless it could stop what is exclusive. Twice the time that this takes
 * leaves room for a slow moment; less, and a mere loss of the network resets the node.
 */
export function warnOfWatchdog(config: unknown, services: readonly FoundService[]): readonly Finding[] {
  const at = key(top(config), "watchdog");
  const written = WATCHDOG.safeParse(at.value);
  if (!written.success) return [];
  const { mode, timeout } = watchdogFrom(written.data);
  if (mode === "none") return [];
  const { lease } = timingOf(key(top(config), "timing").value);
  const stops = services.map(({ name, exclusive }) => {
    const resources = exclusive.map(({ resource }) => resource);
    return { name, stop: ms(resources.reduce((sum, resource) => sum + stopTime(resource), 0)) };
  });
  const slowest = stops.sort((a, b) => b.stop - a.stop)[0];
  if (slowest === undefined || slowest.stop === 0) return [];
  const sum = ms(lease + slowest.stop);
  const wanted = Math.ceil((2 * sum) / 1000) * 1000;
  if (timeout >= wanted) return [];
  const text = `lease ${inSeconds(lease)} + stop of ${slowest.name} ${inSeconds(slowest.stop)} = ${inSeconds(sum)}, the watchdog fires after ${inSeconds(timeout)}`;
  const outcome = timeout < sum ? "before it could stop" : "when the stop is slow";
  const place = key(at, "timeout").value === undefined ? at : key(at, "timeout");
  const fits = wanted <= defaults.WATCHDOG_LIMITS.max;
  const hint = fits ? `a timeout of ${wanted / 1000}s, or a shorter stop` : "a shorter stop";
  return [wrong(place, `${text}: the node could be reset ${outcome}`, hint)];
}

/** As long as a stop may take: from active, a promoted command is demoted first. */
function stopTime(resource: ResourceConfig): number {
  if (!isExclusive(resource)) return 0;
  if (resource.kind === "process") return resource.stopTimeout;
  if (resource.kind !== "command") return 0;
  return resource.timeouts.stop + (resource.demote === null ? 0 : resource.timeouts.demote);
}
