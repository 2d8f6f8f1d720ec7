// What this process may do: capabilities(7), sched(7), the budget of its control group.

import type { RightsFacts } from "#ports/host.ts";
import { readText } from "./processes.ts";

/** Bits in CapEff, see linux/capability.h. */
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n, CAP_SYS_NICE: 23n } as const;

export function readRights(): RightsFacts {
  return {
    uid: process.getuid?.() ?? -1,
    missing: missingIn(readText("/proc/self/status") ?? ""),
    realtimeLimit: limitIn(readText("/proc/self/limits") ?? ""),
    realtimeBudget: numberIn(readText("/proc/sys/kernel/sched_rt_runtime_us")),
    groupBudget: groupBudget(readText("/proc/self/cgroup") ?? ""),
  };
}

/** Those of CAPABILITIES that /proc/PID/status says are not effective. */
export function missingIn(status: string): readonly string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return Object.entries(CAPABILITIES)
    .filter(([, bit]) => (effective & (1n << bit)) === 0n)
    .map(([name]) => name);
}

function limitIn(limits: string): number | null {
  return numberIn(/^Max realtime priority\s+(\S+)/m.exec(limits)?.[1] ?? null);
}

function numberIn(text: string | null): number | null {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isNaN(value) ? null : value;
}

function groupBudget(cgroup: string): number | null {
  const path = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(cgroup)?.[1];
  if (path === undefined) return null;
  for (const root of ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"]) {
    const budget = numberIn(readText(`${root}${path}/cpu.rt_runtime_us`));
    if (budget !== null) return budget;
  }
  return null;
}
