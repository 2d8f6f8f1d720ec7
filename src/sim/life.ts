// One life of the daemon on a host: the real keeper and the real worker, each on a thread of its own.

import { Keeper } from "#daemon/keeper.ts";
import { Worker } from "#daemon/worker.ts";
import { identify } from "#engine/identity.ts";
import { whyNotVoters } from "#engine/leader/voters.ts";
import type { Config } from "#model/config.ts";
import type { Deed, DeedAnswer } from "#model/deeds.ts";
import type { ToKeeper, ToWorker } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import type { Intent } from "#model/intents.ts";
import type { JournalLine } from "#model/journal.ts";
import type { IntentAnswer, Message } from "#model/order.ts";
import type { Pulse } from "#model/pulse.ts";
import { ms } from "#model/units.ts";
import type { ReceivedPulse } from "#ports/pulse.ts";
import { checkPort } from "./checks.ts";
import { fencePort } from "./fences.ts";
import type { Host } from "./host.ts";
import { Thread } from "./thread.ts";
import { voiceOf } from "./versions.ts";

/** As in the real program: grows with every start, and is on disk before anything is said. */
const BOOT_DOCUMENT = "boot";

export class Life {
  readonly boot: number;
  readonly #host: Host;
  readonly #keeperThread: Thread;
  readonly #workerThread: Thread;
  #keeper: Keeper;
  #worker: Worker;
  /** The keeper starts first; what it says until the worker stands waits here. */
  #isOpen = false;
  #toWorkerAt = 0;
  #toKeeperAt = 0;
  /** Lines that were traced when the keeper said them. */
  readonly #traced = new WeakSet<JournalLine>();

  /** Null: it could not start (the disk, usually); the supervisor tries again. */
  static begin(host: Host): Life | null {
    const boot = nextBoot(host);
    if (boot === null) return null;
    const keeperThread = makeThread(host);
    const workerThread = makeThread(host);
    try {
      return new Life(host, boot, keeperThread, workerThread);
    } catch (error) {
      if (!(error instanceof CannotStart)) throw error;
      host.say(`cannot start: ${error.message}`);
      keeperThread.kill();
      workerThread.kill();
      return null;
    }
  }

  private constructor(host: Host, boot: number, keeperThread: Thread, workerThread: Thread) {
    this.#host = host;
    this.boot = boot;
    this.#keeperThread = keeperThread;
    this.#workerThread = workerThread;
    const { clauses } = host.around;
    const { config } = host;
    const identity = identify({
      config,
      self: host.id,
      boot,
      isRealtime: host.isRealtime,
      kernelBoot: host.kernelBoot,
      clauses,
    });
    const said = voiceOf(host.around.world, host.id, boot, host.isUpgraded);
    const keeper = Keeper.start(
      {
        clock: keeperThread.port(),
        pulses: { send: (pulse, to) => this.#sendPulse(said.pulse(pulse), to) },
        store: host.disk.port(keeperThread),
        grants: host.kernel.grants,
        addresses: host.kernel.addresses,
        watchdog: host.watchdog,
        tell: (message) => this.#tellWorker(message),
      },
      { identity, members: config.members, grants: host.grants },
    );
    if ("problem" in keeper) throw new CannotStart(keeper.problem);
    this.#keeper = keeper;
    const { world } = host.around;
    const chance = world.chance(`checks ${host.id} ${boot}`);
    const { checks: state, programs } = host;
    this.#worker = new Worker(
      {
        clock: workerThread.port(),
        peers: { send: (to, message) => this.#sendMessage(to, said.message(message, to)) },
        store: host.disk.port(workerThread),
        resources: programs.port(workerThread),
        fences: fencePort(host, workerThread),
        checks: checkPort(world, chance, {
          state,
          programs,
          services: config.services,
          thread: workerThread,
        }),
        journal: { append: (line) => this.#append(line) },
        toKeeper: (message) => this.#tellKeeper(message),
        exit: () => world.after(0, () => this.#exit()),
      },
      { identity, config },
    );
    keeperThread.onWake(() => this.#inKeeper(() => this.#keeper.onWake()));
    workerThread.onWake(() => this.#inWorker(() => this.#worker.onWake()));
  }

  get keeper(): Keeper {
    return this.#keeper;
  }

  get worker(): Worker {
    return this.#worker;
  }

  /** From here on it hears the network. */
  open(): void {
    this.#isOpen = true;
    this.#host.say(`daemon started, boot ${this.boot}`);
    this.#host.keeperHadTurn();
    this.#host.around.invariants.afterKeeper(this.#host);
  }

  pulseArrives(received: ReceivedPulse): void {
    if (!this.#isOpen) return;
    this.#keeperThread.deliver(() => this.#inKeeper(() => this.#keeper.onPulse(received)));
  }

  messageArrives(from: NodeId, message: Message): void {
    if (!this.#isOpen) return;
    this.#workerThread.deliver(() => this.#inWorker(() => this.#worker.onMessage(from, message)));
  }

  ask(intent: Intent, answer: (answer: IntentAnswer) => void): void {
    this.#workerThread.deliver(() => this.#inWorker(() => this.#worker.ask(intent, answer)));
  }

  /** A new file, as a reload takes it in: voters that differ by more than one are refused. */
  reconfigure(config: Config): void {
    this.#workerThread.deliver(() =>
      this.#inWorker(() => {
        const { news, identity } = this.#worker.state;
        if (news === null || (!this.#host.around.takesAnyFile && whyNotVoters({ config, news }) !== null))
          return;
        const { grants } = this.#host;
        this.#tellKeeper({ kind: "reconfigure", grants, members: config.members, configHash: config.hash });
        this.#worker.reconfigure(config, { ...identity, configHash: config.hash });
      }),
    );
  }

  /** An operator has this daemon do something, unless it stopped being right before the command got here. */
  do(deed: Deed, isRight: () => boolean, answer: (answer: DeedAnswer) => void): void {
    this.#workerThread.deliver(() => {
      if (isRight()) this.#inWorker(() => this.#worker.do(deed, answer));
    });
  }

  /** An operator stops the daemon in good order. */
  stop(): void {
    this.#workerThread.deliver(() => this.#inWorker(() => this.#worker.stop()));
  }

  hold(): void {
    this.#keeperThread.hold();
    this.#workerThread.hold();
  }

  release(): void {
    this.#keeperThread.release();
    this.#workerThread.release();
  }

  holdWorker(): void {
    this.#workerThread.hold();
  }

  releaseWorker(): void {
    this.#workerThread.release();
  }

  end(): void {
    this.#keeperThread.kill();
    this.#workerThread.kill();
  }

  #exit(): void {
    if (this.#keeperThread.isDead) return;
    this.#keeper.remove();
    this.#host.hasExited();
  }

  #inKeeper(run: () => void): void {
    const { world, invariants } = this.#host.around;
    world.trace.note(this.#host.index * 2);
    run();
    this.#host.keeperHadTurn();
    invariants.afterKeeper(this.#host);
  }

  #inWorker(run: () => void): void {
    const { world, invariants } = this.#host.around;
    world.trace.note(this.#host.index * 2 + 1);
    run();
    invariants.afterWorker(this.#host);
  }

  #sendPulse(pulse: Pulse, to: readonly NodeId[]): void {
    const { network, hosts } = this.#host.around;
    for (const other of hosts) {
      if (!to.includes(other.id)) continue;
      for (let link = 0; link < network.links; link++) {
        network.send(this.#host.index, other.index, link, () => other.pulseArrives({ pulse, link }));
      }
    }
  }

  #sendMessage(to: NodeId, message: Message): void {
    const { network, hosts, world } = this.#host.around;
    const other = hosts.find((each) => each.id === to);
    if (other === undefined) return;
    const arrive = () => other.messageArrives(this.#host.id, message);
    if (other === this.#host) world.after(0.05, arrive);
    else network.sendMessage(this.#host.index, other.index, () => !this.#workerThread.isDead, arrive);
  }

  #tellWorker(message: ToWorker): void {
    if (message.kind === "journal") {
      this.#traced.add(message.line);
      this.#host.journal(message.line);
    }
    const { world } = this.#host.around;
    this.#toWorkerAt = Math.max(this.#toWorkerAt, world.now + this.#halfDelay());
    world.at(this.#toWorkerAt, () =>
      this.#workerThread.deliver(() => this.#inWorker(() => this.#worker.onKeeper(message))),
    );
  }

  #tellKeeper(message: ToKeeper): void {
    const { world } = this.#host.around;
    this.#toKeeperAt = Math.max(this.#toKeeperAt, world.now + this.#halfDelay());
    world.at(this.#toKeeperAt, () =>
      this.#keeperThread.deliver(() => this.#inKeeper(() => this.#keeper.onWorker(message))),
    );
  }

  #halfDelay(): number {
    return this.#host.chance.between(0.02, this.#host.halfDelay);
  }

  #append(line: JournalLine): void {
    if (!this.#traced.has(line)) this.#host.journal(line);
  }
}

class CannotStart extends Error {}

function makeThread(host: Host): Thread {
  const { world, hidesSleep } = host.around;
  const slept = () => (hidesSleep ? ms(0) : host.clock.slept);
  return new Thread(world, host.clock, () => host.chance.float() * host.lateness, slept);
}

function nextBoot(host: Host): number | null {
  const thread = makeThread(host);
  const store = host.disk.port(thread);
  const read = store.read(BOOT_DOCUMENT);
  if (read.kind === "failed" || read.kind === "damaged") {
    host.say(`cannot start: ${read.problem}`);
    return null;
  }
  const last = read.kind === "absent" ? 0 : Number(read.text);
  const boot = Math.max(last + 1, host.date);
  const written = store.writeSync(BOOT_DOCUMENT, String(boot));
  if (written.kind === "done") return boot;
  host.say(`cannot start: the boot number is not on disk`);
  return null;
}
