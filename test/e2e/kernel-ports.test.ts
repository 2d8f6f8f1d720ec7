// Guarded ports in real kernels: what passes is judged by packets. The programs that listen are no matter of the
// guard's: they run in a process of their own and go on whatever becomes of the one that arms.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { GuardedPort } from "#model/config.ts";
import type { GuardState } from "#ports/grants.ts";
import { Host, inMs, KernelLab, PORT, pause } from "./kernel-lab.ts";

const skip = process.getuid?.() === 0 ? false : "needs root for network namespaces";
const DONE = { kind: "done" };
const LONG_MS = 8000;
const FREE_PORT = PORT + 1;
const CHATTER_PORT = PORT + 2;
const PUBLISHED_PORT = PORT + 3;
const PORTS: readonly GuardedPort[] = [
  { protocol: "tcp", port: PORT },
  { protocol: "udp", port: PORT },
  { protocol: "tcp", port: CHATTER_PORT },
  { protocol: "udp", port: PUBLISHED_PORT },
];
/** Addresses of the guarded host: its own ones, and one that came later. */
const ADDRESSES = ["10.66.0.1", "fd66::1", "10.66.0.201"];

describe("guarded ports in the kernel", { skip, timeout: 90_000 }, () => {
  let lab: KernelLab;
  let owner: Host;
  /** In the same namespace. */
  let server: Host;
  let client: Host;

  before(async () => {
    lab = new KernelLab();
    owner = lab.add("owner");
    server = new Host(owner.namespace);
    client = lab.add("client");
    owner.run("ip addr add 10.66.0.201/24 dev eth0");
    for (const ip of [...ADDRESSES, "127.0.0.1"]) await server.host.respond(ip, PORT);
    for (const ip of ADDRESSES) await server.host.respond(ip, FREE_PORT);
    await server.host.chatter("10.66.0.1", CHATTER_PORT);
    for (const ip of ADDRESSES) await reachable(ip);
    assert.deepEqual(await owner.guard.install(PORTS), DONE);
  });

  after(async () => {
    await server.kill();
    await lab.end();
  });

  const isAnswered = async (ip: string, port = PORT) =>
    (await client.host.ask(ip, port, 60)).answered.length > 0;

  async function reachable(ip: string): Promise<void> {
    assert.equal(await client.host.reach(ip, PORT, 2000), "here", `${ip} over TCP`);
    assert.equal(await isAnswered(ip), true, `${ip} over UDP`);
  }

  async function closed(ip: string): Promise<void> {
    assert.equal(await client.host.reach(ip, PORT, 150), "timeout", `${ip} over TCP`);
    assert.equal(await isAnswered(ip), false, `${ip} over UDP`);
  }

  const arm = async (ms = LONG_MS) => assert.deepEqual(await owner.guard.arm(PORTS, inMs(ms)), DONE);
  const close = async () => assert.deepEqual(await owner.guard.close(PORTS), DONE);

  for (const ip of ADDRESSES) {
    test(`${ip}: closed from the moment the guard stands, open while armed, other ports untouched`, async () => {
      await closed(ip);
      assert.equal(await client.host.reach(ip, FREE_PORT, 2000), "here");
      assert.equal(await isAnswered(ip, FREE_PORT), true);
      await arm();
      await reachable(ip);
      await close();
      await closed(ip);
    });

    test(`${ip}: no question that is sent after the instant is answered, nobody renewing`, async () => {
      const until = inMs(400);
      assert.deepEqual(await owner.guard.arm(PORTS, until), DONE);
      const { asked, answered } = await client.host.ask(ip, PORT, 700);
      assert.ok(answered.length > 0 && answered.length < asked, `${answered.length} of ${asked} answered`);
      assert.deepEqual(
        answered.filter((sentAt) => sentAt >= until),
        [],
      );
      await closed(ip);
    });
  }

  test("what goes over the loopback device passes: checks and clients on the host itself", async () => {
    for (const ip of [...ADDRESSES, "127.0.0.1"]) {
      assert.equal(await server.host.reach(ip, PORT, 2000), "here", ip);
      assert.ok((await server.host.ask(ip, PORT, 60)).answered.length > 0, ip);
    }
  });

  test("a connection from before is cut off with the entry, in both directions", async () => {
    const until = inMs(500);
    assert.deepEqual(await owner.guard.arm(PORTS, until), DONE);
    const told = await client.host.talk("10.66.0.1", CHATTER_PORT, 1000);
    const heard = await server.host.heard();
    for (const times of [told, heard]) {
      assert.ok(times.length > 10, `${times.length} times came through before`);
      assert.deepEqual(
        times.filter((time) => time >= until),
        [],
      );
    }
  });

  test("a connection goes on through renewals", async () => {
    await arm(200);
    const talked = client.host.talk("10.66.0.1", CHATTER_PORT, 900);
    for (let renewals = 0; renewals < 8; renewals++) {
      await pause(100);
      await arm(200);
    }
    const last = inMs(0);
    const told = await talked;
    assert.ok(
      told.some((time) => time >= last - 200),
      "it was told the time after the first entry's end",
    );
    await close();
  });

  test("a frozen process renews nothing, and the ports close", async () => {
    const until = inMs(400);
    assert.deepEqual(await owner.guard.arm(PORTS, until), DONE);
    owner.signal("SIGSTOP");
    const { answered } = await client.host.ask("10.66.0.1", PORT, 600);
    assert.ok(answered.length > 0);
    assert.deepEqual(
      answered.filter((sentAt) => sentAt >= until),
      [],
    );
    for (const ip of ADDRESSES) await closed(ip);
    owner.signal("SIGCONT");
  });

  test("the guard outlives a process that is killed: closed until the next one opens", async () => {
    const until = inMs(300);
    assert.deepEqual(await owner.guard.arm(PORTS, until), DONE);
    await owner.kill();
    const { answered } = await client.host.ask("10.66.0.1", PORT, 500);
    assert.deepEqual(
      answered.filter((sentAt) => sentAt >= until),
      [],
    );
    for (const ip of ADDRESSES) await closed(ip);
    owner.start();
    assert.deepEqual(await owner.guard.install(PORTS), DONE);
    for (const ip of ADDRESSES) await closed(ip);
    await arm();
    for (const ip of ADDRESSES) await reachable(ip);
    await close();
  });

  test("a process that is held up after it read the clock opens nothing", async () => {
    await owner.host.holdUp(60);
    const frozen = await owner.guard.arm(PORTS, inMs(LONG_MS));
    await owner.host.holdUp(0);
    assert.equal(frozen.kind === "failed" && frozen.code, "frozen");
    await closed("10.66.0.1");
  });

  for (const damage of [
    "nft flush ruleset",
    "nft flush chain inet understudy output",
    `nft delete element inet understudy guarded_ports '{ tcp . ${PORT} }'`,
    "nft flush set inet understudy guarded_ports",
  ]) {
    test(`noticed, put back closed, and armed again: ${damage}`, async () => {
      await arm();
      owner.run(damage);
      const state: GuardState = await owner.guard.check();
      assert.equal(state.kind, "repaired");
      for (const ip of ADDRESSES) await closed(ip);
      await arm();
      for (const ip of ADDRESSES) await reachable(ip);
      await close();
    });
  }

  test("a closed port that address translation would redirect stays closed", async () => {
    owner.run(
      `nft add table ip published; nft add chain ip published pre '{ type nat hook prerouting priority -100; }'`,
    );
    owner.run(`nft add rule ip published pre udp dport ${PUBLISHED_PORT} dnat to 10.66.0.1:${FREE_PORT}`);
    try {
      await arm();
      assert.equal(await isAnswered("10.66.0.1", PUBLISHED_PORT), true);
      await close();
      assert.equal(await isAnswered("10.66.0.1", PUBLISHED_PORT), false);
    } finally {
      owner.run("nft delete table ip published");
    }
  });

  test("a host whose own port is closed reaches the port of the one that is active", async () => {
    assert.deepEqual(await client.guard.install(PORTS), DONE);
    await arm();
    for (const ip of ADDRESSES) await reachable(ip);
    assert.deepEqual(await client.guard.remove(), DONE);
    await close();
  });

  test("without the guard the ports are as they were", async () => {
    assert.deepEqual(await owner.guard.remove(), DONE);
    for (const ip of ADDRESSES) await reachable(ip);
  });
});
