// Fence devices that are asked for their status while nothing is wrong: in the background, and for an operator.

import type { FenceDevice } from "#model/fencing.ts";
import type { NodeId } from "#model/ids.ts";
import type { Instant } from "#model/units.ts";
import { between, FOREVER, NEVER, plus } from "#model/units.ts";
import { journalLine } from "../leader/command.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import type { FenceSaid } from "./procedure-device.ts";
import { type DeviceTest, withFencing } from "./state.ts";

/** Answers this recent belong to the test that ends, ms. */
const JUST_NOW = 60_000;

const keyOf = ({ node, device }: Pick<DeviceTest, "node" | "device">): string => `${node}/${device}`;

export function testDevices(state: WorkerState, now: Instant, effects: WorkerEffect[]): WorkerState {
  if (now < nextTestAt(state)) return state;
  const devices = state.config.fencing.nodes
    .filter(({ node }) => node !== state.identity.self)
    .flatMap(({ node, levels }) => levels.flat().map((device) => ({ node, device })));
  const tested = askStatus(state, devices, null, effects);
  return withFencing(tested, { testedAt: now });
}

export function askStatus(
  state: WorkerState,
  devices: readonly { readonly node: NodeId; readonly device: FenceDevice }[],
  deed: DeviceTest["deed"],
  effects: WorkerEffect[],
): WorkerState {
  let { lastCallId } = state.fencing;
  const testing = new Map(state.fencing.testing);
  for (const { node, device } of devices) {
    if (device.kind === "operator" || device.kind === "ssh") continue;
    lastCallId += 1;
    testing.set(lastCallId, { node, device: device.id, deed });
    effects.push({ kind: "fence-call", callId: lastCallId, node, device, verb: "status" });
  }
  return withFencing(state, { lastCallId, testing });
}

export function foldTested(
  state: WorkerState,
  callId: number,
  test: DeviceTest,
  said: FenceSaid,
  now: Instant,
  effects: WorkerEffect[],
): WorkerState {
  const testing = new Map(state.fencing.testing);
  testing.delete(callId);
  const answered = said.kind === "is-on" || said.kind === "is-off";
  const { node, device, deed } = test;
  const before = state.fencing.devices.get(keyOf(test));
  // A test makes room for the fencing of its node: that it came to nothing says nothing about the device.
  if (!answered && deed === null && state.fencing.running?.node === node)
    return withFencing(state, { testing });
  const problem = answered ? null : said.detail;
  const answeredAt = answered ? now : (before?.answeredAt ?? NEVER);
  const devices = new Map(state.fencing.devices).set(keyOf(test), {
    node,
    device,
    problem,
    answeredAt,
    askedAt: now,
  });
  if (problem !== null && before?.problem !== problem)
    effects.push(
      journalLine("fence", node, `${device} does not answer`, "device-silent", problem, state.node.term),
    );
  if (problem === null && before !== undefined && before.problem !== null)
    effects.push(
      journalLine("fence", node, `${device} answers`, "device-answers", said.detail, state.node.term),
    );
  const next = withFencing(state, { testing, devices });
  const isLast = deed !== null && ![...testing.values()].some((other) => other.deed?.id === deed.id);
  if (isLast) effects.push({ kind: "deed-done", id: deed.id, answer: testAnswer(next, deed.node, now) });
  return next;
}

function testAnswer(
  state: WorkerState,
  about: NodeId | null,
  now: Instant,
): Extract<WorkerEffect, { kind: "deed-done" }>["answer"] {
  const recent = [...state.fencing.devices.values()].filter(
    ({ node, askedAt }) => (about === null || node === about) && between(askedAt, now) < JUST_NOW,
  );
  const text = recent
    .map(
      ({ node, device, problem }) =>
        `${node}: ${device} ${problem === null ? "answers" : `fails: ${problem}`}`,
    )
    .join("\n");
  return recent.some(({ problem }) => problem !== null)
    ? { kind: "failed", reason: text }
    : { kind: "done", text };
}

export function nextTestAt(state: WorkerState): Instant {
  const { nodes, testEvery } = state.config.fencing;
  if (nodes.length === 0 || state.identity.isWitness) return FOREVER;
  const { firstTestAt, testedAt } = state.fencing;
  return testedAt === null ? firstTestAt : plus(testedAt, testEvery);
}
