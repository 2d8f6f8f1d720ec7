// Reads a story for the virtual world, plays its moves against the real keepers and workers, and writes down what
// their journals say.
//
// The cluster: nodes a and b, witness w, lease 500 ms, pulse 100 ms; service web, preferred on a, is an address.

import assert from "node:assert/strict";
import { hash64 } from "#lib/hash.ts";
import type { Config, ResourceConfig, ServiceConfig } from "#model/config.ts";
import { NO_WATCHDOG } from "#model/config.ts";
import { NO_FENCING } from "#model/fencing.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import type { Intent } from "#model/intents.ts";
import { ms, ratio } from "#model/units.ts";
import { DRIFT, LEASE, PULSE } from "../../src/sim/cluster.ts";
import type { Host } from "../../src/sim/host.ts";
import { PROFILES } from "../../src/sim/profiles.ts";
import { build, DEFAULTS, type Run } from "../../src/sim/simulate.ts";
import { World } from "../../src/sim/world.ts";

interface Story {
  readonly run: Run;
  /** Lines that were told already. */
  told: number;
  readonly lines: string[];
}

/** The lines that the story must yield. A move that nobody understands fails the story. */
export function playSimStory(moves: readonly string[]): string[] {
  const words = moves.map((move) => move.trim().split(/\s+/)).filter(([verb = "#"]) => /^[a-z]/.test(verb));
  const isExclusive = words.some(([verb]) => verb === "exclusive");
  const world = new World(1, true);
  const options = { ...DEFAULTS, seed: 1, profile: PROFILES.calm, keepsLines: true };
  const story: Story = { run: build(world, options, cluster(isExclusive)), told: 0, lines: [] };
  for (const host of story.run.hosts) host.start();
  for (const [verb = "", ...rest] of words) {
    const act = MOVES[verb];
    assert.ok(act !== undefined, `nobody understands: ${verb}`);
    act(story, rest);
  }
  tell(story);
  return story.lines;
}

type Move = (story: Story, words: readonly string[]) => void;

const MOVES: Readonly<Record<string, Move>> = {
  exclusive: () => {},
  // Runs without telling what happens: how the cluster comes up is not every story's business.
  quietly: (story, [time = ""]) => {
    story.run.world.runUntil(story.run.world.now + parseTime(time));
    story.told = story.run.world.trace.lines.length;
  },
  after: (story, [time = ""]) => {
    story.run.world.runUntil(story.run.world.now + parseTime(time));
  },
  "power-off": (story, [name]) => hostNamed(story, name).crash(),
  "power-on": (story, [name]) => hostNamed(story, name).powerOn(),
  kill: (story, [name]) => hostNamed(story, name).killDaemon("SIGKILL"),
  stop: (story, [name]) => hostNamed(story, name).life?.stop(),
  freeze: (story, [name]) => hostNamed(story, name).freeze(true),
  thaw: (story, [name]) => hostNamed(story, name).thaw(true),
  // The halves of that daemon hear each other this late.
  late: (story, [name, time = ""]) => {
    hostNamed(story, name).halfDelay = parseTime(time);
  },
  cut: (story, [from, to]) => change(story, from, to, 1),
  heal: (story, [from, to]) => change(story, from, to, -1),
  ask: (story, words) => {
    const [at, verb, node] = words;
    const host = hostNamed(story, at);
    story.run.wishes.ask(host, parseIntent(verb, node), () => {});
  },
};

function cluster(isExclusive: boolean): Config {
  const address: ResourceConfig = {
    id: "ip",
    kind: "address",
    address: { ip: "10.77.0.100", prefix: 24, family: 4, device: null },
  };
  const server: ResourceConfig = {
    id: "server",
    kind: "process",
    run: ["/server"],
    user: null,
    directory: null,
    env: {},
    restarts: { limit: 1, within: ms(10_000) },
    stopTimeout: ms(2_000),
    exclusive: true,
  };
  const web: ServiceConfig = {
    name: serviceName("web"),
    place: [nodeId("a"), nodeId("b")],
    failback: { kind: "manual" },
    resources: isExclusive ? [server, address] : [address],
    checks: [],
    restarts: { limit: 1, within: ms(10_000) },
    failureAge: ms(60_000),
    split: "proof",
  };
  const member = (name: string, kind: "node" | "witness") => ({
    id: nodeId(name),
    kind,
    links: [name],
    site: null,
  });
  return {
    version: 1,
    cluster: "story",
    keyFile: "/key",
    port: 5407,
    timing: {
      profile: "default",
      lease: ms(LEASE),
      pulse: ms(PULSE),
      drift: ratio(DRIFT),
      workerSilence: ms(2_000),
    },
    members: [member("a", "node"), member("b", "node"), member("w", "witness")],
    voters: ["a", "b", "w"].map(nodeId),
    reach: [],
    fencing: NO_FENCING,
    watchdog: NO_WATCHDOG,
    services: [web],
    hash: "story",
    votersHash: hash64(JSON.stringify(["a", "b", "w"])),
  };
}

/** One direction between two hosts, or everything of one. */
function change({ run }: Story, from: string | undefined, to: string | undefined, by: number): void {
  const a = run.hosts.findIndex((h) => h.id === from);
  const b = run.hosts.findIndex((h) => h.id === to);
  assert.ok(a >= 0 && (b >= 0 || to === undefined), `cut ${from} ${to}`);
  const isHit = (x: number, y: number) => (to === undefined ? x === a || y === a : x === a && y === b);
  for (let x = 0; x < run.hosts.length; x++)
    for (let y = 0; y < run.hosts.length; y++)
      if (x !== y && isHit(x, y)) run.network.path(x, y, 0).cuts += by;
}

function hostNamed({ run }: Story, name: string | undefined): Host {
  const host = run.hosts.find((h) => h.id === name);
  assert.ok(host !== undefined, `there is no host ${name}`);
  return host;
}

function parseIntent(verb: string | undefined, name: string | undefined): Intent {
  assert.ok(name !== undefined);
  if (verb === "drain" || verb === "undrain") return { kind: verb, node: nodeId(name) };
  assert.equal(verb, "switchover");
  return { kind: "switchover", service: serviceName("web"), to: nodeId(name) };
}

function parseTime(text: string): number {
  const [, number = "", unit = ""] = /^(\d+)(ms|s)$/.exec(text) ?? assert.fail(`${text} is no time`);
  return Number(number) * (unit === "s" ? 1_000 : 1);
}

/** What is told: to a tenth of a second, without what only the links and each node's own view say. */
function tell(story: Story): void {
  const { lines } = story.run.world.trace;
  for (const line of lines.slice(story.told)) {
    const [, at = "", who = "", text = ""] = /^\+\s*([\d.]+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (/^member|waiting -> acting/.test(text) && !/excluded/.test(text)) continue;
    story.lines.push(`+${Number(at).toFixed(1)} ${who}  ${text}`);
  }
  story.told = lines.length;
}
