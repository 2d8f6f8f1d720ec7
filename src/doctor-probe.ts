// Without a daemon on this host: doctors on two members send each other probes on the daemon's own ports, each
// saying which of the other's it has heard. So both learn both directions, also when only one of them is open.

import { type Probed, waysProbed } from "#doctor/wire.ts";
import { Link, type LinkProblem } from "#drivers/datagrams/link.ts";
import { createSealer } from "#drivers/datagrams/seal.ts";
import { NODE_SOCKETS } from "#drivers/datagrams/sockets.ts";
import { Sniffer } from "#drivers/host/sniffer.ts";
import { ByteWriter } from "#lib/bytes.ts";
import type { Config, MemberConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { TrafficFacts } from "#ports/host.ts";
import { createRecogniser, doctorsCluster, purposeOf, type Recognised } from "./doctor-rings.ts";
import { speak } from "./doctor-watch.ts";

const EVERY = 200;
/** Milliseconds: a listener hears us, says so, and we hear that; with some losses. */
const PROBE_FOR = 3_000;
/** Milliseconds: what was heard longer ago is not said any more, so that a listener notices changes. */
const RECENT = 2_000;
const RECEIVE_BYTES = 128 * 1024;
const POLL_LIMIT = 2_000;
const BODY_LIMIT = 1_320;

export interface ProbeOptions {
  readonly config: Config;
  readonly self: NodeId;
  readonly key: Uint8Array;
}

/** One way of one peer: its ports and links are named by number. */
const wayOf = (peer: NodeId, link: number, port: number): string => `${peer} ${link} ${port}`;

/** Sends and listens until `stop`. */
export class Prober {
  readonly #options: ProbeOptions;
  readonly #recognise;
  readonly #me: MemberConfig;
  readonly #peers: readonly MemberConfig[];
  readonly #links: readonly { readonly index: number; readonly port: number; readonly link: Link }[];
  readonly #problems = new Map<string, string>();
  /** By way: when it was heard last, at the socket and at the device. */
  readonly #atSocket = new Map<string, number>();
  readonly #atDevice = new Map<string, number>();
  /** By peer: what its doctor says that it hears of us. */
  readonly #answers = new Map<NodeId, ReadonlySet<string>>();
  readonly #runs = new Map<NodeId, "doctor" | "daemon">();
  readonly #sniffer = new Map<"one", Sniffer>();
  readonly #timer: NodeJS.Timeout;
  /** Called when something is heard for the first time. */
  readonly #news: (text: string) => void;

  constructor(options: ProbeOptions, news: (text: string) => void = () => {}) {
    const { config, self, key } = options;
    this.#options = options;
    this.#news = news;
    this.#recognise = createRecogniser(config, key);
    const me = config.members.find(({ id }) => id === self);
    if (me === undefined) throw new Error(`${self} is a member`);
    this.#me = me;
    this.#peers = config.members.filter(({ id }) => id !== self && speak(config, self, id));
    const ports = [config.port, config.port + 1];
    this.#links = me.links.flatMap((address, index) =>
      ports.map((port) => ({ index, port, link: this.#createLink(address, index, port) })),
    );
    const sniffer = Sniffer.open(config.port);
    if (sniffer instanceof Sniffer) this.#sniffer.set("one", sniffer);
    for (const { link } of this.#links) link.open();
    const seals = new Map(
      ports.map((port) => {
        const ring = { key, cluster: doctorsCluster(config), purpose: purposeOf(config, port) } as const;
        return [port, createSealer(ring)] as const;
      }),
    );
    this.#timer = setInterval(() => {
      this.#poll();
      this.#say(seals);
    }, EVERY);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#poll();
    for (const { link } of this.#links) link.close();
    this.#sniffer.get("one")?.close();
  }

  /** Why none of the ports can be used; null: some can. */
  get problem(): string | null {
    return this.#problems.size < this.#links.length ? null : ([...this.#problems.values()][0] ?? null);
  }

  probed(): readonly Probed[] {
    return this.#peers.flatMap(({ id: peer, links }) =>
      this.#links.flatMap(({ index, port }) => {
        const own = this.#me.links[index] ?? "";
        const theirs = links[index];
        if (theirs === undefined || theirs.includes(":") !== own.includes(":")) return [];
        const way = wayOf(peer, index, port);
        const heard = this.#atSocket.has(way) ? "socket" : this.#atDevice.has(way) ? "device" : "nothing";
        return [
          {
            ...{ peer, port, link: { own, theirs }, heard },
            problem: this.#problems.get(`${index} ${port}`) ?? null,
            answers: this.#answers.get(peer)?.has(`${index} ${port}`) ?? null,
            peerRuns: this.#runs.get(peer) ?? "nothing",
          } satisfies Probed,
        ];
      }),
    );
  }

  #createLink(address: string, index: number, port: number): Link {
    return new Link(
      { address, port, receiveBuffer: RECEIVE_BYTES, sockets: NODE_SOCKETS },
      {
        datagram: (bytes) => this.#take(bytes, index, port),
        unsent: () => {},
        state: (problem: LinkProblem | null) => {
          if (problem === null) this.#problems.delete(`${index} ${port}`);
          else this.#problems.set(`${index} ${port}`, problem.text);
        },
      },
    );
  }

  #take(bytes: Uint8Array, index: number, port: number): void {
    const recognised = this.#recognise(bytes, port);
    const peer = this.#peers.find(({ id }) => id === recognised?.from);
    if (recognised === null || peer === undefined) return;
    const way = wayOf(peer.id, index, port);
    if (!this.#atSocket.has(way)) {
      this.#news(`hears ${peer.id} (${recognised.by}) on ${this.#me.links[index]}, UDP ${port}`);
    }
    this.#atSocket.set(way, performance.now());
    this.#note(recognised);
  }

  #note({ from, by, body }: Recognised): void {
    // A doctor says more than a daemon.
    if (by === "doctor" || !this.#runs.has(from)) this.#runs.set(from, by);
    const ways = by === "doctor" ? readWays(body) : null;
    if (ways !== null) this.#answers.set(from, ways);
  }

  #poll(): void {
    this.#sniffer.get("one")?.poll(({ bytes, port, to }) => {
      const index = this.#me.links.indexOf(to);
      const recognised = index < 0 ? null : this.#recognise(bytes, port);
      if (recognised === null || recognised.from === this.#options.self) return;
      this.#atDevice.set(wayOf(recognised.from, index, port), performance.now());
      // Even what a firewall here drops afterwards tells that the other side is there, and what it hears.
      this.#note(recognised);
    }, POLL_LIMIT);
  }

  #say(seals: ReadonlyMap<number, ReturnType<typeof createSealer>>): void {
    for (const { id, links } of this.#peers) {
      const body = Buffer.from([...this.#recentWays(id)].join(","));
      for (const { index, port, link } of this.#links) {
        const theirs = links[index];
        const seal = seals.get(port);
        if (theirs === undefined || seal === undefined) continue;
        if (theirs.includes(":") !== link.address.includes(":")) continue;
        const writer = new ByteWriter(BODY_LIMIT, "a probe");
        writer.text(this.#options.self);
        writer.whole(0);
        writer.raw(body);
        link.send(seal.seal(writer.written()).datagram, theirs, port);
      }
    }
  }

  #recentWays(peer: NodeId): readonly string[] {
    const since = performance.now() - RECENT;
    return this.#links
      .filter(
        ({ index, port }) =>
          (this.#atSocket.get(wayOf(peer, index, port)) ?? Number.NEGATIVE_INFINITY) > since,
      )
      .map(({ index, port }) => `${index} ${port}`);
  }
}

/** `0 5407,1 5407`: numbers of links and ports. */
function readWays(body: Uint8Array): ReadonlySet<string> {
  return new Set(Buffer.from(body).toString("latin1").split(",").filter(Boolean));
}

export async function probeTraffic(options: ProbeOptions): Promise<TrafficFacts> {
  const prober = new Prober(options);
  await new Promise((resolve) => setTimeout(resolve, PROBE_FOR));
  prober.stop();
  return { method: "probe", ways: prober.probed().flatMap(waysProbed) };
}
