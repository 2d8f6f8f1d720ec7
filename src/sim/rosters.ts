// Operators who change the list of voters: one more or one fewer in the file, and the file on one host after the other.

import type { Prng } from "#lib/prng.ts";
import type { Config } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import { listDistance } from "#model/voters.ts";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

/** Mean time between two changes of the file, ms. */
const EVERY = 9_000;
/** The file reaches a host this much later at most, ms. */
const ROLLOUT = 3_000;
const FEWEST = 3;
const MOST = 5;

export class Rosters {
  readonly #world: World;
  readonly #hosts: readonly Host[];
  readonly #chance: Prng;
  /** How many voters one change of the file adds or takes away; more than one: a mistake to be refused. */
  readonly #step: number;
  #voters: readonly NodeId[];

  constructor(world: World, hosts: readonly Host[], step: number) {
    this.#world = world;
    this.#hosts = hosts;
    this.#step = step;
    this.#chance = world.chance("rosters");
    this.#voters = hosts[0]?.config.voters ?? [];
  }

  /** Now and then until `end`. */
  begin(from: number, end: number): void {
    const next = (at: number) =>
      this.#world.at(at, () => {
        if (this.#world.now >= end) return;
        this.#change();
        next(this.#world.now - Math.log(1 - this.#chance.float()) * EVERY);
      });
    next(from);
  }

  #change(): void {
    for (let i = 0; i < this.#step; i++) this.#voters = this.#other(this.#voters);
    this.#world.trace.say("ops", `*** voters in the file: ${this.#voters.join(" ")}`);
    const voters = this.#voters;
    for (const host of this.#hosts) {
      this.#world.after(this.#chance.float() * ROLLOUT, () => {
        // A later file may have come first.
        if (voters === this.#voters) takeFile(host, voters);
      });
    }
  }

  #other(voters: readonly NodeId[]): readonly NodeId[] {
    const isIn = (id: NodeId) => voters.includes(id);
    const out = this.#hosts.map(({ id }) => id).filter((id) => !isIn(id));
    const grows =
      out.length > 0 && voters.length < MOST && (voters.length <= FEWEST || this.#chance.chance(0.5));
    if (!grows && voters.length <= FEWEST) return voters;
    const next = grows ? [...voters, this.#chance.pick(out)] : drop(voters, this.#chance.pick(voters));
    return [...next].sort();
  }

  /** The faults are over: the file says what is in effect, or one voter more or less, on every host. */
  settle(): void {
    for (const host of this.#hosts) takeFile(host, this.#voters);
  }

  /** Null: every member counts by the voters of the file. */
  problem(): string | null {
    const odd = this.#hosts.find((host) => {
      // One that broke for good learns nothing any more.
      const state = host.life?.keeper.state;
      return state !== undefined && listDistance(state.identity.voters, this.#voters) > 0;
    });
    if (odd === undefined) return null;
    const lists = this.#hosts.map(({ id, life }) => {
      const identity = life?.keeper.state.identity;
      return identity === undefined ? `${id} is down` : `${id} by ${identity.voters.join(" ")}`;
    });
    return `${odd.id} does not count by ${this.#voters.join(" ")}: ${lists.join(", ")}`;
  }

  /** Where the file got ahead by more than one voter, operators go back to what is in effect; a refused one comes again. */
  follow(): void {
    const leader = this.#hosts.find(
      (host) => host.life?.keeper.state.leading.kind === "leads" && !host.isAway,
    );
    const list = leader?.life?.keeper.state.identity.voters;
    if (list !== undefined && listDistance(list, this.#voters) > 1) this.#voters = list;
    for (const host of this.#hosts) {
      const has = host.life?.worker.state.config.voters ?? [];
      if (listDistance(has, this.#voters) > 0) takeFile(host, this.#voters);
    }
  }
}

const drop = (voters: readonly NodeId[], id: NodeId): readonly NodeId[] =>
  voters.filter((voter) => voter !== id);

function takeFile(host: Host, voters: readonly NodeId[]): void {
  const config: Config = { ...host.config, voters, hash: `file ${voters.join()}` };
  host.config = config;
  host.life?.reconfigure(config);
}
