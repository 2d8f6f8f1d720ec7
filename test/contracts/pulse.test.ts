// The pulse port over real sockets on loopback: what arrives, what is refused, what a bad address says.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { afterEach, test } from "node:test";
import type { DatagramOptions } from "#drivers/datagrams/datagrams.ts";
import { createSealer } from "#drivers/datagrams/seal.ts";
import { createPulses, type Pulses } from "#drivers/pulse/pulses.ts";
import { ByteWriter } from "#lib/bytes.ts";
import { Prng } from "#lib/prng.ts";
import type { MemberConfig } from "#model/config.ts";
import { type NodeId, nodeId } from "#model/ids.ts";
import { OWN } from "#model/protocol.ts";
import type { Pulse } from "#model/pulse.ts";
import { ms, NO_TERM } from "#model/units.ts";
import type { ReceivedPulse } from "#ports/pulse.ts";
import { address, datagrams, ids, KEY, member, PORT, until } from "./loopback.ts";

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function pulseOf(from: string, number: number, boot = 1): Pulse {
  return {
    from: nodeId(from),
    number,
    session: { boot, lapses: 0 },
    voters: "0123456789abcdef",
    config: "0123456789abcdef",
    lease: ms(500),
    term: NO_TERM,
    heard: [{ node: nodeId("b"), boot: 1, number: 7, counts: true }],
    vote: null,
    voteIsFree: true,
    candidate: null,
    leads: null,
    gaveUp: NO_TERM,
    promises: [],
    exclude: [],
    reset: [],
    readmit: [],
    resetDone: null,
    watchdog: null,
    list: null,
    left: false,
    hurry: false,
  };
}

interface Node {
  readonly pulses: Pulses;
  readonly received: ReceivedPulse[];
  readonly links: (readonly [number, string | null])[];
  /** Whose protocol is not understood, or is again, oldest first. */
  readonly foreign: (readonly [NodeId, number | null])[];
  readonly problem: string | null;
}

async function start(
  me: string,
  members: readonly MemberConfig[],
  changes: Partial<DatagramOptions> = {},
): Promise<Node> {
  const { open, ready, links } = datagrams(me, members, changes);
  const received: ReceivedPulse[] = [];
  const foreign: (readonly [NodeId, number | null])[] = [];
  const pulses = createPulses({
    me: nodeId(me),
    boot: changes.boot ?? 1,
    open,
    received: (pulse) => received.push(pulse),
    foreign: (from, protocol) => foreign.push([from, protocol]),
  });
  opened.push(pulses.datagrams);
  return { pulses, received, links, foreign, problem: await ready };
}

/** A socket of a stranger's, and what it was sent. */
async function stranger(): Promise<{
  send(bytes: Uint8Array, to: string): Promise<void>;
  readonly got: Uint8Array[];
}> {
  const socket = createSocket("udp4");
  opened.push(socket);
  const got: Uint8Array[] = [];
  socket.on("message", (bytes) => got.push(bytes));
  await new Promise<void>((resolve) => socket.bind(0, address(), resolve));
  const send = (bytes: Uint8Array, to: string) =>
    new Promise<void>((resolve) => socket.send(bytes, PORT, to, () => resolve()));
  return { send, got };
}

test("a pulse reaches every receiver over every link that both have", async () => {
  const members = [
    member("a", [address(), address()]),
    member("b", [address(), address()]),
    member("c", [address()]),
  ];
  const [a, b, c] = [await start("a", members), await start("b", members), await start("c", members)];
  assert.deepEqual([a.problem, b.problem, c.problem], [null, null, null]);
  const pulse = pulseOf("a", 1);
  a.pulses.send(pulse, ids("b", "c", "nobody", "a"));
  await until(() => b.received.length === 2 && c.received.length === 1, "three copies");
  assert.deepEqual(b.received.map(({ link }) => link).toSorted(), [0, 1]);
  assert.deepEqual(
    [...b.received, ...c.received].map((received) => received.pulse),
    [pulse, pulse, pulse],
  );
  assert.equal(a.pulses.datagrams.counters.sent, 3);
  assert.equal(b.pulses.datagrams.counters.received, 2);
});

test("what another key or cluster sealed is counted, dropped and not answered", async () => {
  const members = [member("a", [address()]), member("b", [address()])];
  const b = await start("b", members);
  const { refused } = b.pulses.datagrams.counters;
  for (const [count, changes] of [{ key: new Uint8Array(32) }, { cluster: "other" }].entries()) {
    const a = await start("a", members, changes);
    a.pulses.send(pulseOf("a", 1), ids("b"));
    await until(() => refused.notAuthentic === count + 1, "a refusal");
    assert.deepEqual(a.pulses.datagrams.counters.refused, {
      ...a.pulses.datagrams.counters.refused,
      notAuthentic: 0,
    });
    a.pulses.datagrams.close();
  }
  assert.equal(b.received.length, 0);
  assert.equal(b.pulses.datagrams.counters.sent, 0);
});

test("a holder of the key that is no member is refused, and so is one's own echo", async () => {
  const [first, second] = [member("a", [address()]), member("b", [address()])];
  const b = await start("b", [first, second]);
  const x = await start("x", [member("x", [address()]), second]);
  x.pulses.send(pulseOf("x", 1), ids("b"));
  await until(() => b.pulses.datagrams.counters.refused.foreignSender === 1, "a refusal");
  const { send } = await stranger();
  await send(contentOf("b", 1, new Uint8Array()), second.links[0] ?? "");
  await until(() => b.pulses.datagrams.counters.refused.foreignSender === 2, "another refusal");
  assert.equal(b.received.length, 0);
});

/** A datagram as a holder of the key makes it. */
function contentOf(from: string, boot: number, body: Uint8Array): Uint8Array {
  const writer = new ByteWriter(2000, "a test");
  writer.text(from);
  writer.whole(boot);
  writer.raw(body);
  return createSealer({ key: KEY, cluster: "test", purpose: "pulse" }).seal(writer.written()).datagram;
}

test("10,000 random, cut and changed datagrams do no harm", async () => {
  const members = [member("a", [address()]), member("b", [address()])];
  const [a, b] = [await start("a", members), await start("b", members)];
  const { counters } = b.pulses.datagrams;
  const to = members[1]?.links[0] ?? "";
  const { send, got } = await stranger();
  const prng = Prng.from(11);
  const good = Uint8Array.from(contentOf("a", 1, Uint8Array.from([1, 2, 3])));
  const total = () => {
    const { notAuthentic, malformed, foreignSender, tooLarge, replayed } = counters.refused;
    return notAuthentic + malformed + foreignSender + tooLarge + replayed;
  };
  for (let sent = 0; sent < 10_000; sent++) {
    const kind = sent % 4;
    let bytes = Uint8Array.from({ length: prng.int(1700) }, () => prng.int(256));
    if (kind === 1) bytes = good.slice(0, prng.int(good.length));
    if (kind === 2) {
      bytes = good.slice();
      const at = prng.int(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 + prng.int(255));
    }
    if (kind === 3) bytes[0] = 1;
    await send(bytes, to);
    // Small enough for any socket buffer: every one of them must be seen.
    if (sent % 50 === 49) await until(() => total() === sent + 1, `${sent + 1} refusals`);
  }
  assert.ok(counters.refused.notAuthentic > 4000 && counters.refused.malformed > 1000);
  assert.ok(counters.refused.tooLarge > 100);
  assert.deepEqual([counters.received, counters.sent, b.received.length, got.length], [0, 0, 0, 0]);
  a.pulses.send(pulseOf("a", 1), ids("b"));
  await until(() => b.received.length === 1, "a good pulse afterwards");
});

/** Says to b whatever it is told to, in a's name. */
async function mouthOf(a: string, members: readonly MemberConfig[]): Promise<(...body: number[]) => void> {
  const { open, ready } = datagrams(a, members);
  const port = open(() => true);
  opened.push(port);
  await ready;
  return (...body) => port.send(Uint8Array.from(body), ids("b"), "all");
}

test("an authentic datagram that is no pulse is malformed", async () => {
  const members = [member("a", [address()]), member("b", [address()])];
  const b = await start("b", members);
  const says = await mouthOf("a", members);
  for (const body of [[OWN.protocol, OWN.oldest, 3], [OWN.protocol], [0, 0, 0], []]) says(...body);
  await until(() => b.pulses.datagrams.counters.refused.malformed === 4, "four refusals");
  assert.deepEqual([b.received, b.foreign], [[], []]);
});

test("a member of another protocol is counted, told of once, and used again when it is understood", async () => {
  const members = [member("a", [address()]), member("b", [address()])];
  const b = await start("b", members);
  const says = await mouthOf("a", members);
  const far = OWN.protocol + 2;
  for (let times = 0; times < 3; times++) says(far, OWN.protocol);
  // Near enough, but it says itself that it does not understand this one; and the first one of all.
  says(OWN.protocol + 1, OWN.protocol + 1, 1);
  says(1, 200, 7);
  await until(() => b.pulses.refusedForeign === 5, "five refusals");
  const told: Node["foreign"] = [
    [nodeId("a"), far],
    [nodeId("a"), OWN.protocol + 1],
    [nodeId("a"), 1],
  ];
  assert.deepEqual([b.received, b.foreign], [[], told]);
  assert.equal(b.pulses.datagrams.counters.refused.malformed, 0);
  opened.pop()?.close();
  const again = await start("a", members, { boot: 2 });
  assert.equal(again.problem, null);
  for (const number of [1, 2]) again.pulses.send(pulseOf("a", number, 2), ids("b"));
  await until(() => b.received.length === 2, "its pulses");
  assert.deepEqual(b.foreign, [...told, [nodeId("a"), null]]);
});

test("a recorded datagram passes while it is recent, and never once it is old or of an earlier boot", async () => {
  const members = [member("a", [address()]), member("b", [address()])];
  const b = await start("b", members);
  const { counters } = b.pulses.datagrams;
  const to = members[1]?.links[0] ?? "";
  // A tap in a's place: it hears what b would have heard.
  const recorded: Uint8Array[] = [];
  const tap = createSocket("udp4");
  opened.push(tap);
  tap.on("message", (bytes) => recorded.push(bytes));
  const tapped = address();
  await new Promise<void>((resolve) => tap.bind(PORT, tapped, resolve));
  const a = await start("a", [member("a", members[0]?.links ?? []), member("b", [tapped])]);
  for (let number = 1; number <= 66; number++) a.pulses.send(pulseOf("a", number), ids("b"));
  await until(() => recorded.length === 66, "the recording");
  const { send } = await stranger();
  const at = (index: number) => recorded[index] ?? new Uint8Array();
  for (const index of [0, 0, 65, 2, 1]) await send(at(index), to);
  await until(() => counters.received + counters.refused.replayed === 5, "five verdicts");
  assert.deepEqual(
    b.received.map(({ pulse }) => pulse.number),
    [1, 1, 66, 3],
  );
  a.pulses.datagrams.close();
  const restarted = await start("a", members, { boot: 2 });
  restarted.pulses.send(pulseOf("a", 1, 2), ids("b"));
  await until(() => b.received.length === 5, "the pulse of the next boot");
  await send(at(65), to);
  await until(() => counters.refused.replayed === 2, "a refusal");
});

test("a pulse that is too large for a datagram is a bug and says so", async () => {
  const members = [member("a", [address()]), member("b", [address()])];
  const a = await start("a", members);
  const exclude = Array.from({ length: 60 }, (_, i) => nodeId(`${"long-name-".repeat(5)}${i}`));
  assert.throws(
    () => a.pulses.send({ ...pulseOf("a", 1), exclude }, ids("b")),
    /a pulse fits into 1320 bytes/,
  );
  assert.throws(() => a.pulses.send(pulseOf("b", 1), ids("b")), /speaks for itself/);
});

test("a port that is in use is named, and the daemon cannot run", async () => {
  const shared = address();
  const members = [member("a", [shared]), member("b", [address()])];
  const first = await start("a", members);
  const second = await start("a", members);
  assert.equal(first.problem, null);
  assert.equal(second.problem, `UDP port ${PORT} of ${shared} is in use; does another daemon run here?`);
});

test("a missing address is reported and tried again; without any address the daemon cannot run", async () => {
  // RFC 5737: addresses for documentation are on no host.
  const members = [member("a", [address(), "203.0.113.1"]), member("b", [address(), address()])];
  const [a, b] = [await start("a", members), await start("b", members)];
  assert.equal(a.problem, null);
  assert.deepEqual(a.links, [[1, "the link address 203.0.113.1 is not on this host"]]);
  a.pulses.send(pulseOf("a", 1), ids("b"));
  await until(() => b.received.length === 1, "a pulse over the other link");
  assert.equal(a.pulses.datagrams.counters.unsent, 1);
  const lost = await start("c", [member("c", ["203.0.113.1", "203.0.113.2"])]);
  assert.match(
    lost.problem ?? "",
    /203\.0\.113\.1 is not on this host; the link address 203\.0\.113\.2 is not/,
  );
});

test("after a change of members new links are open and old ones closed", async () => {
  const [own, other, moved, next] = [address(), address(), address(), address()];
  const before = [member("a", [own]), member("b", [other])];
  const [a, b] = [await start("a", before), await start("b", before)];
  const now = [member("a", [own, next]), member("b", [moved, address()]), member("c", [address()])];
  a.pulses.datagrams.setMembers(now);
  b.pulses.datagrams.setMembers(now);
  await until(() => a.links.length === 1 && b.links.length === 2, "news of three links");
  assert.deepEqual(
    [...a.links, ...b.links].map(([, problem]) => problem),
    [null, null, null],
  );
  a.pulses.send(pulseOf("a", 1), ids("b"));
  await until(() => b.received.length === 2, "both links");
  const free = createSocket("udp4");
  opened.push(free);
  await new Promise<void>((resolve) => free.bind(PORT, other, resolve));
});
