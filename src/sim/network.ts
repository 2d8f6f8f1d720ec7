// The network between the hosts: one or several links, each direction of each pair with faults of its own.

import type { Prng } from "#lib/prng.ts";
import type { World } from "./world.ts";

/** One direction between two hosts over one link. */
export interface Path {
  /** How many faults cut it now; 0: it works. */
  cuts: number;
  /** Share of what is lost. */
  loss: number;
  /** Delays in ms, drawn evenly; a wide range reorders. */
  delayFrom: number;
  delayTo: number;
  /** Share of what arrives twice. */
  twice: number;
}

export type Calm = Omit<Path, "cuts">;

/** A message is sent again after this, ms, as often as `TRIES`, as the real driver does. */
const RESEND = 60;
const TRIES = 30;

export class Network {
  readonly #world: World;
  readonly #chance: Prng;
  readonly #paths: Path[];
  readonly #hosts: number;
  readonly links: number;

  constructor(world: World, options: { hosts: number; links: number; calm: Calm }) {
    this.#world = world;
    this.#chance = world.chance("network");
    this.#hosts = options.hosts;
    this.links = options.links;
    const count = options.hosts * options.hosts * options.links;
    this.#paths = Array.from({ length: count }, () => ({ cuts: 0, ...options.calm }));
  }

  path(from: number, to: number, link: number): Path {
    return this.#paths[(from * this.#hosts + to) * this.links + link] as Path;
  }

  /** All paths that a question picks. */
  paths(wanted: (from: number, to: number, link: number) => boolean): Path[] {
    const found: Path[] = [];
    for (let from = 0; from < this.#hosts; from++)
      for (let to = 0; to < this.#hosts; to++)
        for (let link = 0; link < this.links; link++)
          if (from !== to && wanted(from, to, link)) found.push(this.path(from, to, link));
    return found;
  }

  /** One datagram over one link: arrives once, twice or never. */
  send(from: number, to: number, link: number, arrive: () => void): void {
    const path = this.path(from, to, link);
    if (path.cuts > 0 || (path.loss > 0 && this.#chance.chance(path.loss))) return;
    const copies = path.twice > 0 && this.#chance.chance(path.twice) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      // What is under way arrives although the link is cut meanwhile: late mail is the harder case.
      const delay = this.#chance.between(path.delayFrom, path.delayTo);
      this.#world.after(delay, arrive);
    }
  }

  /** One message, sent again while `isWanted` until it got through once; over any link. */
  sendMessage(from: number, to: number, isWanted: () => boolean, arrive: () => void): void {
    let hasArrived = false;
    const once = () => {
      hasArrived = true;
      arrive();
    };
    const attempt = (tries: number) => {
      if (hasArrived || tries === 0 || !isWanted()) return;
      this.send(from, to, tries % this.links, once);
      this.#world.after(RESEND, () => attempt(tries - 1));
    };
    attempt(TRIES);
  }
}
