import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId, serviceName } from "#model/ids.ts";
import type { Intent, Intents } from "#model/intents.ts";
import { term } from "#model/units.ts";
import { toyWorld, viewOf } from "../../../test/golden/planner-world.ts";
import {
  applyIntent,
  canonicalIntents,
  dropSpentSwitchovers,
  emptyIntents,
  newestIntents,
} from "./document.ts";

const VIEW = viewOf(
  toyWorld(
    ["chip", "dale"],
    [
      { name: "web", place: ["chip", "dale"] },
      { name: "mail", place: ["dale", "chip"] },
    ],
  ),
);

function changed(doc: Intents, intent: Intent): Intents {
  const answer = applyIntent(doc, intent, VIEW);
  assert.ok(answer.kind === "changed", JSON.stringify(answer));
  return answer.doc;
}

const switchover = (service: string, to: string): Intent => ({
  kind: "switchover",
  service: serviceName(service),
  to: nodeId(to),
});

test("lists are sorted and without doubles, whatever the order of the wishes", () => {
  const web = switchover("web", "dale");
  const mail = switchover("mail", "chip");
  const one = changed(changed(emptyIntents(), web), mail);
  const other = changed(changed(emptyIntents(), mail), web);
  assert.equal(JSON.stringify(one), JSON.stringify(other));
  const untidy: Intents = {
    ...emptyIntents(),
    drained: [nodeId("dale"), nodeId("chip"), nodeId("dale")],
    switchovers: [...one.switchovers].reverse(),
  };
  assert.deepEqual(canonicalIntents(untidy).drained, ["chip", "dale"]);
  assert.deepEqual(canonicalIntents(untidy).switchovers, one.switchovers);
});

test("the version is left to whoever stores the document", () => {
  const version = { term: term(3), number: 9 };
  assert.deepEqual(
    changed({ ...emptyIntents(), version }, { kind: "drain", node: nodeId("chip") }).version,
    version,
  );
});

test("a drain ends switchovers to that node", () => {
  const pinned = changed(emptyIntents(), switchover("web", "dale"));
  assert.deepEqual(changed(pinned, { kind: "drain", node: nodeId("dale") }).switchovers, []);
});

test("a switchover replaces an earlier one of the same service", () => {
  const there = changed(emptyIntents(), switchover("web", "dale"));
  const back = changed(there, switchover("web", "chip"));
  assert.deepEqual(back.switchovers, [{ service: "web", to: "chip" }]);
});

test("a switchover of a service that is gone is dropped; with nothing to drop the document stays the same object", () => {
  const doc = changed(emptyIntents(), switchover("web", "dale"));
  assert.equal(dropSpentSwitchovers(doc, VIEW), doc);
  assert.deepEqual(dropSpentSwitchovers(doc, { ...VIEW, services: [] }).switchovers, []);
});

test("maintenance of what is not configured can be ended, but not begun", () => {
  const target = { kind: "node", node: nodeId("zoe") } as const;
  const begun = applyIntent(emptyIntents(), { kind: "maintenance", on: true, target }, VIEW);
  assert.equal(begun.kind, "refused");
  const old = { ...emptyIntents(), maintenanceNodes: [nodeId("zoe")] };
  assert.deepEqual(changed(old, { kind: "maintenance", on: false, target }).maintenanceNodes, []);
});

test("the newest document has the highest term, then the highest number", () => {
  const [a, b, c] = [
    [1, 9],
    [2, 1],
    [2, 3],
  ].map(([t = 0, number = 0]) => ({
    ...emptyIntents(),
    version: { term: term(t), number },
  }));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  assert.equal(newestIntents([a, c, b]), c);
  assert.equal(newestIntents([b, a]), b);
  assert.equal(newestIntents([]), null);
});
