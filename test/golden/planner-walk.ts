// A cluster in which everything between leader and nodes is late, lost or out of order, to see whether the
// planner's directions ever let two nodes have a service. Naive on purpose: it knows the truth, the view does not.

import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Role, Standing } from "#model/role.ts";
import { instant, ms } from "#model/units.ts";
import { applyIntent } from "../../src/engine/intents/document.ts";
import { plan } from "../../src/engine/planner/plan.ts";
import { holdsOf } from "../../src/engine/planner/takeover.ts";
import type { Prng } from "../../src/lib/prng.ts";
import { orderActive, type ToyNode, type ToyWorld, viewOf } from "./planner-world.ts";

interface Order {
  readonly to: NodeId;
  readonly session: number;
  readonly term: number;
  readonly number: number;
  readonly wanted: ReadonlyMap<ServiceName, Role>;
}

interface Report {
  readonly from: NodeId;
  readonly session: number;
  readonly term: number;
  readonly number: number;
  readonly obeys: number | null;
  readonly standings: ReadonlyMap<ServiceName, Standing>;
}

/** What is really so on a node. */
interface Truth {
  session: number;
  term: number;
  order: Order | null;
  reports: number;
  readonly standings: Map<ServiceName, Standing>;
}

/** What the leader remembers of a node beside the view. */
interface Memory {
  session: number;
  number: number;
  reportNumber: number;
  wanted: string;
}

export interface Walk {
  readonly world: ToyWorld;
  readonly prng: Prng;
  readonly truths: Map<NodeId, Truth>;
  readonly memories: Map<NodeId, Memory>;
  term: number;
  orders: Order[];
  reports: Report[];
  readonly trace: string[];
}

export function startWalk(world: ToyWorld, prng: Prng): Walk {
  const truths = new Map<NodeId, Truth>();
  const memories = new Map<NodeId, Memory>();
  for (const node of world.nodes) {
    const standings = new Map(
      [...node.services.keys()].map((name): [ServiceName, Standing] => [name, "stopped"]),
    );
    truths.set(node.id, { session: 1, term: 1, order: null, reports: 0, standings });
    memories.set(node.id, { session: 1, number: 0, reportNumber: 0, wanted: "" });
    node.obeys = null;
  }
  return { world, prng, truths, memories, term: 1, orders: [], reports: [], trace: [] };
}

/** The nodes that really have the service, or are about to: the planner must keep it at one at most. */
export function holders({ truths }: Walk, service: ServiceName): NodeId[] {
  const has = (truth: Truth) => !["stopped", "standby", undefined].includes(truth.standings.get(service));
  return [...truths].filter(([, truth]) => has(truth)).map(([id]) => id);
}

type Act = (walk: Walk, node: ToyNode, truth: Truth) => void;

/** Common things stand here several times. */
const ACTS: readonly (readonly [string, Act])[] = [
  ["direct", direct],
  ["direct", direct],
  ["deliver order", deliverOrder],
  ["deliver order", deliverOrder],
  ["work", work],
  ["work", work],
  ["report", report],
  ["report", report],
  ["deliver report", deliverReport],
  ["deliver report", deliverReport],
  ["lose", lose],
  ["silence", silence],
  ["exclude", exclude],
  ["return", comeBack],
  ["restart", restart],
  ["lead", lead],
  ["health", changeHealth],
  ["wish", wish],
];

export function takeStep(walk: Walk): void {
  const { prng, world, truths } = walk;
  const node = prng.pick(world.nodes);
  const [name, act] = prng.pick(ACTS);
  world.now = instant(world.now + prng.int(2_000));
  walk.trace.push(`${name} ${node.id}`);
  act(walk, node, truths.get(node.id) as Truth);
}

function memoryOf(walk: Walk, node: NodeId): Memory {
  return walk.memories.get(node) as Memory;
}

export function direct(walk: Walk): void {
  const { directions } = plan(viewOf(walk.world));
  for (const node of walk.world.nodes) {
    const memory = memoryOf(walk, node.id);
    const wanted = directions.wanted.get(node.id) ?? new Map<ServiceName, Role>();
    const text = JSON.stringify([...wanted]);
    if (node.standing === "excluded" || !node.reported) continue;
    if (text !== memory.wanted) {
      memory.wanted = text;
      memory.number++;
    }
    for (const [name, role] of wanted) {
      const seen = node.services.get(name);
      if (seen !== undefined) orderActive(seen, role === "active" ? memory.number : null);
    }
    const { session, number } = memory;
    walk.orders.push({ to: node.id, session, term: walk.term, number, wanted });
  }
}

function deliverOrder(walk: Walk): void {
  if (walk.orders.length === 0) return;
  const order = walk.prng.pick(walk.orders);
  // It may come again: it stays on the wire now and then.
  if (walk.prng.chance(0.8)) walk.orders = walk.orders.filter((each) => each !== order);
  takeOrder(walk.truths.get(order.to) as Truth, order);
}

export function takeOrder(truth: Truth, order: Order): void {
  if (order.session !== truth.session || order.term < truth.term) return;
  const isNewer = truth.order === null || order.term > truth.order.term || order.number > truth.order.number;
  if (!isNewer) return;
  truth.term = order.term;
  truth.order = order;
}

const NEXT: Readonly<Record<Standing, (wanted: Role) => Standing>> = {
  stopped: (wanted) => (wanted === "active" ? "changing" : wanted),
  standby: (wanted) => (wanted === "active" ? "changing" : wanted),
  active: (wanted) => (wanted === "active" ? "active" : "changing"),
  changing: (wanted) => wanted,
  unknown: () => "changing",
};

export function work(walk: Walk, _node: unknown, truth: Truth): void {
  for (const [name, standing] of truth.standings) {
    // What outlived a daemon is stopped when it gets round to it.
    if (standing === "unknown" && walk.prng.chance(0.8)) continue;
    const wanted = truth.order?.wanted.get(name) ?? "stopped";
    const isLate = standing === "changing" && walk.prng.chance(0.1);
    truth.standings.set(name, isLate ? "unknown" : NEXT[standing](wanted));
  }
}

export function report(walk: Walk, node: ToyNode, truth: Truth): void {
  // The leader's question comes with its pulses, and with it the newest term.
  if (node.standing === "alive") truth.term = walk.term;
  const { session, term, order, standings } = truth;
  const obeys = order !== null && order.term === walk.term ? order.number : null;
  walk.reports.push({
    from: node.id,
    session,
    term,
    number: ++truth.reports,
    obeys,
    standings: new Map(standings),
  });
}

function deliverReport(walk: Walk): void {
  if (walk.reports.length === 0) return;
  const report = walk.prng.pick(walk.reports);
  walk.reports = walk.reports.filter((each) => each !== report);
  takeReport(walk, report);
}

export function takeReport(walk: Walk, report: Report): void {
  const node = walk.world.nodes.find((each) => each.id === report.from) as ToyNode;
  const memory = memoryOf(walk, report.from);
  if (node.standing === "excluded" || report.term < walk.term) return;
  if (report.session !== memory.session || report.number < memory.reportNumber) return;
  memory.reportNumber = report.number;
  node.reported = true;
  node.obeys = report.obeys;
  for (const [name, standing] of report.standings) {
    const seen = node.services.get(name);
    if (seen !== undefined) seen.standing = standing;
  }
}

function lose(walk: Walk): void {
  if (walk.orders.length > 0) walk.orders.splice(walk.prng.int(walk.orders.length), 1);
}

function silence(_walk: Walk, node: ToyNode): void {
  if (node.standing === "alive") node.standing = "silent";
}

/** A quorum promised: the node lapses, and the kernel takes back what it revokes. Processes run on for a while. */
function exclude(walk: Walk, node: ToyNode, truth: Truth): void {
  if (node.standing !== "silent") return;
  node.standing = "excluded";
  openSession(walk, truth);
}

/** Heard again: in time, or after the exclusion in the new session. */
export function comeBack(walk: Walk, node: ToyNode, truth: Truth): void {
  if (node.standing === "alive") return;
  const wasExcluded = node.standing === "excluded";
  node.standing = "alive";
  if (wasExcluded || memoryOf(walk, node.id).session !== truth.session) forget(walk, node, truth);
}

function restart(walk: Walk, node: ToyNode, truth: Truth): void {
  openSession(walk, truth);
  if (node.standing === "alive") forget(walk, node, truth);
  else if (node.standing === "silent") node.standing = "excluded";
}

function openSession(walk: Walk, truth: Truth): void {
  truth.session++;
  truth.order = null;
  for (const service of walk.world.services) {
    if (!truth.standings.has(service.name)) continue;
    const standing = truth.standings.get(service.name);
    const runsOn = holdsOf(service) === "exclusive" && standing !== "stopped" && standing !== "standby";
    truth.standings.set(service.name, runsOn ? "unknown" : "stopped");
  }
}

/** The leader meets a new session: it knows nothing of it. What it ordered before stays on record. */
function forget(walk: Walk, node: ToyNode, truth: Truth): void {
  const memory = memoryOf(walk, node.id);
  memory.session = truth.session;
  memory.wanted = "";
  node.reported = false;
  node.obeys = null;
  for (const seen of node.services.values()) Object.assign(seen, { standing: null, activeSince: null });
}

/** A new leadership knows nothing; whoever is silent has to be heard or excluded first. */
function lead(walk: Walk): void {
  if (!walk.prng.chance(0.05)) return;
  walk.term++;
  for (const node of walk.world.nodes) {
    forget(walk, node, walk.truths.get(node.id) as Truth);
    memoryOf(walk, node.id).number = 0;
    for (const seen of node.services.values())
      Object.assign(seen, { orderedActive: null, activeSince: null });
  }
}

function changeHealth({ prng, world }: Walk, node: ToyNode): void {
  for (const seen of node.services.values()) {
    seen.health = prng.pick(["healthy", "healthy", "healthy", "failing", "unknown"]);
    seen.failedAt = prng.chance(0.2) ? world.now : null;
    seen.fitSince = prng.chance(0.5) ? instant(world.now - ms(prng.int(1_000_000))) : null;
  }
  node.leaving = prng.chance(0.05);
  node.reach = prng.pick(["ok", "ok", "none", "unknown"]);
}

function wish({ prng, world }: Walk, node: ToyNode): void {
  const service = prng.pick(world.services).name;
  const intent = prng.pick([
    { kind: "switchover", service, to: prng.chance(0.5) ? node.id : null } as const,
    { kind: "drain", node: node.id } as const,
    { kind: "undrain", node: node.id } as const,
    { kind: "undrain", node: node.id } as const,
    { kind: "maintenance", on: prng.chance(0.3), target: { kind: "service", service } } as const,
    { kind: "maintenance", on: prng.chance(0.3), target: { kind: "node", node: node.id } } as const,
  ]);
  if (intent.kind === "maintenance" && prng.chance(0.7)) return;
  const answer = applyIntent(world.intents, intent, viewOf(world));
  if (answer.kind === "changed") world.intents = answer.doc;
}
