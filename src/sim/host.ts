// One host: clock, kernel, disk and programs, which survive the daemon; and the daemon's present life.

import type { Clauses } from "#engine/lease/clauses.ts";
import type { Prng } from "#lib/prng.ts";
import type { FloatingAddress } from "#model/address.ts";
import type { Config, MemberConfig } from "#model/config.ts";
import { isExclusive as isExclusiveResource } from "#model/config.ts";
import { type Grant, grantsOn, isAddress } from "#model/grant.ts";
import type { NodeId } from "#model/ids.ts";
import type { JournalLine } from "#model/journal.ts";
import type { Message } from "#model/order.ts";
import type { ReceivedPulse } from "#ports/pulse.ts";
import type { ChecksState } from "./checks.ts";
import { HostClock } from "./clock.ts";
import { Disk } from "./disk.ts";
import type { DevicesState } from "./fences.ts";
import type { Invariants } from "./invariants.ts";
import { Kernel } from "./kernel.ts";
import { Life } from "./life.ts";
import type { Network } from "./network.ts";
import { Programs } from "./programs.ts";
import { Watchdog } from "./watchdog.ts";
import type { World } from "./world.ts";

/** What all hosts of a run share. */
export interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly config: Config;
  /** As the nodes have it: the same, unless a mistake in it is what is tried. */
  readonly nodesConfig: Config;
  readonly clauses: Clauses;
  readonly hosts: readonly Host[];
  readonly invariants: Invariants;
  /** Share of runs in which a torn document is found after a crash; 0: never. */
  readonly mayDamage: boolean;
  /** Only for the wrong variant: an unknown answer of a fence device counts as "off". */
  readonly trustsUnknown: boolean;
  /** Only for a wrong variant: a file is taken in whatever voters it names. */
  readonly takesAnyFile: boolean;
  /** Only for the wrong variant: the clocks do not show that the host slept. */
  readonly hidesSleep: boolean;
}

/** The supervisor starts a daemon again after this, ms. */
const RESTART = { from: 20, to: 400 };
/** How long a host takes from a reset to its daemon's start, ms. */
const RESET = 3_000;

export class Host {
  readonly index: number;
  readonly member: MemberConfig;
  readonly around: Surroundings;
  readonly chance: Prng;
  readonly clock: HostClock;
  readonly disk: Disk;
  readonly programs: Programs;
  readonly checks: ChecksState = { failing: new Set(), isCutOff: false };
  /** Messages between the halves take this long at most, ms. */
  halfDelay = 1;
  /** Timers come this much late at most, ms. */
  lateness = 1;
  /** How the devices that fence this host behave now. */
  devices: DevicesState = "well";
  /** What steps of the wall clock add to its date, ms. */
  wallOffset = 0;
  /** The date was behind when the daemon last started: its boot number is less than it could be. */
  isBehind = false;
  readonly isRealtime: boolean;
  readonly watchdog: Watchdog;
  /** The file as this host has it. */
  config: Config;
  kernel: Kernel;
  life: Life | null = null;
  /** From its next start on its daemon is of this version for certain. */
  isUpgraded = false;
  /** It does not come back when somebody switches it on. */
  isBroken = false;
  #hasPower = true;
  /** How many faults keep the daemon from being started. */
  #downs = 0;
  #freezes = 0;
  #newestBoot = 0;
  #deadUpTo = 0;
  /** Woke up, and no keeper has had a turn since. */
  #isDazed = false;
  #kernelBoots = 0;

  constructor(around: Surroundings, index: number, member: MemberConfig) {
    this.around = around;
    this.index = index;
    this.member = member;
    this.config = around.nodesConfig;
    const { world } = around;
    this.chance = world.chance(`host ${member.id}`);
    const rate = this.chance.between(RATES.from, RATES.to);
    this.clock = new HostClock(0, this.chance.between(0, 1e9), rate);
    this.isRealtime = this.chance.chance(0.9);
    this.disk = new Disk(world, world.chance(`disk ${member.id}`), around.mayDamage);
    this.disk.onWritten = (name, text) => around.invariants.written(this, name, text);
    this.programs = new Programs(world, world.chance(`programs ${member.id}`), (key) =>
      around.invariants.started(this, key, isExclusive(around.config, key)),
    );
    this.watchdog = new Watchdog({
      clock: this.clock,
      world,
      timeout: around.config.watchdog.timeout,
      fire: () => this.#reset(),
    });
    this.kernel = this.#bootKernel();
  }

  get id(): NodeId {
    return this.member.id;
  }

  get hasPower(): boolean {
    return this.#hasPower;
  }

  /** The newest boot number of a life that ended with its kernel, and so with everything that it had started. */
  get deadUpTo(): number {
    return this.#deadUpTo;
  }

  get isFrozen(): boolean {
    return this.#freezes > 0;
  }

  /** Asleep, or awake again without a keeper having had a turn: what its state says counts for nothing yet. */
  get isAway(): boolean {
    return this.clock.isAsleep || this.#isDazed;
  }

  now(): number {
    return this.clock.read(this.around.world.now);
  }

  /** The floating addresses that the configuration places on this member. */
  get addresses(): readonly FloatingAddress[] {
    return this.grants.filter(isAddress);
  }

  /** Those, and the guarded ports. */
  get grants(): readonly Grant[] {
    return grantsOn(this.around.config, this.id);
  }

  /** What its wall clock shows, in whole ms since 1970. */
  get date(): number {
    return this.around.world.date + Math.floor(this.wallOffset);
  }

  slew(rate: number): void {
    this.clock.slew(this.around.world.now, rate);
  }

  start(): void {
    if (!this.#hasPower || this.clock.isAsleep || this.#downs > 0 || this.life !== null) return;
    const life = Life.begin(this);
    if (life === null) return this.#startLater();
    this.life = life;
    this.#newestBoot = life.boot;
    this.isBehind = life.boot < this.around.world.date;
    for (let i = 0; i < this.#freezes; i++) life.hold();
    life.open();
  }

  /** SIGKILL, an assertion, out of memory: the kernel and the programs stay as they are. */
  killDaemon(why: string): void {
    if (this.life === null) return;
    this.say(`daemon killed: ${why}`);
    this.#endLife();
    this.#startLater();
  }

  /** The daemon stopped in good order; the supervisor starts it again. */
  hasExited(): void {
    if (this.life === null) return;
    this.say("daemon exited");
    this.#endLife();
    this.#startLater();
  }

  /** Names the running kernel. */
  get kernelBoot(): string {
    return `${this.id} ${this.#kernelBoots}`;
  }

  #reset(): void {
    if (!this.#hasPower) return;
    this.say("watchdog fired");
    this.crash();
    this.around.world.after(RESET, () => this.powerOn());
  }

  /** Power lost: everything but the disk is gone. */
  crash(): void {
    if (!this.#hasPower) return;
    this.say("power lost");
    this.watchdog.powerLost();
    this.#kernelBoots += 1;
    if (this.clock.isAsleep) this.#endSleep();
    this.#isDazed = false;
    this.#endLife();
    this.#deadUpTo = this.#newestBoot;
    this.#hasPower = false;
    this.programs.crash();
    this.kernel = this.#bootKernel();
  }

  powerOn(): void {
    if (this.#hasPower || this.isBroken) return;
    this.say("power back");
    this.#hasPower = true;
    this.#startLater();
  }

  /** Until `bringUp`, a daemon that dies stays dead. */
  keepDown(): void {
    this.#downs += 1;
  }

  bringUp(): void {
    this.#downs -= 1;
    if (this.#downs === 0) this.#startLater();
  }

  /** SIGSTOP to the daemon, or a host that does not schedule it. The kernel's timers go on. */
  freeze(withPrograms: boolean): void {
    this.say(withPrograms ? "host frozen" : "daemon frozen");
    this.#freezes += 1;
    if (withPrograms) this.programs.freezes += 1;
    this.life?.hold();
  }

  thaw(withPrograms: boolean): void {
    this.say(withPrograms ? "host thawed" : "daemon thawed");
    this.#freezes -= 1;
    if (withPrograms) this.programs.freezes -= 1;
    this.life?.release();
  }

  /** Suspended: nothing runs, its monotonic clock stands still, and nobody is answered. */
  sleep(): void {
    if (!this.#hasPower || this.clock.isAsleep) return;
    this.say("host sleeps");
    this.clock.sleep(this.around.world.now);
    this.programs.freezes += 1;
    this.life?.hold();
  }

  /**
   * The kernel's entries run on by the clock that stood still. Until a keeper has had a turn they are taken not to
   * answer: this is what remains possible after a sleep, and the documentation says so.
   */
  wake(): void {
    if (!this.clock.isAsleep) return;
    this.say("host wakes up");
    this.#endSleep();
    this.#isDazed = true;
    if (this.life === null) this.#startLater();
    else this.life.release();
  }

  /** After each event of its keeper. */
  keeperHadTurn(): void {
    if (!this.#isDazed) return;
    this.#isDazed = false;
    for (const grant of this.grants) this.around.invariants.opened(this, grant);
  }

  #endSleep(): void {
    this.clock.wake(this.around.world.now);
    this.programs.freezes -= 1;
  }

  /** A pulse came in at the network card. */
  pulseArrives(received: ReceivedPulse): void {
    if (this.#hasPower && !this.clock.isAsleep) this.life?.pulseArrives(received);
  }

  messageArrives(from: NodeId, message: Message): void {
    if (this.#hasPower) this.life?.messageArrives(from, message);
  }

  say(text: string): void {
    this.around.world.trace.say(this.id, `*** ${text}`);
  }

  journal(line: JournalLine): void {
    const { area, subject, what, code, why, term } = line;
    this.around.invariants.journalled(this, line);
    this.around.world.trace.say(this.id, `${area} ${subject}: ${what} (${code}) ${why}; term ${term}`);
  }

  #startLater(): void {
    this.around.world.after(this.chance.between(RESTART.from, RESTART.to), () => this.start());
  }

  #endLife(): void {
    this.life?.end();
    this.life = null;
    this.kernel.forgetListener();
    this.programs.forgetListener();
    const torn = this.disk.crash();
    if (torn > 0) this.say(`${torn} writes cut short`);
  }

  #bootKernel(): Kernel {
    const kernel: Kernel = new Kernel({
      now: () => this.clock.read(this.around.world.now),
      opened: (grant) => this.around.invariants.opened(this, grant),
      isSilent: () => this.isAway,
    });
    return kernel;
  }
}

/** Fastest to slowest 1.22: within the bound of 1 / (1 - 0.2). */
export const RATES = { from: 0.9, to: 1.1 };

function isExclusive(config: Config, key: string): boolean {
  return config.services.some((service) =>
    service.resources.some((r) => isExclusiveResource(r) && `${service.name}/${r.id}` === key),
  );
}
