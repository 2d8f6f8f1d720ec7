// Next to a running daemon: watches what it and the others say to each other, and what they acknowledge.

import type { StatusDocument } from "#api/protocol.ts";
import { type Watched, waysWatched } from "#doctor/wire.ts";
import { type SeenDatagram, Sniffer } from "#drivers/host/sniffer.ts";
import { decodePacket } from "#drivers/peer/packets.ts";
import { decodePulse } from "#drivers/pulse/codec.ts";
import type { Config } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { TrafficFacts } from "#ports/host.ts";
import { createRecogniser } from "./doctor-rings.ts";

/** Milliseconds: some rounds of pulses, and a report or two. */
const WATCH_AT_LEAST = 2_500;
const PULSES = 8;
const POLL_EVERY = 20;
const POLL_LIMIT = 2_000;

export interface WatchOptions {
  readonly config: Config;
  readonly self: NodeId;
  readonly key: Uint8Array;
  /** Of the daemon on this host. */
  readonly status: StatusDocument;
}

/** A sentence when nothing can be watched here. */
export async function watchTraffic(options: WatchOptions): Promise<TrafficFacts | string> {
  const { config, self } = options;
  const sniffer = Sniffer.open(config.port);
  if (!(sniffer instanceof Sniffer)) return sniffer.kind === "failed" ? sniffer.detail : "no packet socket";
  const records = new Records(options);
  const end = performance.now() + Math.max(WATCH_AT_LEAST, PULSES * config.timing.pulse);
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY));
    sniffer.poll((seen) => records.take(seen), POLL_LIMIT);
  }
  sniffer.close();
  const peers = config.members.filter(({ id }) => id !== self && speak(config, self, id));
  return { method: "daemon", ways: peers.flatMap(({ id }) => waysWatched(records.watched(id))) };
}

/** Two that have no vote send each other nothing. */
export const speak = ({ voters }: Config, a: NodeId, b: NodeId): boolean =>
  voters.includes(a) || voters.includes(b);

interface Counted {
  pulses: number;
  firstHeard: number | null;
  lastHeard: number | null;
  fragmentsIn: number;
  acksIn: number;
  fragmentsOut: number;
  acksOut: number;
  /** By own address. */
  readonly arrived: Map<string, number>;
}

class Records {
  readonly #options: WatchOptions;
  readonly #recognise;
  readonly #counted = new Map<NodeId, Counted>();
  /** By who said it and of whom: the first number and the last. */
  readonly #elsewhere = new Map<string, { readonly of: NodeId; readonly first: number; last: number }>();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#recognise = createRecogniser(options.config, options.key);
  }

  take({ bytes, port, to }: SeenDatagram): void {
    const { config, self } = this.#options;
    const recognised = this.#recognise(bytes, port);
    if (recognised === null || recognised.by === "doctor") return;
    const { from, boot, body } = recognised;
    if (port === config.port) {
      if (from !== self) this.#pulse(from, boot, body, to);
      return;
    }
    const packet = decodePacket(body);
    const peer = from === self ? config.members.find(({ links }) => links.includes(to))?.id : from;
    if (packet === null || peer === undefined) return;
    const counted = this.#of(peer);
    if (packet.kind === "fragment") counted[from === self ? "fragmentsOut" : "fragmentsIn"]++;
    else counted[from === self ? "acksOut" : "acksIn"]++;
  }

  #pulse(from: NodeId, boot: number, body: Uint8Array, to: string): void {
    const counted = this.#of(from);
    counted.arrived.set(to, (counted.arrived.get(to) ?? 0) + 1);
    const pulse = decodePulse(body, from, boot);
    if (pulse === null) return;
    for (const { node, number } of pulse.heard) {
      if (node === this.#options.self) continue;
      const known = this.#elsewhere.get(`${from} ${node}`);
      if (known === undefined)
        this.#elsewhere.set(`${from} ${node}`, { of: node, first: number, last: number });
      else known.last = number;
    }
    const heard = pulse.heard.find(({ node }) => node === this.#options.self)?.number ?? null;
    if (counted.pulses === 0) counted.firstHeard = heard;
    counted.lastHeard = heard;
    counted.pulses++;
  }

  watched(peer: NodeId): Watched {
    const { config, self, status } = this.#options;
    const linksOf = (id: NodeId) => config.members.find((member) => member.id === id)?.links ?? [];
    const own = linksOf(self);
    const { arrived, ...counted } = this.#of(peer);
    const said = status.members.find(({ name }) => name === peer)?.links ?? [];
    const links = linksOf(peer).flatMap((theirs, index) => {
      const mine = own[index];
      if (mine === undefined || mine.includes(":") !== theirs.includes(":")) return [];
      const isUp = said.find(({ address }) => address === theirs)?.up === true;
      return [{ own: mine, theirs, arrived: arrived.get(mine) ?? 0, isUp }];
    });
    const isHeardElsewhere = [...this.#elsewhere.values()].some(
      ({ of, first, last }) => of === peer && last > first,
    );
    return { peer, port: config.port, links, isHeardElsewhere, ...counted };
  }

  #of(peer: NodeId): Counted {
    const known = this.#counted.get(peer);
    if (known !== undefined) return known;
    const counted: Counted = {
      ...{ pulses: 0, firstHeard: null, lastHeard: null },
      ...{ fragmentsIn: 0, acksIn: 0, fragmentsOut: 0, acksOut: 0 },
      arrived: new Map(),
    };
    this.#counted.set(peer, counted);
    return counted;
  }
}
