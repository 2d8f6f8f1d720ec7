// The guard in real kernels: what passes is judged by packets, never by what nftables says about itself.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BOTH, type Host, inMs, KernelLab, PORT, pause, V4, V6 } from "./kernel-lab.ts";

const skip = process.getuid?.() === 0 ? false : "needs root for network namespaces";
const DONE = { kind: "done" };
const LONG_MS = 8000;

describe("the guard in the kernel", { skip, timeout: 90_000 }, () => {
  let lab: KernelLab;
  let owner: Host;
  let client: Host;

  before(async () => {
    lab = new KernelLab();
    owner = lab.add("owner");
    client = lab.add("client");
    await client.addresses.prepare(BOTH);
    assert.deepEqual(await owner.addresses.prepare(BOTH), DONE);
    assert.deepEqual(await owner.guard.install(BOTH), DONE);
    for (const address of BOTH) {
      assert.deepEqual(await owner.addresses.add(address, 600), DONE);
      await owner.host.respond(address.ip, PORT);
    }
  });

  after(() => lab.end());

  /** Whether somebody on the network says that the address is his. */
  async function isClaimed(ip: string): Promise<boolean> {
    await client.addresses.poll();
    await client.addresses.probe(ip === V4.ip ? V4 : V6);
    await pause(50);
    return (await client.addresses.poll()).some((event) => event.kind === "claimed" && event.ip === ip);
  }

  const openBoth = async (ms = LONG_MS) => assert.deepEqual(await owner.guard.arm(BOTH, inMs(ms)), DONE);
  const closeBoth = async () => assert.deepEqual(await owner.guard.close(BOTH), DONE);

  for (const { ip } of BOTH) {
    test(`${ip} is closed from the moment it is added: to the network, and to clients on the host itself`, async () => {
      await closeBoth();
      client.run("ip neigh flush dev eth0");
      assert.equal(await isClaimed(ip), false);
      assert.notEqual(await client.host.reach(ip, PORT, 300), "here");
      assert.notEqual(await owner.host.reach(ip, PORT, 300), "here");
    });

    test(`${ip} works while it is open, from everywhere`, async () => {
      await openBoth();
      assert.equal(await isClaimed(ip), true);
      assert.equal(await client.host.reach(ip, PORT, 2000), "here");
      assert.equal(await owner.host.reach(ip, PORT, 2000), "here");
      await closeBoth();
    });

    test(`no question to ${ip} that is sent after the instant is answered, nobody renewing`, async () => {
      await openBoth();
      assert.equal(await client.host.reach(ip, PORT, 2000), "here");
      const until = inMs(400);
      assert.deepEqual(await owner.guard.arm(BOTH, until), DONE);
      const { asked, answered } = await client.host.ask(ip, PORT, 700);
      assert.ok(answered.length > 0 && answered.length < asked, `${answered.length} of ${asked} answered`);
      assert.deepEqual(
        answered.filter((sentAt) => sentAt >= until),
        [],
      );
      assert.equal(await isClaimed(ip), false);
    });

    test(`a client that still has the neighbour entry does not reach ${ip} once it is closed`, async () => {
      await openBoth();
      assert.equal(await client.host.reach(ip, PORT, 2000), "here");
      await closeBoth();
      assert.deepEqual((await client.host.ask(ip, PORT, 100)).answered, []);
    });
  }

  test("a frozen daemon renews nothing, and both addresses close", async () => {
    const until = inMs(400);
    assert.deepEqual(await owner.guard.arm(BOTH, until), DONE);
    owner.signal("SIGSTOP");
    await pause(500);
    assert.equal(await isClaimed(V4.ip), false);
    assert.equal(await isClaimed(V6.ip), false);
    owner.signal("SIGCONT");
  });

  test("renewals keep an address open beyond each single instant, also beside another's", async () => {
    await openBoth(200);
    for (let renewals = 0; renewals < 8; renewals++) {
      await pause(50);
      assert.deepEqual(await owner.guard.arm([V4], inMs(200)), DONE);
    }
    assert.equal(await isClaimed(V4.ip), true);
    assert.equal(await isClaimed(V6.ip), false);
    await closeBoth();
  });

  test("an address stays open while another is armed or closed", async () => {
    await openBoth();
    assert.deepEqual(await owner.guard.arm([V4], inMs(LONG_MS)), DONE);
    assert.equal(await isClaimed(V6.ip), true);
    assert.deepEqual(await owner.guard.close([V4]), DONE);
    assert.deepEqual(await owner.guard.close([V4]), DONE);
    assert.equal(await isClaimed(V6.ip), true);
    assert.equal(await isClaimed(V4.ip), false);
    await closeBoth();
  });

  test("an entry that expired is armed anew, not prolonged: too late an instant opens nothing", async () => {
    await openBoth(100);
    await pause(150);
    const late = await owner.guard.arm(BOTH, inMs(5));
    assert.equal(late.kind === "failed" && late.code, "late");
    assert.equal(await isClaimed(V4.ip), false);
  });

  test("a process that is held up after it read the clock opens nothing", async () => {
    await closeBoth();
    await owner.host.holdUp(60);
    const frozen = await owner.guard.arm(BOTH, inMs(LONG_MS));
    await owner.host.holdUp(0);
    assert.equal(frozen.kind === "failed" && frozen.code, "frozen");
    assert.equal(await isClaimed(V4.ip), false);
  });

  test("a process that is held up prolongs nothing that is open", async () => {
    const until = inMs(300);
    assert.deepEqual(await owner.guard.arm(BOTH, until), DONE);
    await owner.host.holdUp(60);
    const frozen = await owner.guard.arm(BOTH, inMs(LONG_MS));
    await owner.host.holdUp(0);
    assert.equal(frozen.kind === "failed" && frozen.code, "frozen");
    await pause(300);
    assert.equal(await isClaimed(V4.ip), false);
  });

  test("a flushed ruleset is noticed and put back closed; until then nothing opens", async () => {
    await openBoth();
    owner.run("nft flush ruleset");
    const armed = await owner.guard.arm(BOTH, inMs(LONG_MS));
    assert.equal(armed.kind === "failed" && armed.code, "gone");
    assert.equal((await owner.guard.check()).kind, "repaired");
    assert.deepEqual(await owner.guard.check(), { kind: "intact" });
    assert.equal(await isClaimed(V4.ip), false);
    assert.equal(await isClaimed(V6.ip), false);
    await openBoth();
    assert.equal(await isClaimed(V4.ip), true);
    await closeBoth();
  });

  for (const damage of [
    "nft flush table inet understudy",
    "nft flush chain arp understudy output",
    "nft insert rule inet understudy input accept",
    "nft delete element inet understudy guarded4 '{ 10.66.0.100 }'",
    "nft flush set arp understudy guarded",
    "nft delete table arp understudy",
    "nft add table inet understudy '{ flags dormant; }'",
  ]) {
    test(`noticed and repaired, closed: ${damage}`, async () => {
      await openBoth();
      owner.run(damage);
      assert.equal((await owner.guard.check()).kind, "repaired");
      assert.equal(await isClaimed(V4.ip), false);
      assert.equal(await isClaimed(V6.ip), false);
      assert.deepEqual(await owner.guard.check(), { kind: "intact" });
    });
  }

  test("rules of others come and go without disturbing what is open", async () => {
    await openBoth();
    owner.run("nft add table inet others; nft delete table inet others");
    assert.deepEqual(await owner.guard.check(), { kind: "intact" });
    assert.equal(await isClaimed(V4.ip), true);
    await closeBoth();
  });

  test("a closed address that address translation would redirect stays closed", async () => {
    owner.run(
      `nft add table ip published; nft add chain ip published pre '{ type nat hook prerouting priority -100; }'`,
    );
    owner.run(`nft add rule ip published pre ip daddr ${V4.ip} udp dport 9999 dnat to 10.66.0.1:${PORT}`);
    try {
      await owner.host.respond("10.66.0.1", PORT);
      await openBoth();
      assert.ok((await client.host.ask(V4.ip, 9999, 100)).answered.length > 0);
      await closeBoth();
      assert.deepEqual((await client.host.ask(V4.ip, 9999, 100)).answered, []);
    } finally {
      owner.run("nft delete table ip published");
    }
  });

  test("clients on a guarded host that does not have the address reach the one that has it", async () => {
    await client.guard.install(BOTH);
    await openBoth();
    client.run("ip neigh flush dev eth0");
    assert.equal(await client.host.reach(V4.ip, PORT, 2000), "here");
    assert.equal(await client.host.reach(V6.ip, PORT, 2000), "here");
    await client.guard.remove();
    await closeBoth();
  });

  test("the guard needs no nft program, and leaves nothing behind", async () => {
    await client.kill();
    client.start("/usr/bin/env", "PATH=/nowhere");
    assert.deepEqual(await client.guard.install(BOTH), DONE);
    assert.deepEqual(await client.guard.remove(), DONE);
    assert.equal(client.run("nft list ruleset"), "");
    await client.kill();
  });

  test("without permission each part says what it needs", async () => {
    await client.kill();
    client.start("setpriv", "--bounding-set", "-net_admin,-net_raw,-sys_nice", "--inh-caps", "-all");
    for (const outcome of [
      await client.guard.install(BOTH),
      await client.addresses.prepare(BOTH),
      await client.host.becomeRealtime(10),
    ]) {
      assert.equal(outcome.kind === "failed" && outcome.code, "EPERM");
      assert.match(outcome.kind === "failed" ? outcome.detail : "", /EPERM/);
    }
    await client.kill();
  });

  test("what is not guarded is not opened", async () => {
    const other = { ...V4, ip: "10.66.0.101" };
    const outcome = await owner.guard.arm([other], inMs(LONG_MS));
    assert.equal(outcome.kind === "failed" && outcome.code, "not-guarded");
  });
});
