// Run by `understudy doctor` as a process of its own, in a network namespace of its own where there may be one
// (`--isolated`): tries out what the kernel must be able to do, and prints what came of it.

import type { KernelFacts, Tried } from "#ports/host.ts";
import type { Outcome } from "#ports/outcome.ts";

const WORKS: Tried = { kind: "works" };
const fails = (detail: string): Tried => ({ kind: "fails", detail });
const untried = (why: string): Tried => ({ kind: "untried", why });

/** An address for documentation (RFC 5737), in a namespace where nobody else is. */
const DUMMY = { ip: "192.0.2.1", prefix: 32, family: 4, device: null } as const;
/** What the guard is tried with; both kinds, since they take different sets and rules. */
const GRANTS = [DUMMY, { protocol: "tcp", port: 9 }] as const;
/** Index of the loopback device in every namespace. */
const LOOPBACK = 1;
/** Milliseconds: longer than a token of the guard may live on any kernel. */
const HELD_UP = 80;
/** Milliseconds: the kernel looks for addresses past their lifetime every second or so. */
const LIFETIME_PATIENCE = 5_000;
const PRIORITY = 10;
const ARM_TRIES = 25;

const isIsolated = process.argv.includes("--isolated");
process.stdout.write(`${JSON.stringify(await tryKernel())}\n`);
process.exit(0);

async function tryKernel(): Promise<KernelFacts> {
  const drivers = await load();
  if (typeof drivers === "string") {
    const rest = untried("needs the library for system calls");
    return {
      koffi: fails(drivers),
      guard: rest,
      timedSets: rest,
      lifetimes: rest,
      packets: rest,
      monitor: rest,
      realtime: rest,
    };
  }
  // First: what follows is then as little held up by others as the keeper is.
  const realtime = asTried(drivers.becomeRealtime(PRIORITY));
  const outside = untried("no network namespace of its own could be made (needs root and CAP_SYS_ADMIN)");
  const { guard, timedSets } = isIsolated ? tryGuard(drivers) : { guard: outside, timedSets: outside };
  const addresses = isIsolated ? await tryAddresses(drivers) : { lifetimes: outside, monitor: outside };
  return {
    koffi: WORKS,
    guard,
    timedSets,
    ...addresses,
    packets: tryPackets(drivers),
    realtime,
  };
}

type Drivers = Exclude<Awaited<ReturnType<typeof load>>, string>;

/** Loaded late: without koffi these modules cannot be. */
async function load() {
  try {
    const { KernelGuard } = await import("#drivers/grants/kernel-guard.ts");
    const { FrameSender, ClaimListener } = await import("#drivers/net/packet-sockets.ts");
    const rtnetlink = await import("#drivers/net/rtnetlink.ts");
    const { becomeRealtime } = await import("#drivers/sys/realtime.ts");
    const { monotonicNow } = await import("#drivers/sys/clock.ts");
    const { instant } = await import("#model/units.ts");
    return { KernelGuard, FrameSender, ClaimListener, rtnetlink, becomeRealtime, monotonicNow, instant };
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  }
}

/**
 * The real guard, and the proof that its entries end: a guard that is held up between its two transactions must be
 * refused, because the token of the first has ended (see kernel-guard.ts).
 */
function tryGuard({ KernelGuard, monotonicNow, instant }: Drivers) {
  let heldUp = 0;
  const now = () => {
    const at = monotonicNow();
    if (heldUp > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, heldUp);
    return at;
  };
  const guard = new KernelGuard({ now });
  const steps: readonly (() => Outcome)[] = [
    () => guard.install(GRANTS),
    () => armPatiently(() => guard.arm(GRANTS, instant(monotonicNow() + 10_000))),
    () => guard.close(GRANTS),
  ];
  const failed = steps.map((step) => asTried(step())).find((tried) => tried.kind !== "works");
  if (failed !== undefined) return { guard: failed, timedSets: untried("needs the guard") };
  const state = guard.check();
  heldUp = HELD_UP;
  const late = guard.arm(GRANTS, instant(monotonicNow() + 10_000));
  heldUp = 0;
  const removed = asTried(guard.remove());
  const isTimed = late.kind === "failed" && late.code === "frozen";
  return {
    guard: state.kind === "intact" ? removed : fails("what was just put up is found changed"),
    timedSets: isTimed ? WORKS : fails("an entry was still there after its end"),
  };
}

/** On a busy host this process may be held up between the two transactions, as a keeper may: it then tries again. */
function armPatiently(arm: () => Outcome): Outcome {
  let outcome = arm();
  for (let tries = 1; tries < ARM_TRIES && outcome.kind === "failed" && outcome.code === "frozen"; tries++) {
    outcome = arm();
  }
  return outcome;
}

/** Adds an address for a second; hears of it, and waits until the kernel has removed it. */
async function tryAddresses({ rtnetlink }: Drivers): Promise<Pick<KernelFacts, "lifetimes" | "monitor">> {
  const monitor = rtnetlink.openMonitor();
  const netlink = rtnetlink.Rtnetlink.open();
  if (!(netlink instanceof rtnetlink.Rtnetlink)) {
    return { lifetimes: asTried(netlink), monitor: untried("needs netlink") };
  }
  const devices = netlink.devices();
  const device = typeof devices === "number" ? undefined : devices.find(({ index }) => index === LOOPBACK);
  if (device === undefined)
    return { lifetimes: untried("there is no loopback device"), monitor: untried("as above") };
  const added = netlink.add(DUMMY, { device, lifetimeSeconds: 1, noPrefixRoute: false });
  if (added.kind === "failed")
    return { lifetimes: asTried(added), monitor: untried("no address could be added") };
  let isHeard = false;
  if ("poll" in monitor) {
    monitor.poll(({ type }) => {
      isHeard ||= type === rtnetlink.RTM_NEWADDR;
    }, 16);
  }
  const isThere = () => {
    const addresses = netlink.addresses();
    return typeof addresses !== "number" && addresses.some(({ ip }) => ip === DUMMY.ip);
  };
  const wasThere = isThere();
  const end = performance.now() + LIFETIME_PATIENCE;
  while (isThere() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  const heard = isHeard ? WORKS : fails("a new address was not told of");
  return {
    lifetimes:
      wasThere && !isThere() ? WORKS : fails("an address with a lifetime of 1 s was still there after 5 s"),
    monitor: "poll" in monitor ? heard : asTried(monitor),
  };
}

function tryPackets({ FrameSender, ClaimListener }: Drivers): Tried {
  const opened = [FrameSender.open(), ClaimListener.open([DUMMY.ip, "2001:db8::1"])];
  for (const each of opened) if ("close" in each) each.close();
  const failed = opened.find((each): each is Outcome => !("close" in each));
  return failed === undefined ? WORKS : asTried(failed);
}

function asTried(outcome: Outcome): Tried {
  return outcome.kind === "done" ? WORKS : fails(outcome.detail);
}
