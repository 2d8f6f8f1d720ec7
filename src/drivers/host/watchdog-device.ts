// What a watchdog device is, without opening it: opening would start its timer.

import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { WatchdogFacts } from "#ports/host.ts";
import { deviceOf, openersOf, readText } from "./processes.ts";

/** Documentation/ABI/testing/sysfs-class-watchdog. */
const CLASS = "/sys/class/watchdog";
/** /dev/watchdog is the first device by its older name: misc device 10:130. */
const FIRST = "watchdog0";

export function readWatchdog(path: string): WatchdogFacts {
  if (!existsSync(path)) return { kind: "absent" };
  const device = deviceOf(path);
  if (device === null) return { kind: "stranger", what: kindOf(path) };
  const folder = folderOf(device);
  const read = (name: string) => (folder === null ? null : (readText(join(folder, name))?.trim() ?? null));
  const number = (name: string) => {
    const value = Number.parseInt(read(name) ?? "", 10);
    return Number.isNaN(value) ? null : value;
  };
  const alias = folder === null ? null : deviceOf(join("/dev", folder.slice(CLASS.length + 1)));
  const openers = [device, alias].flatMap((each) => (each === null ? [] : openersOf(each)));
  return {
    kind: "present",
    identity: read("identity"),
    least: number("min_timeout"),
    most: number("max_timeout"),
    nowayout: number("nowayout") === 1,
    isVirtual: /^flags\s*:.*\bhypervisor\b/m.test(readText("/proc/cpuinfo") ?? ""),
    openers: openers.filter((one, index) => openers.findIndex(({ pid }) => pid === one.pid) === index),
  };
}

function kindOf(path: string): string {
  const stat = lstatSync(path);
  if (stat.isFIFO()) return "a pipe";
  if (stat.isDirectory()) return "a folder";
  return stat.isFile() ? "a plain file" : "no character device";
}

function folderOf(device: number): string | null {
  try {
    const names = readdirSync(CLASS);
    const own = names.find((name) => deviceOf(join("/dev", name)) === device);
    const name = own ?? (names.includes(FIRST) ? FIRST : null);
    return name === null ? null : join(CLASS, name);
  } catch {
    return null;
  }
}
