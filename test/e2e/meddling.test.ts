// Somebody meddles with the active host: takes the address or the guard away, pulls the link, renames the device.
// It is noticed, journalled and repaired, and at no moment do two hosts answer. And: clients on the nodes
// themselves, and a stranger who uses the address already.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Cluster } from "../../lab/cluster.ts";
import { deleteAddress, flushRuleset, heal, setLink } from "../../lab/faults.ts";
import { monotonicMs, until } from "../../lab/shell.ts";
import { hostOf, mustIn, runIn } from "../../lab/world.ts";
import {
  Client,
  closeCluster,
  heldBy,
  journalled,
  journalOf,
  neverTwo,
  openCluster,
  other,
  settled,
  shows,
  skip,
  statusThat,
  tables,
  whole,
} from "./cluster.ts";

const V4 = "10.77.0.100";
const V6 = "fd77::100";
const ALL = [V4, V6];

const SERVICES = `
  web:
    place: [chip, dale]
    resources:
      - addresses: [${V4}/24, ${V6}/64]
    checks:
      - http: http://localhost:7777/
`;

describe("meddling with a node", { skip, timeout: 115_000 }, () => {
  let cluster: Cluster;
  let client: Client;

  before(async () => {
    cluster = await openCluster({ services: SERVICES, addresses: ALL });
    client = await Client.start(cluster, ALL);
  });

  after(async () => {
    await closeCluster(cluster);
  });

  /** Does it to the active node; the service answers again, wherever; answers that node and its new journal. */
  async function meddle(act: (active: string) => Promise<void>): Promise<{ active: string; since: number }> {
    await whole(cluster);
    const active = await settled(cluster, "web");
    const since = journalOf(cluster, active).length;
    const seen = await client.during(async () => {
      await act(active);
      const sinceMs = monotonicMs() + 200;
      for (const address of ALL) await client.answered(address, sinceMs);
    });
    neverTwo(seen);
    return { active, since };
  }

  /** What a program on that host gets from the service: the name of the host that answered; null: nothing. */
  async function asked(host: string, address: string): Promise<string | null> {
    const url = `http://${address.includes(":") ? `[${address}]` : address}:7777/`;
    const { stdout, code } = await runIn(cluster.world, host, ["curl", "-s", "-m", "1", url]);
    return code === 0 ? stdout.trim() : null;
  }

  test("a client on a standby node reaches the active one through the network, one on the active node itself", async () => {
    const active = await settled(cluster, "web");
    for (const address of ALL) {
      assert.equal(await asked(other(cluster, active), address), active, address);
      assert.equal(await asked(active, address), active, address);
    }
  });

  test("the address is deleted: put back on the same node", async () => {
    for (const [ip, prefix] of [
      [V4, 24],
      [V6, 64],
    ] as const) {
      const { active, since } = await meddle((node) => deleteAddress(cluster.world, node, `${ip}/${prefix}`));
      const entry = await journalled(cluster, active, ({ code }) => code === "address-removed", since);
      assert.equal(entry.subject, ip);
      await heldBy(cluster, ip, active);
    }
  });

  test("the ruleset is flushed: the guard stands again", async () => {
    const { active, since } = await meddle((node) => flushRuleset(cluster.world, node));
    await journalled(cluster, active, ({ code }) => code === "guard-repaired", since);
    assert.deepEqual(await tables(cluster, active), ["arp", "inet"]);
    for (const ip of ALL) await heldBy(cluster, ip, active);
  });

  test("the ruleset of a standby node is flushed: its guard stands again too", async () => {
    const standby = other(cluster, await settled(cluster, "web"));
    const since = journalOf(cluster, standby).length;
    await flushRuleset(cluster.world, standby);
    await journalled(cluster, standby, ({ code }) => code === "guard-repaired", since);
    assert.deepEqual(await tables(cluster, standby), ["arp", "inet"]);
  });

  test("an address that somebody adds by hand on the standby node is closed, and answers nobody", async () => {
    const active = await settled(cluster, "web");
    const standby = other(cluster, active);
    const seen = await client.during(async () => {
      await mustIn(cluster.world, standby, ["ip", "address", "add", `${V4}/24`, "dev", "eth0"]);
      await client.answered(V4, monotonicMs() + 300, active);
      assert.equal(await asked(standby, V4), null, "a local client of a closed address is refused");
      await mustIn(cluster.world, standby, ["ip", "address", "delete", `${V4}/24`, "dev", "eth0"]);
    });
    neverTwo(seen);
  });

  test("the link goes down: the service moves; when it is up again nothing is doubled", async () => {
    const { active, since } = await meddle((node) => setLink(cluster.world, node, 0, "down"));
    await journalled(cluster, active, ({ code }) => code === "device-down", since);
    const to = other(cluster, active);
    await heldBy(cluster, V4, to, [to]);
    const seen = await client.during(async () => {
      await setLink(cluster.world, active, 0, "up");
      // The kernel forgot the host's own IPv6 address; the network's configuration brings it back.
      await mustIn(cluster.world, active, [
        "ip",
        "address",
        "replace",
        `${hostOf(cluster.world, active).address6}/64`,
        "dev",
        "eth0",
        "nodad",
      ]);
      await whole(cluster);
    }, 1_000);
    neverTwo(seen);
    for (const ip of ALL) await heldBy(cluster, ip, to);
  });

  test("the link blinks: the service answers again, on one host", async () => {
    await meddle(async (node) => {
      await setLink(cluster.world, node, 0, "down");
      await setLink(cluster.world, node, 0, "up");
      await mustIn(cluster.world, node, [
        "ip",
        "address",
        "replace",
        `${hostOf(cluster.world, node).address6}/64`,
        "dev",
        "eth0",
        "nodad",
      ]);
    });
    await whole(cluster);
    for (const ip of ALL) await heldBy(cluster, ip, await settled(cluster, "web"));
  });

  test("the device is renamed: the service stays, or answers again", async () => {
    const { active, since } = await meddle((node) =>
      mustIn(cluster.world, node, ["ip", "link", "set", "eth0", "name", "lan0"]).then(() => {}),
    );
    const entry = await journalled(cluster, active, ({ code }) => code === "device-renamed", since);
    assert.match(`${entry.subject} ${entry.why}`, /lan0.*eth0/);
    await whole(cluster);
    for (const ip of ALL) await heldBy(cluster, ip, await settled(cluster, "web"));
    await mustIn(cluster.world, active, ["ip", "link", "set", "lan0", "name", "eth0"]);
    await whole(cluster);
  });

  test("a stranger has the address: journalled with its MAC address, and status warns", async () => {
    const active = await settled(cluster, "web");
    const { mac } = hostOf(cluster.world, "watch");
    const since = journalOf(cluster, active).length;
    await mustIn(cluster.world, "watch", ["ip", "address", "add", `${V4}/24`, "dev", "eth0"]);
    await mustIn(cluster.world, "watch", ["arping", "-q", "-c", "2", "-U", "-I", "eth0", V4]);
    const entry = await journalled(cluster, active, ({ code }) => code === "address-conflict", since);
    assert.equal(entry.subject, V4);
    assert.match(entry.what, new RegExp(mac));
    await statusThat(
      cluster,
      active,
      ({ warnings }) => warnings.some((text) => text.includes(mac)),
      "a warning",
    );
    await shows(cluster, active, ["status"], 1, new RegExp(`^Warning: the machine ${mac} uses ${V4}`, "m"));
    await mustIn(cluster.world, "watch", ["ip", "address", "delete", `${V4}/24`, "dev", "eth0"]);
    await client.answered(V4, monotonicMs(), active);
    await heal(cluster.world);
    assert.ok(await until(async () => (await asked("client", V4)) === active, { withinMs: 10_000 }));
  });
});
