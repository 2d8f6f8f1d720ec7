// The peer port over real sockets on loopback, with a network in between that can misbehave.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { MESSAGE_WINDOW } from "#drivers/datagrams/datagrams.ts";
import { createPeers, type Peers } from "#drivers/peer/peers.ts";
import { ByteWriter } from "#lib/bytes.ts";
import { Prng } from "#lib/prng.ts";
import type { MemberConfig } from "#model/config.ts";
import { type NodeId, nodeId } from "#model/ids.ts";
import type { Message } from "#model/order.ts";
import { OWN } from "#model/protocol.ts";
import { term } from "#model/units.ts";
import type { DatagramPort, OpenDatagrams } from "#ports/datagrams.ts";
import { address, datagrams, ids, member, until } from "./loopback.ts";

const opened: Peers[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

interface Node {
  readonly peers: Peers;
  readonly got: { readonly from: NodeId; readonly message: Message }[];
}

type Disturb = (open: OpenDatagrams) => OpenDatagrams;

async function start(
  me: string,
  members: readonly MemberConfig[],
  disturb: Disturb = (open) => open,
): Promise<Node> {
  const { open, ready } = datagrams(me, members, { purpose: "message", replayWindow: MESSAGE_WINDOW });
  const got: Node["got"] = [];
  const peers = createPeers({
    me: nodeId(me),
    boot: 1,
    open: disturb(open),
    received: (from, message) => got.push({ from, message }),
  });
  opened.push(peers);
  assert.equal(await ready, null);
  return { peers, got };
}

/** An answer to a question: the only message of any length; each has a slot of its own. */
function messageOf(id: string, length: number, prng: Prng | null = null): Message {
  const digits = prng === null ? "x".repeat(length) : hexOf(prng, length);
  return { kind: "answer", id, term: term(1), answer: { kind: "refused", reason: digits } };
}

/** Text that deflates to half its length at best. */
function hexOf(prng: Prng, length: number): string {
  let text = "";
  while (text.length < length) text += prng.uint32().toString(16).padStart(8, "0");
  return text.slice(0, length);
}

/** Loses a share of all datagrams on arrival, hands some on twice, and others later than those behind them. */
function lossy(seed: number, share: number): Disturb {
  const prng = Prng.from(seed);
  return (open) => (received) => {
    const port: DatagramPort = open((datagram) => {
      if (prng.float() < share) return true;
      const copies = prng.float() < share ? 2 : 1;
      for (let i = 0; i < copies; i++) {
        if (prng.float() < share) setTimeout(() => received(datagram), prng.int(8));
        else received(datagram);
      }
      return true;
    });
    return port;
  };
}

const two = (): readonly MemberConfig[] => [
  member("a", [address(), address()]),
  member("b", [address(), address()]),
];

test("messages small and large arrive, each once, with their sender", async () => {
  const members = two();
  const [a, b] = [await start("a", members), await start("b", members)];
  const messages = [messageOf("1", 10), messageOf("2", 5000), messageOf("3", 5000, Prng.from(1))];
  for (const message of messages) a.peers.send(nodeId("b"), message);
  await until(() => b.got.length === 3, "three messages");
  for (const message of messages) {
    assert.deepEqual(
      b.got.filter((got) => slot(got.message) === slot(message)),
      [{ from: nodeId("a"), message }],
    );
  }
  assert.deepEqual(b.peers.counters, { sent: 0, received: 3, lost: 0, malformed: 0, unknown: 0 });
});

function slot(message: Message): string {
  return "id" in message ? message.id : message.kind;
}

test("a message to oneself is delivered like the others, not within the call", async () => {
  const a = await start("a", two());
  const message = messageOf("1", 10);
  a.peers.send(nodeId("a"), message);
  assert.equal(a.got.length, 0);
  await until(() => a.got.length === 1, "the message");
  assert.deepEqual(a.got, [{ from: nodeId("a"), message }]);
});

test("a message of a megabyte arrives, whether it deflates or not", async () => {
  const members = two();
  const [a, b] = [await start("a", members), await start("b", members)];
  const room = 2 ** 20 - 100;
  const messages = [messageOf("even", room), messageOf("mixed", room, Prng.from(2))];
  for (const message of messages) a.peers.send(nodeId("b"), message);
  await until(() => b.got.length === 2, "both");
  assert.deepEqual(new Set(b.got.map(({ message }) => message)), new Set(messages));
  assert.throws(() => a.peers.send(nodeId("b"), messageOf("more", 2 ** 20)), /at most a megabyte/);
});

test("lost, doubled and reordered datagrams delay messages and neither lose nor double them", async () => {
  const members = two();
  const [a, b] = [await start("a", members, lossy(3, 0.2)), await start("b", members, lossy(4, 0.2))];
  const prng = Prng.from(5);
  const messages = Array.from({ length: 20 }, (_, i) => messageOf(`${i}`, 1 + i * 1000, prng));
  for (const message of messages) a.peers.send(nodeId("b"), message);
  await until(() => b.got.length === messages.length, "all messages");
  const inOrder = b.got.map(({ message }) => message).toSorted((x, y) => Number(slot(x)) - Number(slot(y)));
  assert.deepEqual(inOrder, messages);
  assert.equal(a.peers.counters.lost, 0);
});

test("a message gets through over the second link while the first is dead", async () => {
  const members = two();
  const dead: Disturb = (open) => (received) => open((datagram) => datagram.link === 0 || received(datagram));
  const [a, b] = [await start("a", members, dead), await start("b", members, dead)];
  a.peers.send(nodeId("b"), messageOf("1", 10));
  await until(() => b.got.length === 1, "the first message");
  b.peers.send(nodeId("a"), messageOf("2", 50_000, Prng.from(6)));
  await until(() => a.got.length === 1, "an answer");
});

test("what is no message, or speaks for another, is acknowledged, counted and dropped", async () => {
  const members = two();
  const [a, b] = [await start("a", members), await start("b", members)];
  const foreign = { kind: "store-intents", term: term(1) } as unknown as Message;
  a.peers.send(nodeId("b"), foreign);
  const order = {
    id: { term: term(1), number: 1 },
    to: nodeId("c"),
    session: { boot: 1, lapses: 0 },
    wanted: [],
  };
  const intents = {
    version: { term: term(0), number: 0 },
    maintenanceAll: false,
    maintenanceNodes: [],
    maintenanceServices: [],
    drained: [],
    switchovers: [],
  };
  const picture = {
    leader: nodeId("a"),
    term: term(1),
    phase: "leading",
    members: [],
    placements: [],
    intents,
    proofs: [],
    proving: [],
  } as const;
  a.peers.send(nodeId("b"), { kind: "order", order, picture, reportSeen: 0 });
  await until(() => b.peers.counters.malformed === 2, "two refusals");
  assert.equal(b.got.length, 0);
});

test("a kind of a later version is acknowledged, counted and passed over; its fields do no harm", async () => {
  const members = two();
  const [a, b] = [await start("a", members), await start("b", members)];
  a.peers.send(nodeId("b"), { kind: "later", what: "nobody knows" } as unknown as Message);
  a.peers.send(nodeId("b"), { ...messageOf("1", 10), ...{ later: true } });
  await until(() => b.peers.counters.unknown + b.peers.counters.received === 2, "both");
  const { malformed, unknown } = b.peers.counters;
  assert.deepEqual([malformed, unknown, b.got.map(({ message }) => slot(message))], [0, 1, ["1"]]);
  assert.equal(a.peers.counters.lost, 0);
});

test("packets of a protocol that is not understood are passed over, and nothing is answered", async () => {
  const members = two();
  const b = await start("b", members);
  const { open, ready } = datagrams("a", members, { purpose: "message" });
  const port = open(() => true);
  await ready;
  const plain = Buffer.from(JSON.stringify(messageOf("1", 10)));
  const { counters } = b.peers.datagrams;
  try {
    const packet = (protocol: number, oldest: number) => {
      const writer = new ByteWriter(1320, "a test");
      for (const byte of [protocol, oldest, 1, 1]) writer.byte(byte);
      writer.whole(plain.length);
      for (const byte of [0, 0]) writer.byte(byte);
      writer.raw(plain);
      return writer.written();
    };
    port.send(packet(OWN.protocol + 2, OWN.protocol + 1), ids("b"), 0);
    port.send(packet(OWN.protocol + 1, OWN.protocol + 1), ids("b"), 0);
    await until(() => counters.received === 2, "two packets");
    assert.deepEqual([b.got.length, counters.sent], [0, 0]);
    port.send(packet(OWN.protocol + 1, OWN.protocol), ids("b"), 0);
    await until(() => b.got.length === 1 && counters.sent === 1, "the message and its answer");
  } finally {
    port.close();
  }
});

test("a member that is away costs nothing but its messages, and hears the next ones", async () => {
  const members = [...two(), member("c", [address()])];
  const a = await start("a", members);
  for (const to of ids("b", "c", "nobody")) a.peers.send(to, messageOf("1", 3000));
  await until(() => a.peers.counters.lost === 2, "both given up");
  const b = await start("b", members);
  a.peers.send(nodeId("b"), messageOf("2", 3000));
  await until(() => b.got.length === 1, "the next message");
  assert.equal(b.got[0] === undefined ? "" : slot(b.got[0].message), "2");
});

test("random packets from a member do no harm", async () => {
  const members = two();
  const b = await start("b", members);
  const { open, ready } = datagrams("a", members, { purpose: "message" });
  const port = open(() => true);
  await ready;
  const prng = Prng.from(7);
  const { counters } = b.peers.datagrams;
  try {
    for (let sent = 0; sent < 2000; sent++) {
      const bytes = Uint8Array.from({ length: prng.int(1300) }, (_, at) =>
        at < 2 ? OWN.protocol : at === 2 ? prng.int(4) : prng.int(256),
      );
      port.send(bytes, ids("b"), 0);
      if (sent % 50 === 49) {
        await until(() => counters.received + counters.refused.malformed === sent + 1, "verdicts");
      }
    }
    assert.equal(b.got.length, 0);
  } finally {
    port.close();
  }
});
