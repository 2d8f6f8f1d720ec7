// From a well written configuration to the one form that the program works with: defaults filled in,
// members and services sorted, every alternative spelling resolved.

import { hash64 } from "#lib/hash.ts";
import type {
  Argv,
  CheckConfig,
  Config,
  GuardedPort,
  MemberConfig,
  PortsResource,
  ResourceConfig,
  RestartLimit,
  ServiceConfig,
} from "#model/config.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import { type Ms, ms } from "#model/units.ts";
import { key, top } from "./cursor.ts";
import * as defaults from "./defaults.ts";
import { fencingFrom, watchdogFrom } from "./fencing.ts";
import { parseHostAddress } from "./leaves.ts";
import { membersOf } from "./members.ts";
import type { Written, WrittenCheck, WrittenResource, WrittenService } from "./schema.ts";
import { sorted, withUniqueIds } from "./tidy.ts";
import { timingOf } from "./timing.ts";

/** `raw` is the value that `written` was read from; nothing in either may be wrong any more. */
export function normalise(written: Written, raw: unknown): Config {
  const members = sorted(membersFrom(raw), ({ id }) => id);
  const voters = sorted(written.voters?.map(nodeId) ?? members.map(({ id }) => id), (id) => id);
  const services = Object.entries(written.services).map(([name, service]) => serviceFrom(name, service));
  const content = {
    version: 1,
    cluster: written.cluster,
    keyFile: written.key_file ?? defaults.KEY_FILE,
    port: written.port ?? defaults.PORT,
    timing: timingOf(key(top(raw), "timing").value),
    members,
    voters,
    reach: written.reach ?? [],
    fencing: fencingFrom(written.fencing, written.fence_policy),
    watchdog: watchdogFrom(written.watchdog),
    services: sorted(services, ({ name }) => name),
  } as const;
  // The keys of `content` come in one fixed order, so that equal contents give equal texts.
  return { ...content, hash: hash64(JSON.stringify(content)), votersHash: hash64(JSON.stringify(voters)) };
}

function membersFrom(raw: unknown): readonly MemberConfig[] {
  return membersOf(raw).map(({ id, kind, at, links }) => ({
    id: nodeId(id),
    kind,
    links: links.map(({ value }) => addressText(value)),
    site: siteOf(at.value),
  }));
}

function addressText(value: unknown): string {
  const answer = parseHostAddress(value);
  return answer.kind === "read" ? answer.value : String(value);
}

function siteOf(value: unknown): string | null {
  const site = typeof value === "object" && value !== null && "site" in value ? value.site : null;
  return typeof site === "string" ? site : null;
}

function serviceFrom(name: string, service: WrittenService): ServiceConfig {
  const guard = service.guard === undefined ? [] : [portsFrom(service.guard)];
  const own = service.resources.flatMap((resource) => resourcesFrom(resource, guard.length > 0));
  const checks = (service.checks ?? []).map(checkFrom);
  return {
    name: serviceName(name),
    place: service.place.map(nodeId),
    failback: service.failback ?? { kind: "manual" },
    resources: withUniqueIds([...own, ...guard]),
    checks: withUniqueIds(checks),
    restarts: limitFrom(service.restarts, defaults.SERVICE_RESTARTS),
    failureAge: service.failure_age ?? defaults.FAILURE_AGE,
    split: service.split ?? "proof",
  };
}

/** The last resource: its ports open when all else runs, and close before anything else is stopped. */
function portsFrom(written: readonly GuardedPort[]): PortsResource {
  const order = ({ protocol, port }: GuardedPort) => `${protocol} ${String(port).padStart(5, "0")}`;
  return { id: "guard", kind: "ports", ports: sorted(written, order) };
}

/**
 * `isGuarded`: clients reach the service only through guarded ports and floating addresses, which the kernel
 * closes by itself; so two copies of its programs do no harm unless the file says that they do.
 */
export function resourcesFrom(resource: WrittenResource, isGuarded: boolean): readonly ResourceConfig[] {
  if ("address" in resource) {
    const address = { ...resource.address, device: resource.device ?? null };
    return [{ id: resource.name ?? address.ip, kind: "address", address }];
  }
  if ("addresses" in resource) {
    const device = resource.device ?? null;
    return resource.addresses.map((address) => ({
      id: address.ip,
      kind: "address",
      address: { ...address, device },
    }));
  }
  const exclusive = resource.exclusive ?? !isGuarded;
  return ["command" in resource ? commandFrom(resource, exclusive) : processFrom(resource, exclusive)];
}

function commandFrom(
  resource: Extract<WrittenResource, { command: unknown }>,
  exclusive: boolean,
): ResourceConfig {
  const { start, stop, probe, promote, demote } = resource.command;
  const timeouts = resource.timeouts ?? {};
  const timeout = (verb: keyof typeof defaults.COMMAND_TIMEOUTS): Ms =>
    timeouts[verb] ?? defaults.COMMAND_TIMEOUTS[verb];
  return {
    id: resource.name ?? programName(start),
    kind: "command",
    start,
    stop,
    probe: probe ?? null,
    promote: promote ?? null,
    demote: demote ?? null,
    timeouts: {
      start: timeout("start"),
      stop: timeout("stop"),
      probe: timeout("probe"),
      promote: timeout("promote"),
      demote: timeout("demote"),
    },
    exclusive,
  };
}

function processFrom(
  resource: Extract<WrittenResource, { process: unknown }>,
  exclusive: boolean,
): ResourceConfig {
  const env = sorted(Object.entries(resource.env ?? {}), ([name]) => name);
  return {
    id: resource.name ?? programName(resource.process),
    kind: "process",
    run: resource.process,
    user: resource.user ?? null,
    directory: resource.directory ?? null,
    env: Object.fromEntries(env),
    restarts: limitFrom(resource.restarts, defaults.PROCESS_RESTARTS),
    stopTimeout: resource.stop_timeout ?? defaults.PROCESS_STOP_TIMEOUT,
    exclusive,
  };
}

function checkFrom(check: WrittenCheck): CheckConfig {
  const every = check.every ?? defaults.CHECK.every;
  const timing = {
    every,
    // A check that is asked for more often than the default timeout must be answered by then.
    timeout: check.timeout ?? ms(Math.min(defaults.CHECK.timeout, every)),
    rise: check.rise ?? defaults.CHECK.rise,
    fall: check.fall ?? defaults.CHECK.fall,
    grace: check.grace ?? defaults.CHECK.grace,
  };
  if ("http" in check) {
    const status = check.status ?? defaults.HTTP_STATUS;
    const { contains = null, insecure = false } = check;
    return { id: check.name ?? "http", kind: "http", url: check.http, status, contains, insecure, ...timing };
  }
  if ("tcp" in check) return { id: check.name ?? "tcp", kind: "tcp", ...check.tcp, ...timing };
  return { id: check.name ?? programName(check.command), kind: "command", run: check.command, ...timing };
}

function limitFrom(written: RestartLimit | undefined, otherwise: RestartLimit): RestartLimit {
  return written ?? otherwise;
}

function programName(run: Argv): string {
  return run[0]?.split("/").at(-1) || "command";
}
