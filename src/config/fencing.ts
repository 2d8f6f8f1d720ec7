// From what is written about fencing and watchdogs to the one form that the program works with.

import { NO_WATCHDOG, type WatchdogConfig } from "#model/config.ts";
import { type FenceDevice, type FenceLevel, type FencingConfig, NO_FENCING } from "#model/fencing.ts";
import { nodeId } from "#model/ids.ts";
import { ms } from "#model/units.ts";
import * as defaults from "./defaults.ts";
import type {
  RedfishUrl,
  WrittenDevice,
  WrittenNodeFencing,
  WrittenPolicy,
  WrittenWatchdog,
} from "./schema-fencing.ts";
import { sorted, withUniqueIds } from "./tidy.ts";

export function fencingFrom(
  written: Readonly<Record<string, WrittenNodeFencing>> | undefined,
  policy: WrittenPolicy | undefined,
): FencingConfig {
  if (written === undefined) return NO_FENCING;
  const nodes = Object.entries(written).map(([node, one]) => ({
    node: nodeId(node),
    levels: levelsFrom(one),
  }));
  return {
    nodes: sorted(nodes, ({ node }) => node),
    delay: policy?.delay ?? defaults.FENCE_DELAY,
    perHour: policy?.per_hour ?? defaults.FENCES_PER_HOUR,
    testEvery: policy?.test_every ?? defaults.FENCE_TEST_EVERY,
  };
}

/** A single device is one level; ids are unique over all levels of the node. */
export function levelsFrom(written: WrittenNodeFencing): readonly FenceLevel[] {
  const levels = (Array.isArray(written) ? written : [written]).map((level) =>
    (Array.isArray(level) ? level : [level]).map(deviceFrom),
  );
  const unique = withUniqueIds(levels.flat());
  let next = 0;
  return levels.map((level) => {
    const from = next;
    next += level.length;
    return unique.slice(from, next);
  });
}

function deviceFrom(written: WrittenDevice): FenceDevice {
  // What an operator is waited for has no end of its own; the number is never used.
  if (written === "operator") return { id: "operator", kind: "operator", timeout: defaults.FENCE_TIMEOUT };
  const timeout = written.timeout ?? defaults.FENCE_TIMEOUT;
  if ("command" in written) {
    const { off, status, on = null } = written.command;
    return { id: `command ${off[0]?.split("/").at(-1)}`, kind: "command", off, status, on, timeout };
  }
  if ("ssh" in written) {
    const { ssh: target, key_file: keyFile = null } = written;
    return { id: `ssh ${target}`, kind: "ssh", target, keyFile, timeout };
  }
  const passwordFile = written.password_file ?? null;
  const agent = { kind: "agent", passwordFile, timeout } as const;
  const given = written.options ?? {};
  if ("ipmi" in written) {
    const { ipmi, port = defaults.IPMI_PORT } = written;
    const own = {
      ip: ipmi,
      ipport: String(port),
      username: written.user,
      lanplus: "1",
      cipher: "3",
      // The rule for power asks twice itself; the agent's own 2 s before it looks would only add to the outage.
      ...("power-wait" in given ? {} : { power_wait: "0" }),
    };
    const id = `ipmi ${ipmi}${port === defaults.IPMI_PORT ? "" : ` port ${port}`}`;
    return { id, agent: "fence_ipmilan", options: optionsFrom({ ...own, ...given }), ...agent };
  }
  if ("redfish" in written) {
    const own = redfishOptions(written.redfish, written.user, written.insecure ?? false);
    const { host, port, path } = written.redfish;
    const id = `redfish ${host}${port === defaults.HTTPS_PORT ? "" : `:${port}`}${path ?? ""}`;
    return { id, agent: "fence_redfish", options: optionsFrom({ ...own, ...given }), ...agent };
  }
  const id = [written.agent, ...placeOf(given)].join(" ");
  return { id, agent: written.agent, options: optionsFrom(given), ...agent };
}

/** `ssl_insecure` is not even named when certificates count: the agent takes its presence for a yes. */
function redfishOptions(url: RedfishUrl, username: string, insecure: boolean): Record<string, string> {
  const options = { ip: url.host, ipport: String(url.port), ssl: "1", username };
  const trust: Record<string, string> = insecure ? { ssl_insecure: "1" } : {};
  if (url.path === null) return { ...options, ...trust };
  // One resource below Systems is the node itself; anything else is where the agent starts to look for it.
  const isSystem = /\/Systems\/[^/]+$/.test(url.path);
  return { ...options, ...trust, [isSystem ? "systems_uri" : "redfish_uri"]: url.path };
}

/** What tells the devices of one agent apart, for people: where it is, and which of its outlets or guests. */
export function placeOf(options: Readonly<Record<string, string>>): readonly string[] {
  const host = options.ip ?? options.ipaddr;
  const plug = options.plug ?? options.port;
  return [...(host === undefined ? [] : [host]), ...(plug === undefined ? [] : [`plug ${plug}`])];
}

function optionsFrom(options: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return sorted(Object.entries(options), ([name]) => name);
}

export function watchdogFrom(written: WrittenWatchdog | undefined): WatchdogConfig {
  if (written === undefined) return NO_WATCHDOG;
  const { mode, device, timeout } = typeof written === "string" ? { mode: written } : written;
  // One that is never opened needs neither path nor time: files that mean the same have one hash.
  if (mode === "none") return NO_WATCHDOG;
  return {
    mode,
    device: device ?? defaults.WATCHDOG_DEVICE,
    timeout: ms(timeout ?? defaults.WATCHDOG_TIMEOUT),
  };
}
