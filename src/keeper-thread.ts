// The keeper's thread: real-time priority first, then the real drivers around the keeper's loop.

import { parentPort, workerData } from "node:worker_threads";
import { Keeper } from "#daemon/keeper.ts";
import { createPump } from "#drivers/clock/pump.ts";
import { datagramsOf, PULSE_BUFFER, PULSE_WINDOW } from "#drivers/datagrams/datagrams.ts";
import { KernelSockets } from "#drivers/datagrams/kernel-sockets.ts";
import { KernelGuard } from "#drivers/grants/kernel-guard.ts";
import { KernelAddresses } from "#drivers/net/kernel-addresses.ts";
import { createPulses } from "#drivers/pulse/pulses.ts";
import { openStore } from "#drivers/store/store.ts";
import { findEventLoop } from "#drivers/sys/event-loop.ts";
import { becomeRealtime } from "#drivers/sys/realtime.ts";
import { createWatchdog } from "#drivers/watchdog/watchdog.ts";
import { identify } from "#engine/identity.ts";
import { CLAUSES } from "#engine/lease/clauses.ts";
import { assert } from "#lib/assert.ts";
import type { Config } from "#model/config.ts";
import { grantsOn } from "#model/grant.ts";
import type { ToKeeper } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import { ms } from "#model/units.ts";
import type { ReceivedPulse } from "#ports/pulse.ts";
import type { StorePort } from "#ports/store.ts";
import { trimMemory } from "./trim-memory.ts";

/** What the main thread hands over at the start. */
export interface KeeperData {
  readonly config: Config;
  readonly self: NodeId;
  readonly boot: number;
  readonly kernelBoot: string;
  readonly key: Uint8Array;
  readonly stateDir: string;
}

/** Beside what the keeper's loop tells: how the start went, and figures now and then. */
export type FromThread =
  | { readonly kind: "realtime"; readonly problem: string | null }
  | { readonly kind: "ready"; readonly problem: string | null }
  | { readonly kind: "link"; readonly index: number; readonly problem: string | null }
  /** A member speaks a protocol that is not understood here; null: it is understood again. */
  | { readonly kind: "foreign"; readonly node: NodeId; readonly protocol: number | null }
  | {
      readonly kind: "counters";
      readonly counters: Readonly<Record<string, number>>;
      readonly claims: readonly Claim[];
      /** Why an address could not be taken on this node; null: all could. */
      readonly deviceProblem: string | null;
    };

/** Another machine said that a floating address is its own, `age` milliseconds ago. */
export interface Claim {
  readonly ip: string;
  readonly mac: string;
  readonly age: number;
}

/** Above every ordinary process, below the kernel's own real-time threads. */
const PRIORITY = 10;
const COUNTERS_EVERY = 2_000;
const NO_REST = ms(0);
/** A burst of changes is one question. */
const KERNEL_REST = ms(10);

const port = parentPort;
assert(port !== null, "this file runs as a thread of understudy");
const { config, self, boot, kernelBoot, key, stateDir } = workerData as KeeperData;
const tell = (message: unknown) => port.postMessage(message);

const realtime = becomeRealtime(PRIORITY);
tell({ kind: "realtime", problem: realtime.kind === "done" ? null : realtime.detail } satisfies FromThread);
const opened = openStore(stateDir);

const loopFd = await findEventLoop();
const sockets = new KernelSockets();
const guard = new KernelGuard();
const addresses = new KernelAddresses();
const askKernel = () => keeper?.onKernel();

let keeper: Keeper | null = null;
/** What came in since the last turn, in the order in which it came. */
let arrived: ReceivedPulse[] = [];
const pump = createPump({
  mail: {
    fds: () => sockets.fds,
    take() {
      sockets.receiveAll();
      takeArrived();
    },
    rest: NO_REST,
  },
  others: [
    { fds: () => guard.tellingFds, take: askKernel, rest: KERNEL_REST },
    { fds: () => addresses.tellingFds, take: askKernel, rest: KERNEL_REST },
  ],
  loopFd: loopFd ?? -1,
  wake: () => keeper?.onWake(),
});
const pulses = createPulses({
  me: self,
  boot,
  open: datagramsOf({
    me: self,
    boot,
    key,
    cluster: config.cluster,
    purpose: "pulse",
    members: config.members,
    port: config.port,
    replayWindow: PULSE_WINDOW,
    receiveBuffer: PULSE_BUFFER,
    sockets,
    listener: {
      ready: (problem) => start(problem),
      link: (index, problem) => tell({ kind: "link", index, problem } satisfies FromThread),
    },
  }),
  received(received) {
    arrived.push(received);
  },
  foreign: (node, protocol) => tell({ kind: "foreign", node, protocol } satisfies FromThread),
});

/** One turn for all of it. */
function takeArrived(): void {
  if (arrived.length === 0) return;
  const all = arrived;
  arrived = [];
  keeper?.onPulses(all);
}

function start(problem: string | null): void {
  if (problem !== null) return fail(problem);
  if (loopFd === null) return fail("/proc is not mounted, or does not show this process its own descriptors");
  if (opened.kind === "failed") return fail(opened.problem);
  const isNode = config.members.some((m) => m.id === self && m.kind === "node");
  const isRealtime = realtime.kind === "done";
  const started = Keeper.start(
    {
      clock: pump,
      pulses,
      store: yielding(opened.store),
      grants: guard,
      addresses,
      watchdog: createWatchdog(config.watchdog),
      tell,
    },
    {
      identity: identify({ config, self, boot, isRealtime, kernelBoot, clauses: CLAUSES }),
      members: config.members,
      grants: isNode ? grantsOn(config, self) : [],
      isTold: true,
    },
  );
  if ("problem" in started) return fail(started.problem);
  trimMemory();
  keeper = started;
  pump.start();
  tell({ kind: "ready", problem: null } satisfies FromThread);
  setInterval(tellFigures, COUNTERS_EVERY);
}

/** Writing begins in the event loop, and votes wait for it. */
function yielding(store: StorePort): StorePort {
  return {
    ...store,
    write(name, text, answer) {
      store.write(name, text, answer);
      pump.yield();
    },
  };
}

function tellFigures(): void {
  const deviceProblem = keeper?.deviceProblem() ?? null;
  tell({
    kind: "counters",
    counters: countersNow(),
    claims: claimsNow(),
    deviceProblem,
  } satisfies FromThread);
}

function claimsNow(): readonly Claim[] {
  const now = pump.now();
  return [...(keeper?.state.claims ?? [])].map(([ip, { mac, at }]) => ({ ip, mac, age: now - at }));
}

function fail(problem: string): void {
  tell({ kind: "ready", problem } satisfies FromThread);
}

function countersNow(): Record<string, number> {
  const { sent, unsent, received, refused } = pulses.datagrams.counters;
  return {
    pulses_sent: sent,
    pulses_unsent: unsent,
    pulses_received: received,
    pulses_refused_not_authentic: refused.notAuthentic,
    pulses_refused_malformed: refused.malformed,
    pulses_refused_foreign_sender: refused.foreignSender,
    pulses_refused_too_large: refused.tooLarge,
    pulses_refused_replayed: refused.replayed,
    pulses_refused_other_protocol: pulses.refusedForeign,
  };
}

port.on("message", (message: ToKeeper | { readonly kind: "remove" }) => {
  if (message.kind === "reconfigure") pulses.datagrams.setMembers(message.members);
  if (message.kind !== "remove") return keeper?.onWorker(message);
  keeper?.remove();
  pump.stop();
  pulses.datagrams.close();
  process.exit(0);
});
