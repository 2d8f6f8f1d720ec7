// A cluster of real daemons for the end-to-end tests: their own services, configuration, faults and questions.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceStatus, StatusDocument } from "#api/protocol.ts";
import type { JournalEntry } from "#model/journal.ts";
import {
  type Cluster,
  command,
  isWhole,
  lastWords,
  startDaemon,
  statusOf,
  stopDaemon,
} from "../../lab/cluster.ts";
import type { Entry } from "../../lab/probe-log.ts";
import { monotonicMs, type Outcome, sleep, until } from "../../lab/shell.ts";
import { type Summary, summarize, summarizeAsks } from "../../lab/summary.ts";
import { REQUEST_TIMEOUT_MS, startResponder, type Watch, watchAddress } from "../../lab/watch.ts";
import { createWorld, down, hostOf, runIn, type World } from "../../lab/world.ts";

/** Without root there are no namespaces to try this in. */
export const skip = process.getuid?.() === 0 ? false : "needs root for network namespaces";

/** Generous on purpose: these tests judge what happens, not how fast. */
export const SOON_MS = 20_000;
const READY_MS = 30_000;
/** The client's pace: enough to see a double answer, little enough to leave the cores alone. */
const EVERY_MS = 4;

export interface ClusterOptions {
  /** The `services` map, as YAML, indented by two. */
  readonly services: string;
  /** What the small web service behind them answers on. */
  readonly addresses?: readonly string[];
  readonly links?: 1 | 2;
  readonly nodes?: readonly string[];
  /** Hosts for members that the file does not name yet. */
  readonly spares?: readonly string[];
  /** The witnesses' names; otherwise there is one, `witness`. */
  readonly witnesses?: readonly string[];
  /** Lines on top of the file. */
  readonly top?: string;
}

/** Starts the daemons and waits until all is well. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const cluster = await prepareCluster(options);
  try {
    for (const name of [...cluster.nodes, cluster.witness]) startDaemon(cluster, name);
    await whole(cluster);
    return cluster;
  } catch (error) {
    await down(cluster.world);
    throw error;
  }
}

/** World, key and file, and the service behind the addresses; no daemon yet. */
export async function prepareCluster(options: ClusterOptions): Promise<Cluster> {
  const { nodes = ["chip", "dale"], links = 1, addresses = [], spares = [] } = options;
  const witness = "witness";
  const world = await createWorld({ hosts: [...nodes, witness, ...spares], links });
  writeFileSync(join(world.folder, "cluster.key"), `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  const config = join(world.folder, "understudy.yaml");
  writeFileSync(config, configText(world, options));
  const responders = new Map(nodes.map((node) => [node, startResponder(world, node, addresses)]));
  return { world, timing: "default", nodes, witness, config, daemons: new Map(), responders };
}

export function configText(
  world: World,
  { services, nodes = ["chip", "dale"], links = 1, witnesses = ["witness"], top = "" }: ClusterOptions,
): string {
  const linksOf = (name: string) => {
    const { number, address } = hostOf(world, name);
    return links === 2 ? `{ links: [${address}, 10.78.0.${number}] }` : address;
  };
  const named = witnesses.map((name) => `${name}: ${linksOf(name)}`).join(", ");
  const witnessText = witnesses.join() === "witness" ? linksOf("witness") : `{ ${named} }`;
  return `version: 1
cluster: tried
key_file: ${join(world.folder, "cluster.key")}
${top}
nodes:
${nodes.map((node) => `  ${node}: ${linksOf(node)}`).join("\n")}
witness: ${witnessText}
services:
${services}`;
}

/** The same cluster with another file, for daemons that are started with it from now on. */
export function withConfig(cluster: Cluster, name: string, text: string): Cluster {
  const config = join(cluster.world.folder, name);
  writeFileSync(config, text);
  return { ...cluster, config };
}

/** Stops every daemon in good order and removes the world. With E2E_LOGS in the environment, shows what they said. */
export async function closeCluster(cluster: Cluster | undefined): Promise<void> {
  if (cluster === undefined) return;
  if (process.env.E2E_LOGS !== undefined) {
    for (const name of [...cluster.nodes, cluster.witness])
      console.error(`--- ${name}\n${lastWords(cluster, name, 400)}`);
  }
  await down(cluster.world);
}

/** Waits until every running node finds the cluster whole. */
export async function whole(cluster: Cluster, names: readonly string[] = cluster.nodes): Promise<void> {
  const isOk = await until(
    async () => {
      const documents = await Promise.all(names.map((name) => statusOf(cluster, name)));
      return documents.every((document) => document !== null && isWhole(document)) || null;
    },
    { withinMs: READY_MS, everyMs: 100 },
  );
  if (isOk === null) assert.fail(`the cluster did not become whole:\n${await describe(cluster)}`);
}

async function describe(cluster: Cluster): Promise<string> {
  const texts = [...cluster.nodes, cluster.witness].map(async (name) => {
    const { stdout, stderr } = await command(cluster, name, ["status"]);
    return `--- ${name}\n${stdout}${stderr}\n${lastWords(cluster, name, 40)}`;
  });
  return (await Promise.all(texts)).join("\n");
}

/** What the first of these nodes that answers says of a service. */
export async function serviceOf(
  cluster: Cluster,
  service: string,
  asked: readonly string[] = cluster.nodes,
): Promise<ServiceStatus | null> {
  for (const name of asked) {
    const document = await statusOf(cluster, name);
    if (document === null || document.lease?.may_act !== true || document.picture === null) continue;
    const found = document.services.find((each) => each.name === service);
    if (found !== undefined) return found;
  }
  return null;
}

/** Waits until the service is active, at rest, on one of `on`; answers which. */
export async function settled(
  cluster: Cluster,
  service: string,
  on: readonly string[] = cluster.nodes,
  asked: readonly string[] = cluster.nodes,
): Promise<string> {
  const found = await until(
    async () => {
      const status = await serviceOf(cluster, service, asked);
      const isThere = status !== null && status.active !== null && on.includes(status.active);
      return isThere && status.active === status.wanted ? status.active : null;
    },
    { withinMs: SOON_MS, everyMs: 50 },
  );
  if (found === null)
    assert.fail(`${service} did not settle on ${on.join(" or ")}:\n${await describe(cluster)}`);
  return found;
}

/** Waits until a node's status fits; fails with what it says. */
export async function statusThat(
  cluster: Cluster,
  name: string,
  fits: (document: StatusDocument) => boolean,
  what = "the expected status",
): Promise<StatusDocument> {
  const found = await until(
    async () => {
      const document = await statusOf(cluster, name);
      return document !== null && fits(document) ? document : null;
    },
    { withinMs: SOON_MS, everyMs: 50 },
  );
  if (found === null) assert.fail(`${name} did not come to ${what}:\n${await describe(cluster)}`);
  return found;
}

/** Runs an operator's command and expects that exit code; answers what it printed. */
export async function says(
  cluster: Cluster,
  name: string,
  args: readonly string[],
  code: number,
): Promise<string> {
  const outcome: Outcome = await command(cluster, name, args);
  const text = `${outcome.stdout}${outcome.stderr}`;
  assert.equal(outcome.code, code, `understudy ${args.join(" ")} on ${name}: ${text}`);
  return text;
}

/** Repeats a command that only looks, such as `status`, until it ends with that code and shows that. */
export async function shows(
  cluster: Cluster,
  name: string,
  args: readonly string[],
  code: number,
  pattern = /^/,
): Promise<string> {
  let last: Outcome | null = null;
  const text = await until(
    async () => {
      last = await command(cluster, name, args);
      const said = `${last.stdout}${last.stderr}`;
      return last.code === code && pattern.test(said) ? said : null;
    },
    { withinMs: SOON_MS, everyMs: 50 },
  );
  if (text === null)
    assert.fail(
      `understudy ${args.join(" ")} on ${name} never showed ${pattern} with exit code ${code}: ${JSON.stringify(last)}`,
    );
  return text;
}

/** Everything a member has in its journal file, of all its lives. */
export function journalOf(cluster: Cluster, name: string): readonly JournalEntry[] {
  const file = join(hostOf(cluster.world, name).folder, "state", "journal.jsonl");
  const entries: JournalEntry[] = [];
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  for (const line of text.split("\n")) {
    try {
      entries.push(JSON.parse(line) as JournalEntry);
    } catch {
      // The line that is being written, or the empty one at the end.
    }
  }
  return entries;
}

/** Waits for a journal entry that came after `since` entries. */
export async function journalled(
  cluster: Cluster,
  name: string,
  fits: (entry: JournalEntry) => boolean,
  since = 0,
): Promise<JournalEntry> {
  const found = await until(() => journalOf(cluster, name).slice(since).find(fits) ?? null, {
    withinMs: SOON_MS,
  });
  if (found === null) assert.fail(`${name} did not journal it; it has:\n${lastWords(cluster, name, 40)}`);
  return found;
}

/** Hosts that have this address on a device. */
export async function holders(cluster: Cluster, ip: string): Promise<string[]> {
  const result: string[] = [];
  for (const node of cluster.nodes) {
    const { stdout } = await runIn(cluster.world, node, ["ip", "-o", "address", "show"]);
    if (stdout.split(/\s+/).some((word) => word.startsWith(`${ip}/`))) result.push(node);
  }
  return result;
}

/** The address comes to be on that host alone, and the guard stands on every node named. */
export async function heldBy(
  cluster: Cluster,
  ip: string,
  node: string,
  guarded: readonly string[] = cluster.nodes,
): Promise<void> {
  let seen: string[] = [];
  const ok = await until(
    async () => {
      seen = await holders(cluster, ip);
      return seen.length === 1 && seen[0] === node;
    },
    { withinMs: SOON_MS },
  );
  assert.ok(ok, `${ip} is on ${seen.join(", ") || "no host"} instead of ${node} alone`);
  for (const each of guarded)
    assert.deepEqual(await tables(cluster, each), ["arp", "inet"], `guard on ${each}`);
}

/** Families of the guard's tables on a host. */
export async function tables(cluster: Cluster, node: string): Promise<string[]> {
  const { stdout } = await runIn(cluster.world, node, ["nft", "list", "tables"]);
  return [...stdout.matchAll(/^table (\w+) understudy$/gm)].map(([, family = ""]) => family).sort();
}

/** A client's view of addresses from here on: UDP requests, and ARP questions for those of IPv4. */
export class Client {
  readonly #watches: readonly Watch[];
  readonly #addresses: readonly string[];

  private constructor(addresses: readonly string[], watches: readonly Watch[]) {
    this.#addresses = addresses;
    this.#watches = watches;
  }

  static async start(cluster: Cluster, addresses: readonly string[]): Promise<Client> {
    const watches = addresses.flatMap((address) => [
      watchAddress(cluster.world, { mode: "udp", address, everyMs: EVERY_MS }),
      ...(address.includes(":") ? [] : [watchAddress(cluster.world, { mode: "arp", address })]),
    ]);
    const client = new Client(addresses, watches);
    for (const address of addresses) await client.answered(address, monotonicMs());
    return client;
  }

  /** Waits until a request sent after `sinceMs` is answered; by whom. With `by`: by that host. */
  async answered(address: string, sinceMs: number, by: string | null = null): Promise<string> {
    const fits = (entry: Entry) =>
      entry.kind === "request" &&
      entry.sentMs >= sinceMs &&
      entry.rttMs !== null &&
      (by === null || entry.host === by);
    const found = await until(() => this.#entries("udp", address).findLast(fits) ?? null, {
      withinMs: SOON_MS,
    });
    assert.ok(found?.kind === "request", `${address} is answered${by === null ? "" : ` by ${by}`}`);
    return found.host;
  }

  /** Lets `act` happen and judges the time from before it to `settleMs` after it, per address. */
  async during(act: () => Promise<void>, settleMs = 700): Promise<ReadonlyMap<string, Seen>> {
    const fromMs = monotonicMs();
    await act();
    await sleep(settleMs);
    const toMs = monotonicMs();
    await sleep(REQUEST_TIMEOUT_MS + 150);
    return new Map(this.#addresses.map((address) => [address, this.#seen(address, { fromMs, toMs })]));
  }

  #seen(address: string, stretch: { readonly fromMs: number; readonly toMs: number }): Seen {
    const { doubled } = summarizeAsks(this.#entries("arp", address), stretch);
    return { ...summarize(this.#entries("udp", address), stretch), doubled };
  }

  #entries(mode: "udp" | "arp", address: string): readonly Entry[] {
    const index = this.#watches.findIndex((w) => w.mode === mode && w.file.includes(nameOf(address)));
    return this.#watches[index]?.entries() ?? [];
  }
}

/** What a client saw of an address; `doubled`: ARP questions that two hosts answered. */
export type Seen = Summary & { readonly doubled: number };

/** Two hosts never answered, to the client or to ARP. */
export function neverTwo(seen: ReadonlyMap<string, Seen>): void {
  for (const [address, { asked, interleaved, doubled }] of seen) {
    assert.ok(asked > 0, `${address} was asked`);
    assert.deepEqual({ interleaved, doubled }, { interleaved: 0, doubled: 0 }, `answers for ${address}`);
  }
}

/** Nothing moved and nothing was lost. */
export function undisturbed(seen: Seen | undefined, by: string): void {
  assert.ok(seen !== undefined);
  const { lost, before, after, interleaved, doubled } = seen;
  assert.deepEqual(
    { lost, before, after, interleaved, doubled },
    { lost: 0, before: by, after: by, interleaved: 0, doubled: 0 },
  );
}

export function other(cluster: Cluster, node: string): string {
  const found = cluster.nodes.find((each) => each !== node);
  assert.ok(found !== undefined);
  return found;
}

/** An orderly stop that has to end by itself: a daemon that must be killed fails the test. */
export async function stopsInOrder(cluster: Cluster, name: string): Promise<void> {
  const daemon = cluster.daemons.get(name);
  await stopDaemon(cluster, name);
  assert.equal(await daemon?.ended, 0, `${name} ends with 0 after SIGTERM:\n${lastWords(cluster, name)}`);
}

const nameOf = (address: string): string => `-${address.replaceAll(":", "_")}.csv`;
