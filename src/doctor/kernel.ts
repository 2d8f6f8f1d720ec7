// Judges what the kernel can do and what this process may do.

import type { KernelFacts, RightsFacts, Tried } from "#ports/host.ts";
import { type Finding, findingsOf } from "./finding.ts";

type Feature = Exclude<keyof KernelFacts, "realtime">;

const kernel = findingsOf("kernel");
const rights = findingsOf("rights");

/** What it is, and what to do where it fails. */
const FEATURES: Readonly<Record<Feature, { readonly what: string; readonly advice: string }>> = {
  koffi: {
    what: "the library for system calls (koffi)",
    advice: "install understudy whole, for this machine's architecture and C library (npm ci)",
  },
  guard: {
    what: "the guard of floating addresses (nf_tables, inet and arp tables)",
    advice:
      "use a kernel with CONFIG_NF_TABLES, _INET and _ARP; in a container the host must allow CAP_NET_ADMIN",
  },
  timedSets: {
    what: "entries of the guard that end by themselves (nf_tables timed sets)",
    advice: "use a kernel with timeouts of nf_tables sets (Linux 4.1 or newer, CONFIG_NF_TABLES)",
  },
  lifetimes: {
    what: "addresses that end by themselves (valid_lft)",
    advice: "use an ordinary Linux kernel: this one keeps addresses past their lifetime",
  },
  packets: {
    what: "packet sockets (announcing addresses by ARP and neighbour discovery)",
    advice: "use a kernel with CONFIG_PACKET, and allow CAP_NET_RAW",
  },
  monitor: {
    what: "notifications about addresses and devices (rtnetlink)",
    advice: "look at what filters netlink here: a security module, or the container's runtime",
  },
};

export function judgeKernel(facts: KernelFacts): readonly Finding[] {
  const features = (Object.keys(FEATURES) as Feature[]).map((feature) => {
    const { what, advice } = FEATURES[feature];
    return judgeTried(feature, facts[feature], what, advice);
  });
  return features;
}

export function judgeKoffi(tried: Tried): Finding {
  return judgeTried("koffi", tried, FEATURES.koffi.what, FEATURES.koffi.advice);
}

function judgeTried(code: string, tried: Tried, what: string, advice: string): Finding {
  switch (tried.kind) {
    case "works":
      return kernel.ok(code, `${what}: tried, works`);
    case "fails":
      return kernel.problem(code, `${what}: ${tried.detail}`, advice);
    default:
      return kernel.untested(code, `${what}: ${tried.why}`);
  }
}

/** `isNode`: a witness holds no addresses and needs no rights but to be in time. */
export function judgeRights(
  facts: RightsFacts,
  realtime: Tried,
  { isNode }: { readonly isNode: boolean },
): readonly Finding[] {
  return [judgeUser(facts), ...judgeCapabilities(facts, isNode), judgeRealtime(facts, realtime)];
}

function judgeUser({ uid }: RightsFacts): Finding {
  if (uid === 0) return rights.ok("root", "runs as root");
  return rights.warning(
    "root",
    `runs as user ${uid}: most could not be tried, and the daemon of a node needs root`,
    "run understudy doctor as root",
  );
}

function judgeCapabilities({ uid, missing }: RightsFacts, isNode: boolean): readonly Finding[] {
  // What this user may do says nothing of what the daemon may.
  if (uid !== 0) return [rights.untested("capabilities", "capabilities: not root", "run it as root")];
  const needed = missing.filter((name) => isNode || name === "CAP_SYS_NICE");
  const hard = needed.filter((name) => name !== "CAP_SYS_NICE");
  if (needed.length === 0) return [rights.ok("capabilities", "the needed capabilities are there")];
  const text = `root lacks ${needed.join(", ")} here`;
  const advice = `allow ${needed.join(", ")} to the container or unit (CapabilityBoundingSet=, --cap-add)`;
  return [
    hard.length > 0
      ? rights.problem("capabilities", text, advice)
      : rights.warning("capabilities", text, advice),
  ];
}

function judgeRealtime(facts: RightsFacts, realtime: Tried): Finding {
  switch (realtime.kind) {
    case "works":
      return rights.ok("realtime", "real-time priority (SCHED_RR) is granted");
    case "untried":
      return rights.untested("realtime", `real-time priority (SCHED_RR): ${realtime.why}`);
    default:
      return rights.warning(
        "realtime",
        `${realtime.detail}: the lease will be twice as long, and failover with it`,
        realtimeAdvice(facts),
      );
  }
}

/** The first that stands in the way, see sched(7). */
function realtimeAdvice({ uid, missing, realtimeLimit, realtimeBudget, groupBudget }: RightsFacts): string {
  if (realtimeBudget === 0)
    return "set kernel.sched_rt_runtime_us to 950000 (sysctl): 0 forbids real-time threads";
  if (groupBudget === 0) {
    return "give this control group a budget (cpu.rt_runtime_us), or start the daemon outside of the cpu hierarchy";
  }
  if (missing.includes("CAP_SYS_NICE") || uid !== 0) {
    const limit = realtimeLimit === 0 || realtimeLimit === null ? "" : `; RLIMIT_RTPRIO is ${realtimeLimit}`;
    return `allow CAP_SYS_NICE, or LimitRTPRIO=10 in the unit${limit}`;
  }
  return "look for a seccomp filter (SystemCallFilter=, RestrictRealtime=) and for CONFIG_RT_GROUP_SCHED with control groups";
}
