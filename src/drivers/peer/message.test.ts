import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId, serviceName } from "#model/ids.ts";
import type { Intents } from "#model/intents.ts";
import type { Message } from "#model/order.ts";
import { term } from "#model/units.ts";
import { completed } from "./defaults.ts";
import { isHonest, isMessage, isOfUnknownKind, slotOf } from "./message.ts";

const a = nodeId("a");
const b = nodeId("b");
const web = serviceName("web");
const session = { boot: 2, lapses: 1 };
const version = { term: term(3), number: 4 };
const intents: Intents = {
  version,
  maintenanceAll: false,
  maintenanceNodes: [a],
  maintenanceServices: [web],
  drained: [b],
  switchovers: [{ service: web, to: b }],
};

const MESSAGES: readonly Message[] = [
  {
    kind: "order",
    order: { id: { term: term(3), number: 1 }, to: b, session, wanted: [{ service: web, role: "active" }] },
    picture: {
      leader: a,
      term: term(3),
      phase: "leading",
      members: [{ node: b, standing: "alive", reach: "ok", leaving: false, differs: false }],
      placements: [
        {
          service: web,
          node: b,
          reasons: [{ code: "stays", text: "b may act" }],
          active: null,
          waiting: { code: "proof", text: "a has not lapsed" },
          health: "healthy",
          ready: [a],
        },
      ],
      intents,
      proofs: [
        { node: nodeId("chip"), boot: 7, lapses: null, kind: "fenced", sentence: "its power is off" },
        { node: nodeId("eve"), boot: 7, lapses: 2, kind: "watchdog", sentence: "it fired" },
      ],
      proving: [{ node: nodeId("chip"), state: "blocked", text: "type it" }],
    },
    reportSeen: 9,
  },
  {
    kind: "report",
    report: {
      node: a,
      session,
      number: 5,
      term: term(3),
      order: null,
      services: [
        {
          service: web,
          standing: "changing",
          health: "unknown",
          failures: 0,
          stuck: true,
          heldDown: true,
          flaps: 2,
          detail: "starts",
        },
      ],
      reach: "none",
      leaving: true,
      config: "0123456789abcdef",
      intents,
      proofs: [],
    },
  },
  { kind: "store-intents", term: term(3), intents },
  { kind: "intents-stored", term: term(3), version },
  {
    kind: "ask",
    id: "a-1",
    term: term(3),
    intent: { kind: "maintenance", on: true, target: { kind: "node", node: a } },
  },
  { kind: "ask", id: "a-2", term: term(3), intent: { kind: "switchover", service: web, to: null } },
  { kind: "ask", id: "a-3", term: term(3), intent: { kind: "drain", node: a } },
  { kind: "answer", id: "a-1", term: term(3), answer: { kind: "accepted", version, text: "done" } },
  { kind: "answer", id: "a-2", term: term(3), answer: { kind: "refused", reason: "no such service" } },
];

/** Every way to take one property or item away, or to put something else in its place. */
function* broken(value: unknown): Generator<unknown> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const rest = Object.entries(value).filter(([other]) => other !== name);
    if (!Array.isArray(value)) yield Object.fromEntries(rest);
    for (const other of [{}, ...broken(inner)]) {
      if (Array.isArray(value)) yield value.with(Number(name), other);
      else yield { ...value, [name]: other };
    }
  }
}

test("every message passes, also after a way through JSON", () => {
  for (const message of MESSAGES) assert.ok(isMessage(JSON.parse(JSON.stringify(message))), message.kind);
});

test("a message with any part missing or of another kind does not pass", () => {
  let count = 0;
  for (const message of MESSAGES) {
    for (const wrong of broken(message)) {
      count++;
      assert.ok(!isMessage(wrong), JSON.stringify(wrong));
    }
  }
  assert.ok(count > 150);
  for (const wrong of [null, 1, "order", [], {}, { kind: "toString" }, { kind: null }])
    assert.ok(!isMessage(wrong));
});

/** The value without these properties, wherever they stand. */
function without(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => without(item, names));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !names.includes(name));
  return Object.fromEntries(kept.map(([name, inner]) => [name, without(inner, names)]));
}

const ADDED = ["proofs", "proving", "stuck", "heldDown", "flaps"];

test("a message of a version that lacks the newer fields is completed, and others stay as they are", () => {
  for (const message of MESSAGES) {
    const older = without(message, ADDED);
    assert.ok(isMessage(completed(structuredClone(older))), message.kind);
    assert.deepEqual(completed(structuredClone(message)), message);
  }
  const [order, report] = MESSAGES.map((message) => completed(without(message, ADDED)));
  assert.deepEqual((order as { picture: unknown }).picture, {
    ...(MESSAGES[0] as { picture: object }).picture,
    ...{ proofs: [], proving: [] },
  });
  assert.equal((report as { report: { services: { stuck: boolean }[] } }).report.services[0]?.stuck, false);
  for (const other of [null, 1, "order", [], {}, { report: null }, { report: { services: [1] }, picture: 1 }])
    assert.ok(!isMessage(completed(other)));
});

test("fields that a later version added are passed over, and its kinds are told from nonsense", () => {
  for (const message of MESSAGES) {
    assert.ok(isMessage({ ...message, ahead: "of us" }));
    assert.ok(!isOfUnknownKind(message));
  }
  assert.deepEqual([{ kind: "later" }, { kind: "toString" }].map(isOfUnknownKind), [true, true]);
  assert.deepEqual([null, 1, {}, { kind: 1 }, { kind: "report" }].map(isOfUnknownKind), Array(5).fill(false));
});

test("nobody reports for another, and an order is for its receiver", () => {
  const [order, report] = MESSAGES;
  assert.ok(order !== undefined && report !== undefined);
  assert.deepEqual(
    [isHonest(order, a, b), isHonest(order, a, a), isHonest(order, b, b)],
    [true, false, false],
  );
  assert.deepEqual([isHonest(report, a, b), isHonest(report, b, a)], [true, false]);
});

test("documents replace each other, questions and answers do not", () => {
  assert.equal(new Set(MESSAGES.map(slotOf)).size, 4 + 5);
});
