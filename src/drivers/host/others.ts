// Other software that moves addresses, and the unit that starts the daemon.

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OtherFacts, Process, UnitFacts } from "#ports/host.ts";
import { readText } from "./processes.ts";

/** By name of the process: where it keeps what it manages. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  keepalived: ["/etc/keepalived"],
  corosync: [],
  pacemakerd: ["/var/lib/pacemaker/cib"],
  heartbeat: ["/etc/ha.d"],
  ucarp: [],
  vrrpd: [],
  "vip-manager": ["/etc/default/vip-manager.yml", "/etc/patroni"],
};
const UNIT = "understudy.service";
const UNIT_FOLDERS = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];
/** Bytes; what is larger is no configuration written by people. */
const SIZE_LIMIT = 4 * 1024 * 1024;
const DEPTH = 3;

/** Corosync alone manages nothing: it is left out where pacemaker runs. */
export function findOthers(
  processes: readonly Process[],
  addresses: readonly string[],
): readonly OtherFacts[] {
  const running = processes.filter(({ name }) => Object.hasOwn(OTHERS, name));
  const names = new Set(running.map(({ name }) => name));
  const first = running.filter((one, i) => running.findIndex(({ name }) => name === one.name) === i);
  return first
    .filter(({ name }) => name !== "corosync" || !names.has("pacemakerd"))
    .map((process) => {
      const texts = (OTHERS[process.name] ?? []).flatMap((path) => textsBelow(path, DEPTH));
      const all = [...texts, process.argv.join(" ")];
      const shares = addresses.filter((ip) => all.some((text) => mentions(text, ip)));
      // ucarp and vrrpd say all on their command line.
      const isRead = texts.length > 0 || ["ucarp", "vrrpd"].includes(process.name);
      return { name: process.name, pid: process.pid, shares, isRead };
    });
}

/** As a whole: 192.0.2.1 is not in 192.0.2.10. */
function mentions(text: string, ip: string): boolean {
  const escaped = ip.replaceAll(/[.]/g, "\\.");
  return new RegExp(`(^|[^0-9a-f.:])${escaped}($|[^0-9a-f.:])`, "im").test(text);
}

function textsBelow(path: string, depth: number): readonly string[] {
  try {
    const stat = statSync(path);
    if (stat.isFile()) return stat.size > SIZE_LIMIT ? [] : [readText(path) ?? ""];
    if (!stat.isDirectory() || depth === 0) return [];
    return readdirSync(path).flatMap((name) => textsBelow(join(path, name), depth - 1));
  } catch {
    return [];
  }
}

export function readUnit(): UnitFacts {
  const file = UNIT_FOLDERS.map((folder) => join(folder, UNIT)).find((path) => existsSync(path)) ?? null;
  return { booted: existsSync("/run/systemd/system"), file, enabled: isEnabled() };
}

function isEnabled(): boolean {
  const folder = "/etc/systemd/system";
  try {
    return readdirSync(folder).some(
      (name) => name.endsWith(".wants") && existsSync(join(folder, name, UNIT)),
    );
  } catch {
    return false;
  }
}
