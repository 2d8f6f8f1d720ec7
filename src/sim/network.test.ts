import assert from "node:assert/strict";
import { test } from "node:test";
import { Network } from "./network.ts";
import { World } from "./world.ts";

const CALM = { loss: 0, delayFrom: 1, delayTo: 2, twice: 0 };

function network(): {
  world: World;
  net: Network;
  sent: (from: number, to: number, count: number) => number[];
} {
  const world = new World(3, false);
  const net = new Network(world, { hosts: 3, links: 2, calm: CALM });
  const sent = (from: number, to: number, count: number): number[] => {
    const got: number[] = [];
    for (let i = 0; i < count; i++) net.send(from, to, 0, () => got.push(i));
    world.runUntil(world.now + 10_000);
    return got;
  };
  return { world, net, sent };
}

test("a cut loses one direction of one link and nothing else", () => {
  const { world, net, sent } = network();
  net.path(0, 1, 0).cuts += 1;
  assert.deepEqual(sent(0, 1, 5), []);
  assert.equal(sent(1, 0, 5).length, 5);
  assert.equal(sent(0, 2, 5).length, 5);
  let arrived = 0;
  net.send(0, 1, 1, () => {
    arrived += 1;
  });
  world.runUntil(world.now + 10);
  assert.equal(arrived, 1);
});

test("overlapping cuts end when the last of them ends", () => {
  const { net, sent } = network();
  const path = net.path(0, 1, 0);
  path.cuts += 2;
  path.cuts -= 1;
  assert.equal(sent(0, 1, 3).length, 0);
  path.cuts -= 1;
  assert.equal(sent(0, 1, 3).length, 3);
});

test("loss loses its share, doubling doubles its share, a wide range of delays reorders", () => {
  const { net, sent } = network();
  net.path(0, 1, 0).loss = 0.3;
  const kept = sent(0, 1, 2_000).length;
  assert.ok(Math.abs(kept - 1_400) < 100, `${kept}`);
  net.path(0, 2, 0).twice = 0.5;
  assert.ok(Math.abs(sent(0, 2, 2_000).length - 3_000) < 150);
  net.path(1, 2, 0).delayTo = 500;
  const order = sent(1, 2, 50);
  assert.equal(order.length, 50);
  assert.notDeepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
});

test("a message is sent again until it got through, once, and not after its sender died", () => {
  const { world, net } = network();
  const path = net.path(0, 1, 0);
  const other = net.path(0, 1, 1);
  path.cuts = 1;
  other.cuts = 1;
  let arrived = 0;
  let isAlive = true;
  const send = () =>
    net.sendMessage(
      0,
      1,
      () => isAlive,
      () => {
        arrived += 1;
      },
    );
  send();
  world.runUntil(500);
  assert.equal(arrived, 0);
  path.cuts = 0;
  world.runUntil(1_000);
  assert.equal(arrived, 1);
  path.cuts = 1;
  send();
  world.runUntil(1_200);
  isAlive = false;
  path.cuts = 0;
  world.runUntil(9_000);
  assert.equal(arrived, 1);
});
