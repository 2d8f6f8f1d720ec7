import assert from "node:assert/strict";
import { test } from "node:test";
import type { LeaseNews } from "#model/halves.ts";
import { nodeId } from "#model/ids.ts";
import type { ClusterPicture, MemberPicture, Proving } from "#model/order.ts";
import { FOREVER, instant, term } from "#model/units.ts";
import { CONFIGURED } from "#model/voters.ts";
import { type ServiceWish, type ToyWorld, toyWorld, viewOf } from "../../../test/golden/planner-world.ts";
import { plan } from "../planner/plan.ts";
import { summarize } from "./summary.ts";

const WEB: ServiceWish = { name: "web", place: ["chip", "dale"] };

const LEASE: LeaseNews = {
  kind: "lease",
  session: { boot: 1, lapses: 0 },
  mayAct: true,
  mayActUntil: FOREVER,
  term: term(4),
  leader: nodeId("dale"),
  leads: false,
  members: [],
  othersSuffice: true,
  left: false,
  voters: { list: { id: CONFIGURED, voters: [] }, floor: CONFIGURED, isSettled: true },
  pair: null,
  watchdog: { stage: "none", timeout: null, problem: null },
};

function world(
  change: (world: ToyWorld) => void = () => {},
  services: readonly ServiceWish[] = [WEB],
): ToyWorld {
  const made = toyWorld(["chip", "dale"], services);
  for (const service of made.services) {
    const first = made.nodes.find((node) => node.id === service.place[0])?.services.get(service.name);
    if (first !== undefined) first.standing = "active";
  }
  change(made);
  return made;
}

function picture(of: ToyWorld, witness: Partial<MemberPicture> = {}): ClusterPicture {
  const members: MemberPicture[] = of.nodes.map(({ id, standing, reach, leaving }) => ({
    node: id,
    standing,
    reach,
    leaving,
    differs: false,
  }));
  members.push({
    node: nodeId("w"),
    standing: "alive",
    reach: "unknown",
    leaving: false,
    differs: false,
    ...witness,
  });
  const { placements } = plan(viewOf(of));
  return {
    leader: nodeId("dale"),
    term: term(4),
    phase: "leading",
    members,
    placements,
    intents: of.intents,
    proofs: [],
    proving: [],
  };
}

const first = (of: ToyWorld) => of.nodes[0] ?? assert.fail("no node");
const second = (of: ToyWorld) => of.nodes[1] ?? assert.fail("no node");

const BLOCKED: Proving = {
  node: nodeId("chip"),
  state: "blocked",
  text: "type `understudy confirm-dead chip`",
};
const PAIR: NonNullable<LeaseNews["pair"]> = {
  peer: nodeId("chip"),
  leadsEagerly: false,
  knowsPeer: true,
  silentSince: instant(0),
};

const ROWS: readonly (readonly [string, 0 | 1 | 2 | 3, ClusterPicture | null, LeaseNews | null])[] = [
  ["All well: web is active on chip, dale is ready to take over.", 0, picture(world()), LEASE],
  ["All well: web is active on chip.", 0, picture(world(undefined, [{ ...WEB, place: ["chip"] }])), LEASE],
  ["All well: no services are configured.", 0, picture(world(undefined, [])), LEASE],
  [
    "All well: 4 services are active, each with a node ready to take over.",
    0,
    picture(
      world(
        undefined,
        ["a", "b", "c", "d"].map((name) => ({ ...WEB, name })),
      ),
    ),
    LEASE,
  ],
  ["Degraded: w is excluded.", 1, picture(world(), { standing: "excluded" }), LEASE],
  ["Degraded: w has another configuration.", 1, picture(world(), { differs: true }), LEASE],
  [
    "Degraded: dale is silent; no other node could take web over from chip.",
    1,
    picture(world((w) => Object.assign(second(w), { standing: "silent" }))),
    LEASE,
  ],
  [
    "Degraded: no other node could take web over from chip (web is failing on dale).",
    1,
    picture(
      world((w) => {
        for (const seen of second(w).services.values()) seen.health = "failing";
      }),
    ),
    LEASE,
  ],
  [
    "Degraded: dale is drained; no other node could take a, b, c and d over from chip.",
    1,
    picture(
      world(
        (w) => {
          w.intents = { ...w.intents, drained: [nodeId("dale")] };
        },
        ["a", "b", "c", "d"].map((name) => ({ ...WEB, name })),
      ),
    ),
    LEASE,
  ],
  [
    "Degraded: the cluster is in maintenance, so nothing would be moved; dale is drained; no other node could take web over from chip.",
    1,
    picture(
      world((w) => {
        w.intents = { ...w.intents, maintenanceAll: true };
        w.intents = { ...w.intents, drained: [nodeId("dale")] };
      }),
    ),
    LEASE,
  ],
  [
    "Degraded: web is failing on chip; web is moving from chip to dale; dale may not start web yet: chip reports web active.",
    1,
    picture(
      world((w) => {
        for (const seen of first(w).services.values()) seen.health = "failing";
      }),
    ),
    LEASE,
  ],
  [
    "Down: web is on its way to dale (chip, where web was active, is excluded; dale can take it); chip is excluded.",
    2,
    picture(world((w) => Object.assign(first(w), { standing: "excluded" }))),
    LEASE,
  ],
  [
    "Degraded: chip has to be proved dead: type `understudy confirm-dead chip`.",
    1,
    { ...picture(world()), proving: [BLOCKED] },
    LEASE,
  ],
  [
    "All well: web is active on chip, dale is ready to take over.",
    0,
    { ...picture(world()), proving: [{ ...BLOCKED, state: "waiting" }] },
    LEASE,
  ],
  [
    "Degraded: nothing proves that chip is dead, so services with split: eager may be active twice.",
    1,
    picture(world()),
    { ...LEASE, pair: { ...PAIR, leadsEagerly: true } },
  ],
  [
    "Unknown: no node leads; chip is silent, and it is not proved that it is dead: type `understudy confirm-dead chip`.",
    3,
    { ...picture(world()), proving: [BLOCKED] },
    { ...LEASE, mayAct: false, leader: null, pair: PAIR },
  ],
  ["Unknown: the daemon has just started.", 3, null, null],
  [
    "Unknown: this node hears no quorum of the voters, so it cannot tell.",
    3,
    picture(world()),
    { ...LEASE, mayAct: false },
  ],
  ["Unknown: no node leads at the moment.", 3, picture(world()), { ...LEASE, leader: null }],
  ["Unknown: dale leads, but has sent no picture of the cluster yet.", 3, null, LEASE],
  [
    "Unknown: dale leads and is still asking every node what it runs.",
    3,
    { ...picture(world()), phase: "collecting" },
    LEASE,
  ],
  ["Unknown: this node is leaving the cluster.", 3, picture(world()), { ...LEASE, left: true }],
];

for (const [text, exit, seen, lease] of ROWS) {
  test(`status begins: ${text}`, () => {
    const summary = summarize(seen, lease);
    assert.equal(summary.text, text);
    assert.equal(summary.exit, exit);
  });
}
