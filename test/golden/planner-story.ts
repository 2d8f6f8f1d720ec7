// Reads a planner story, plays its moves and writes down what the planner says after each `plan`.

import assert from "node:assert/strict";
import type { Failback } from "#model/config.ts";
import { type NodeId, nodeId, type ServiceName, serviceName } from "#model/ids.ts";
import type { Intent } from "#model/intents.ts";
import type { HealthVerdict, Standing } from "#model/role.ts";
import { instant, ms, term } from "#model/units.ts";
import { explainService } from "../../src/engine/explain/why.ts";
import { applyIntent, dropSpentSwitchovers } from "../../src/engine/intents/document.ts";
import { diffPlans, type Plan, plan } from "../../src/engine/planner/plan.ts";
import {
  addService,
  obey,
  orderActive,
  restingService,
  type ToyNode,
  type ToyService,
  type ToyWorld,
  toyWorld,
  viewOf,
} from "./planner-world.ts";

const TERM = term(7);

interface Story {
  world: ToyWorld;
  before: Plan | null;
  readonly lines: string[];
}

/** The lines that the story must yield. A move that nobody understands fails the story. */
export function playStory(moves: readonly string[]): string[] {
  const story: Story = { world: toyWorld([]), before: null, lines: [] };
  for (const move of moves) {
    const [verb = "", ...words] = move.trim().split(/\s+/);
    if (verb === "" || verb.startsWith("#")) continue;
    const act = MOVES[verb] ?? fail(move);
    act(story, words, move);
  }
  return story.lines;
}

type Move = (story: Story, words: string[], move: string) => void;

const MOVES: Readonly<Record<string, Move>> = {
  nodes: (story, words) => {
    story.world = toyWorld(words);
  },
  // service NAME place NODE... [failback auto|manual|after TIME] [exclusive] [promotable] [failure-age TIME]
  service: (story, words, move) => addService(story.world, parseService(words, move)),
  // on NODE SERVICE: active ordered ... | standby | stopped | changing | unknown | failing | ...
  on: ({ world }, [node, service, ...facts], move) => {
    const each = nodeNamed(world, node);
    const name = serviceName(service ?? fail(move));
    const seen = each.services.get(name) ?? restingService();
    each.services.set(name, seen);
    foldFacts(facts, (fact, rest) => foldService({ world, node: each, seen }, fact, rest) || fail(move));
  },
  node: ({ world }, [name, ...facts], move) => {
    const each = nodeNamed(world, name);
    foldFacts(facts, (fact, rest) => foldNode(each, fact, rest) || fail(move));
  },
  after: ({ world }, [time]) => {
    world.now = instant(world.now + parseTime(time));
  },
  ask: (story, words, move) => {
    const { world, lines } = story;
    const answer = applyIntent(world.intents, parseIntent(words, move), viewOf(world));
    lines.push(
      `${move.trim()}`,
      `  ${answer.kind}: ${answer.kind === "refused" ? answer.reason : answer.text}`,
    );
    if (answer.kind === "changed") world.intents = answer.doc;
  },
  forget: ({ world, lines }) => {
    world.intents = dropSpentSwitchovers(world.intents, viewOf(world));
    const left = world.intents.switchovers.map(({ service, to }) => `${service} to ${to}`);
    lines.push(`switchovers: ${left.join(", ") || "none"}`);
  },
  plan: (story) => tell(story, plan(viewOf(story.world))),
  // Plan and obey until nothing changes: at most ten rounds.
  settle: (story) => {
    const { world } = story;
    for (let round = 0; round < 10; round++) {
      const next = plan(viewOf(world));
      if (story.before !== null) story.lines.push(...journal(story.before, next));
      story.before = next;
      for (const node of world.nodes) obey(node, next.directions);
    }
    story.before = plan(viewOf(world));
    story.lines.push(
      ...story.before.placements.map((each) => `${each.service} is on ${each.active ?? "no node"}`),
    );
  },
  why: ({ world, lines }, [service], move) => {
    const { placements } = plan(viewOf(world));
    const picture = {
      leader: nodeId("chip"),
      term: TERM,
      phase: "leading" as const,
      members: [],
      placements,
      intents: world.intents,
      proofs: [],
      proving: [],
    };
    lines.push(
      move.trim(),
      ...explainService(picture, serviceName(service ?? "")).map((text) => `  ${text}`),
    );
  },
};

function tell(story: Story, now: Plan): void {
  const { world, lines } = story;
  if (lines.length > 0) lines.push("");
  for (const target of now.targets) {
    lines.push(`${target.service} -> ${target.node ?? "nowhere"}`);
    for (const [index, { code, text }] of target.reasons.entries()) {
      lines.push(`  ${index === 0 ? "because" : "not    "} ${code.padEnd(17)} ${text}`);
    }
    const roles = world.nodes.map(({ id }) => [id, now.directions.wanted.get(id)?.get(target.service)]);
    const wanted = roles.filter(([, role]) => role !== undefined).map(([id, role]) => `${id} ${role}`);
    lines.push(`  wanted  ${wanted.join(", ")}`);
    const waiting = now.directions.waiting.get(target.service);
    if (waiting !== undefined) lines.push(`  waits   ${waiting.code.padEnd(17)} ${waiting.text}`);
    const ready = now.placements.find((each) => each.service === target.service)?.ready ?? [];
    lines.push(`  ready   ${ready.join(", ") || "none"}`);
  }
  const again = now.directions.planAgainAt;
  if (again !== null) lines.push(`plan again in ${(again - world.now) / 1000} s`);
  lines.push(...journal(story.before, now));
  story.before = now;
}

function journal(before: Plan | null, after: Plan): string[] {
  return diffPlans(before, after, TERM).map(
    (each) => `journal ${each.subject} ${each.what} (${each.code}) ${each.why}`,
  );
}

/** Calls `fold` with each fact and the words after it, of which it may take some. */
function foldFacts(facts: readonly string[], fold: (fact: string, rest: string[]) => unknown): void {
  const rest = [...facts];
  for (let fact = rest.shift(); fact !== undefined; fact = rest.shift()) fold(fact, rest);
}

interface Seen {
  readonly world: ToyWorld;
  readonly node: ToyNode;
  readonly seen: ToyService;
}

function foldService({ world, node, seen }: Seen, fact: string, rest: string[]): boolean {
  const ago = () => (rest[0] === "never" ? null : instant(world.now - parseTime(rest[0])));
  switch (fact) {
    case "active":
      // As this leader ordered it: order 1 is obeyed.
      orderActive(seen, node.obeys);
      seen.standing = "active";
      return true;
    case "stopped":
    case "standby":
    case "changing":
    case "unknown":
      seen.standing = fact satisfies Standing;
      return true;
    case "healthy":
    case "failing":
      seen.health = fact satisfies HealthVerdict;
      return true;
    case "unchecked":
      seen.health = "unknown";
      return true;
    case "unreported":
      seen.standing = null;
      return true;
    case "failed":
      seen.failedAt = ago();
      return rest.shift() !== undefined;
    case "times":
      seen.failures = Number(rest[0]);
      return rest.shift() !== undefined;
    // Its checks failed while it was active there: FLAPS TIME ago, and is well again unless told otherwise.
    case "flapped":
      seen.flaps = Number(rest.shift());
      seen.failures = 0;
      seen.failedAt = ago();
      return rest.shift() !== undefined;
    case "stuck":
      seen.stuck = true;
      seen.standing = "unknown";
      seen.detail = "stop of server failed with exit code 1: busy";
      return true;
    case "held":
      seen.heldDown = true;
      seen.standing = "stopped";
      return true;
    case "fit":
      seen.fitSince = ago();
      return rest.shift() !== undefined;
    case "ordered":
      orderActive(seen, Number(rest[0]));
      return rest.shift() !== undefined;
    default:
      return false;
  }
}

function foldNode(node: ToyNode, fact: string, rest: string[]): boolean {
  switch (fact) {
    case "alive":
    case "silent":
    case "excluded":
    case "left":
      node.standing = fact;
      return true;
    case "leaving":
      node.leaving = true;
      return true;
    case "unreported":
      node.reported = false;
      node.obeys = null;
      for (const each of node.services.values()) Object.assign(each, { standing: null, activeSince: null });
      return true;
    case "reported":
      node.reported = true;
      for (const each of node.services.values()) each.standing = "stopped";
      return true;
    case "reach":
      node.reach = rest.shift() as ToyNode["reach"];
      return true;
    case "obeys":
      node.obeys = Number(rest.shift());
      // An order newer than all that wanted a service active wants it stopped.
      for (const each of node.services.values()) {
        if ((each.orderedActive ?? 0) < node.obeys) each.activeSince = null;
      }
      return true;
    default:
      return false;
  }
}

function parseService(words: readonly string[], move: string) {
  const [name = fail(move), ...rest] = words;
  const wish = {
    name,
    place: [] as string[],
    holds: "grants" as "grants" | "exclusive",
    promotable: false,
    failureAge_ms: 600_000,
    failback: { kind: "manual" } as Failback,
  };
  let isPlace = false;
  foldFacts(rest, (word, more) => {
    if (word === "place") isPlace = true;
    else if (word === "exclusive") wish.holds = "exclusive";
    else if (word === "promotable") wish.promotable = true;
    else if (word === "failure-age") wish.failureAge_ms = parseTime(more.shift());
    else if (word === "failback") wish.failback = parseFailback(more);
    else if (isPlace) wish.place.push(word);
    else fail(move);
  });
  return wish;
}

function parseFailback(more: string[]): Failback {
  const kind = more.shift();
  if (kind === "after") return { kind, delay: ms(parseTime(more.shift())) };
  return kind === "auto" ? { kind: "auto" } : { kind: "manual" };
}

function parseIntent([verb, what, ...rest]: readonly string[], move: string): Intent {
  const node = (name: string | undefined): NodeId => nodeId(name ?? fail(move));
  const service = (name: string | undefined): ServiceName => serviceName(name ?? fail(move));
  switch (verb) {
    case "switchover":
      return { kind: "switchover", service: service(what), to: rest[0] === undefined ? null : node(rest[0]) };
    case "drain":
    case "undrain":
      return { kind: verb, node: node(what) };
    case "maintenance": {
      const [kind, name] = rest;
      const target =
        kind === "node"
          ? { kind: "node" as const, node: node(name) }
          : kind === "service"
            ? { kind: "service" as const, service: service(name) }
            : null;
      return { kind: "maintenance", on: what === "on", target };
    }
    default:
      return fail(move);
  }
}

const FACTORS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** "90s", "10m": in milliseconds. */
function parseTime(text: string | undefined): number {
  const [, number = "", unit = ""] = /^(\d+)(ms|s|m|h)$/.exec(text ?? "") ?? fail(`not a time: ${text}`);
  return Number(number) * (FACTORS[unit] ?? fail(unit));
}

const nodeNamed = (world: ToyWorld, name: string | undefined): ToyNode =>
  world.nodes.find((each) => each.id === name) ?? fail(`no node ${name}`);

function fail(move: string): never {
  return assert.fail(`not understood: ${move}`);
}
