// What goes wrong: each kind of fault, how it begins and how it ends.

import type { Prng } from "#lib/prng.ts";
import type { DiskState } from "./disk.ts";
import type { DevicesState } from "./fences.ts";
import type { Host } from "./host.ts";
import { RATES } from "./host.ts";
import type { Calm, Network, Path } from "./network.ts";
import type { ProgramsState } from "./programs.ts";

export interface FaultWorld {
  readonly hosts: readonly Host[];
  readonly network: Network;
  readonly calm: Calm;
  readonly lease: number;
  say(text: string): void;
}

/** Undoes the fault; null: it is over at once. */
export type End = (() => void) | null;

type Fault = (world: FaultWorld, chance: Prng) => End;

const power: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  host.crash();
  return () => host.powerOn();
};

const kill: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  host.keepDown();
  host.killDaemon("SIGKILL");
  return () => host.bringUp();
};

/** Dies and is back at once, as a supervisor does it. */
const restart: Fault = ({ hosts }, chance) => {
  chance.pick(hosts).killDaemon("SIGKILL, restarted");
  return null;
};

/** Dies again soon after each start. */
const crashLoop: Fault = ({ hosts }, chance) => dieAgain(chance.pick(hosts), chance);

function dieAgain(host: Host, chance: Prng): () => void {
  let isOver = false;
  const again = () => {
    if (isOver) return;
    host.killDaemon("it died again");
    host.around.world.after(chance.between(300, 3_000), again);
  };
  again();
  return () => {
    isOver = true;
  };
}

/** Power lost everywhere, back one by one. */
const blackout: Fault = ({ hosts }) => {
  for (const host of hosts) host.crash();
  return () => {
    for (const host of hosts) host.powerOn();
  };
};

const stop: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  host.say("daemon told to stop");
  host.life?.stop();
  return null;
};

const freeze =
  (withPrograms: boolean): Fault =>
  ({ hosts }, chance) => {
    const host = chance.pick(hosts);
    host.freeze(withPrograms);
    return () => host.thaw(withPrograms);
  };

/** Suspended; a virtual machine that is merely paused shows no clock that anything happened, and is none of this. */
const sleep: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  host.sleep();
  return () => host.wake();
};

const stuckWorker: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  const { life } = host;
  host.say("worker stuck");
  life?.holdWorker();
  return () => {
    host.say("worker goes on");
    life?.releaseWorker();
  };
};

const slowHalves: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  const before = host.halfDelay;
  host.halfDelay = chance.between(20, 600);
  host.say(`halves hear each other ${Math.round(host.halfDelay)} ms late`);
  return () => {
    host.halfDelay = before;
  };
};

const lateTimers: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  const before = host.lateness;
  host.lateness = chance.between(10, 250);
  host.say(`timers up to ${Math.round(host.lateness)} ms late`);
  return () => {
    host.lateness = before;
  };
};

/** Cuts everything that the picked question names. */
function cut(world: FaultWorld, what: string, paths: readonly Path[]): End {
  world.say(`cut: ${what}`);
  for (const path of paths) path.cuts += 1;
  return () => {
    world.say(`healed: ${what}`);
    for (const path of paths) path.cuts -= 1;
  };
}

const cutHost: Fault = (world, chance) => {
  const { index, id } = chance.pick(world.hosts);
  return cut(
    world,
    `all of ${id}`,
    world.network.paths((from, to) => from === index || to === index),
  );
};

const cutPair: Fault = (world, chance) => {
  const [a, b] = pickTwo(world, chance);
  const paths = world.network.paths(
    (from, to) => (from === a.index && to === b.index) || (from === b.index && to === a.index),
  );
  return cut(world, `${a.id} and ${b.id}`, paths);
};

const cutOneWay: Fault = (world, chance) => {
  const [a, b] = pickTwo(world, chance);
  const all = chance.chance(0.4);
  const paths = world.network.paths((from, to) => from === a.index && (all || to === b.index));
  return cut(world, `${a.id} to ${all ? "everybody" : b.id}, one way`, paths);
};

const cutLink: Fault = (world, chance) => {
  const link = chance.int(world.network.links);
  const { index, id } = chance.pick(world.hosts);
  const paths = world.network.paths((from, to, l) => l === link && (from === index || to === index));
  return cut(world, `link ${link} of ${id}`, paths);
};

/** Two groups that do not hear each other. */
const split: Fault = (world, chance) => {
  const left = new Set(
    chance
      .shuffle(world.hosts)
      .slice(0, 1 + chance.int(world.hosts.length - 1))
      .map((h) => h.index),
  );
  const names = world.hosts.filter((h) => left.has(h.index)).map((h) => h.id);
  return cut(
    world,
    `${names.join(" ")} from the rest`,
    world.network.paths((from, to) => left.has(from) !== left.has(to)),
  );
};

/** All at once: nobody hears the host, nothing on it can be stopped, and its daemon dies again and again. */
const ailing: Fault = (world, chance) => {
  const host = chance.pick(world.hosts);
  const { index, id } = host;
  const paths = world.network.paths((from, to) => from === index || to === index);
  host.say("programs stuck");
  host.programs.state = "stuck";
  const heal = cut(world, `all of ${id}`, paths);
  const calm = dieAgain(host, chance);
  return () => {
    calm();
    heal?.();
    host.programs.state = "well";
  };
};

/** Changes how some paths behave, then puts them back as they were on a calm day. */
function change(world: FaultWorld, what: string, paths: readonly Path[], by: Partial<Calm>): End {
  world.say(what);
  for (const path of paths) Object.assign(path, by);
  return () => {
    world.say(`over: ${what}`);
    for (const path of paths) Object.assign(path, world.calm);
  };
}

function somePaths(world: FaultWorld, chance: Prng): Path[] {
  if (chance.chance(0.3)) return world.network.paths(() => true);
  const [a, b] = pickTwo(world, chance);
  const bothWays = chance.chance(0.5);
  return world.network.paths(
    (from, to) => (from === a.index && to === b.index) || (bothWays && from === b.index && to === a.index),
  );
}

const loss: Fault = (world, chance) => {
  const share = chance.between(0.1, 0.95);
  return change(world, `${Math.round(share * 100)} % lost`, somePaths(world, chance), { loss: share });
};

/** Late by up to several leases; a wide range also reorders. */
const delay: Fault = (world, chance) => {
  const delayTo = chance.between(0.1, chance.chance(0.3) ? 4 : 1.2) * world.lease;
  const delayFrom = chance.float() * delayTo;
  const text = `delays of ${Math.round(delayFrom)} to ${Math.round(delayTo)} ms`;
  return change(world, text, somePaths(world, chance), { delayFrom, delayTo });
};

const twice: Fault = (world, chance) => {
  const delayTo = chance.between(0.1, 2) * world.lease;
  return change(world, "datagrams arrive twice", somePaths(world, chance), {
    twice: 0.5,
    delayFrom: 0.1,
    delayTo,
  });
};

/** A time daemon slews a clock; within the bound. */
const slew: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  const rate = chance.between(RATES.from, RATES.to);
  host.say(`clock runs at ${rate.toFixed(3)}`);
  host.slew(rate);
  return null;
};

/** The wall clock jumps. Boot numbers come from it, so it may only cost that one of two voters takes a lower term. */
const wallStep: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  host.wallOffset += chance.between(-1e7, 1e7);
  host.say(`wall clock stepped to ${Math.round(host.wallOffset)}`);
  return null;
};

const disk =
  (state: DiskState): Fault =>
  ({ hosts }, chance) => {
    const host = chance.pick(hosts);
    host.say(`disk ${state}`);
    host.disk.state = state;
    return () => {
      host.disk.state = "well";
    };
  };

const programs =
  (state: ProgramsState): Fault =>
  ({ hosts }, chance) => {
    const host = chance.pick(hosts);
    host.say(`programs ${state}`);
    host.programs.state = state;
    return () => {
      host.programs.state = "well";
    };
  };

const programDies: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  if (host.programs.killOne()) host.say("a program ended by itself");
  return null;
};

const checksFail: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  const { services } = host.around.config;
  const { name } = chance.pick(services);
  host.say(`checks of ${name} fail`);
  host.checks.failing.add(name);
  return () => host.checks.failing.delete(name);
};

const reachLost: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  host.say("no reach target answers");
  host.checks.isCutOff = true;
  return () => {
    host.checks.isCutOff = false;
  };
};

const devices =
  (state: DevicesState): Fault =>
  ({ hosts }, chance) => {
    const host = chance.pick(hosts);
    host.say(`its fence devices: ${state}`);
    host.devices = state;
    return () => {
      host.devices = "well";
    };
  };

const addressDeleted: Fault = ({ hosts }, chance) => {
  const host = chance.pick(hosts);
  for (const { ip } of host.addresses) {
    if (host.kernel.deleteByStranger(ip)) host.say(`somebody deleted ${ip}`);
  }
  return null;
};

function pickTwo({ hosts }: FaultWorld, chance: Prng): readonly [Host, Host] {
  const [a, b] = chance.shuffle(hosts);
  if (a === undefined || b === undefined) throw new Error("two hosts");
  return [a, b];
}

export const FAULTS = {
  power,
  kill,
  restart,
  "crash-loop": crashLoop,
  blackout,
  stop,
  "freeze-host": freeze(true),
  "freeze-daemon": freeze(false),
  sleep,
  "stuck-worker": stuckWorker,
  "slow-halves": slowHalves,
  "late-timers": lateTimers,
  "cut-host": cutHost,
  "cut-pair": cutPair,
  "cut-one-way": cutOneWay,
  "cut-link": cutLink,
  split,
  ailing,
  loss,
  delay,
  twice,
  slew,
  "wall-step": wallStep,
  "disk-failing": disk("failing"),
  "disk-full": disk("full"),
  "disk-slow": disk("slow"),
  "programs-slow": programs("slow"),
  "programs-failing": programs("failing"),
  "programs-hanging": programs("hanging"),
  "programs-stuck": programs("stuck"),
  "program-dies": programDies,
  "checks-fail": checksFail,
  "reach-lost": reachLost,
  "address-deleted": addressDeleted,
  "fence-slow": devices("slow"),
  "fence-lying": devices("lying"),
  "fence-hanging": devices("hanging"),
  "fence-failing": devices("failing"),
} as const satisfies Record<string, Fault>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];
