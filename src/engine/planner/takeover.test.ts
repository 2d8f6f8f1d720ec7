import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceName } from "#model/ids.ts";
import type { MemberStanding } from "#model/order.ts";
import type { Holds, Standing } from "#model/role.ts";
import { toyWorld, viewOf } from "../../../test/golden/planner-world.ts";
import { judgeTakeover } from "./takeover.ts";
import type { NodeView } from "./view.ts";

const WEB = serviceName("web");

interface Row {
  readonly standing?: MemberStanding;
  readonly reported?: boolean;
  readonly says?: Standing | null;
  readonly stuck?: boolean;
  readonly ordered?: number | null;
  readonly obeys?: number | null;
  /** What it yields for a service that holds grants, then for an exclusive one. */
  readonly yields: readonly [string, string];
}

const ROWS: readonly Row[] = [
  // Alive: only its word counts.
  { says: "stopped", yields: ["yes stopped", "yes stopped"] },
  { says: "standby", yields: ["yes stopped", "yes stopped"] },
  { says: "active", yields: ["no still-active", "no still-active"] },
  { says: "changing", yields: ["no changing", "no changing"] },
  { says: "unknown", yields: ["no state-unknown", "no state-unknown"] },
  { says: null, reported: false, yields: ["no not-reported", "no not-reported"] },
  // Everything was tried, also while it is tried once more.
  { says: "unknown", stuck: true, yields: ["no stuck", "no stuck"] },
  { says: "changing", stuck: true, yields: ["no stuck", "no stuck"] },
  // It reported, but does not know the service: it has nothing of it.
  { says: null, reported: true, yields: ["yes stopped", "yes stopped"] },
  // A word of an earlier session is none.
  { says: "stopped", reported: false, yields: ["no not-reported", "no not-reported"] },
  // Stopped counts only after every order that wanted it active.
  { says: "stopped", ordered: 3, obeys: null, yields: ["no ordered", "no ordered"] },
  { says: "stopped", ordered: 3, obeys: 2, yields: ["no ordered", "no ordered"] },
  { says: "stopped", ordered: 3, obeys: 3, yields: ["no ordered", "no ordered"] },
  { says: "stopped", ordered: 3, obeys: 4, yields: ["yes stopped", "yes stopped"] },
  // Silence proves nothing, an earlier word does.
  { standing: "silent", says: "active", yields: ["no silent", "no silent"] },
  { standing: "silent", says: null, reported: false, yields: ["no silent", "no silent"] },
  { standing: "silent", says: "stopped", yields: ["yes stopped", "yes stopped"] },
  { standing: "silent", says: "stopped", ordered: 3, obeys: 3, yields: ["no silent", "no silent"] },
  // A lapse revokes grants, and no process.
  { standing: "excluded", says: "active", yields: ["yes lapsed", "no unproved"] },
  { standing: "excluded", says: "unknown", yields: ["yes lapsed", "no unproved"] },
  { standing: "excluded", says: null, reported: false, yields: ["yes lapsed", "no unproved"] },
  { standing: "excluded", says: "stopped", yields: ["yes stopped", "yes stopped"] },
  { standing: "excluded", says: "stopped", ordered: 3, obeys: 3, yields: ["yes lapsed", "no unproved"] },
  { standing: "left", says: "active", yields: ["yes left", "yes left"] },
  { standing: "left", says: "stopped", yields: ["yes stopped", "yes stopped"] },
];

function judge(row: Row, holds: Holds): string {
  const world = toyWorld(["chip"], [{ name: "web", place: ["chip"] }]);
  const [node] = world.nodes;
  assert.ok(node !== undefined);
  node.standing = row.standing ?? "alive";
  node.reported = row.reported ?? true;
  node.obeys = row.obeys ?? null;
  const seen = node.services.get(WEB);
  assert.ok(seen !== undefined);
  seen.standing = row.says ?? null;
  seen.stuck = row.stuck ?? false;
  seen.orderedActive = row.ordered ?? null;
  const [view] = viewOf(world).nodes;
  assert.ok(view !== undefined);
  const { proved, reason } = judgeTakeover(WEB, holds, view);
  return `${proved ? "yes" : "no"} ${reason.code}`;
}

for (const row of ROWS) {
  const { yields, ...what } = row;
  test(`a takeover from a node that is ${JSON.stringify(what)}`, () => {
    assert.deepEqual([judge(row, "grants"), judge(row, "exclusive")], yields);
  });
}

test("a proof from outside is enough by itself", () => {
  const world = toyWorld(["chip"], [{ name: "web", place: ["chip"] }]);
  const [view] = viewOf(world).nodes;
  assert.ok(view !== undefined);
  const proof = { kind: "fenced", sentence: "the power switch of chip says off" } as const;
  const gone: NodeView = { ...view, standing: "excluded", reported: false, proof };
  const verdict = judgeTakeover(WEB, "exclusive", gone);
  assert.deepEqual(verdict, { proved: true, reason: { code: "fenced", text: proof.sentence } });
});
