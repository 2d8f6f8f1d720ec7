// The main job: the host of a service dies, freezes or is cut off, and its addresses are answered by another one,
// never by two.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Cluster, killDaemon, startDaemon } from "../../lab/cluster.ts";
import { cut, cutPair, freeze, heal, thaw } from "../../lab/faults.ts";
import { monotonicMs, sleep } from "../../lab/shell.ts";
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
  skip,
  tables,
  undisturbed,
  whole,
} from "./cluster.ts";

const V4 = "10.77.0.100";
const V6 = "fd77::100";
const MAIL = "10.77.0.101";
const ALL = [V4, V6, MAIL];

const SERVICES = `
  web:
    place: [chip, dale]
    resources:
      - addresses: [${V4}/24, ${V6}/64]
    checks:
      - http: http://localhost:7777/
  mail:
    place: [dale, chip]
    resources:
      - address: ${MAIL}/24
`;

describe("failover", { skip, timeout: 110_000 }, () => {
  let cluster: Cluster;
  let client: Client;

  before(async () => {
    cluster = await openCluster({ services: SERVICES, addresses: ALL });
    client = await Client.start(cluster, ALL);
  });

  after(async () => {
    await closeCluster(cluster);
  });

  /** web is lost and comes back on the other node; mail, where it is on that node, is not touched. */
  async function takesOver(act: (active: string) => Promise<void>): Promise<[string, string]> {
    await whole(cluster);
    const from = await settled(cluster, "web");
    const to = other(cluster, from);
    const mail = await settled(cluster, "mail");
    const seen = await client.during(async () => {
      await act(from);
      const sinceMs = monotonicMs();
      for (const address of ALL) await client.answered(address, sinceMs, to);
    }, 1_000);
    neverTwo(seen);
    if (mail === to) undisturbed(seen.get(MAIL), to);
    return [from, to];
  }

  /** Undoing it moves nothing and loses nothing; then everything is on one node, and both are guarded. */
  async function comesBack(act: () => Promise<void>, to: string): Promise<void> {
    const seen = await client.during(async () => {
      await act();
      await whole(cluster);
    }, 1_500);
    for (const address of ALL) undisturbed(seen.get(address), to);
    for (const address of ALL) await heldBy(cluster, address, to);
  }

  test("at the start each service is on its preferred node, and guarded everywhere", async () => {
    assert.equal(await settled(cluster, "web"), "chip");
    assert.equal(await settled(cluster, "mail"), "dale");
    for (const address of [V4, V6]) await heldBy(cluster, address, "chip");
    await heldBy(cluster, MAIL, "dale");
  });

  test("the daemon is killed with SIGKILL: the other node answers, and a restart changes nothing", async () => {
    const [from, to] = await takesOver((active) => killDaemon(cluster, active));
    await heldBy(cluster, V4, to, [to]);
    assert.deepEqual(await tables(cluster, from), ["arp", "inet"], "the guard outlives the daemon");
    await comesBack(async () => startDaemon(cluster, from), to);
    const move = await journalled(
      cluster,
      to,
      ({ area, subject, what }) => area === "plan" && subject === "web" && what.endsWith(`-> ${to}`),
    );
    assert.match(move.why, new RegExp(`${from}.* is excluded`));
  });

  test("the host is frozen and thaws later: it comes back without having answered", async () => {
    const [from, to] = await takesOver((active) => freeze(cluster.world, active));
    await sleep(2_000);
    await comesBack(async () => thaw(cluster.world, from), to);
  });

  test("the host is cut off and healed", async () => {
    const [, to] = await takesOver((active) => cut(cluster.world, active));
    await comesBack(() => heal(cluster.world), to);
  });

  test("the two nodes lose each other: one of them keeps or takes everything, never both", async () => {
    await whole(cluster);
    const from = await settled(cluster, "web");
    const seen = await client.during(async () => {
      await cutPair(cluster.world, { from, to: other(cluster, from) });
      await sleep(2_500);
      for (const address of ALL) await client.answered(address, monotonicMs());
    });
    neverTwo(seen);
    const joined = await client.during(async () => {
      await heal(cluster.world);
      await whole(cluster);
    }, 1_500);
    neverTwo(joined);
    for (const address of ALL) assert.equal(joined.get(address)?.lost, 0, `lost while joining: ${address}`);
    for (const address of [V4, V6]) await heldBy(cluster, address, await settled(cluster, "web"));
  });

  test("one way is lost between the active node and the other: still never two", async () => {
    await whole(cluster);
    const from = await settled(cluster, "web");
    const seen = await client.during(async () => {
      await cutPair(cluster.world, { from, to: other(cluster, from), oneWay: true });
      await sleep(2_500);
      for (const address of ALL) await client.answered(address, monotonicMs());
      await heal(cluster.world);
      await whole(cluster);
    }, 1_000);
    neverTwo(seen);
  });

  test("every move has its reason in a journal, and nobody saw an address conflict", () => {
    for (const name of cluster.nodes) {
      const entries = journalOf(cluster, name);
      assert.ok(entries.length > 0);
      assert.deepEqual(
        entries.filter((entry) => entry.why === ""),
        [],
      );
      assert.deepEqual(
        entries.filter((entry) => entry.code === "address-conflict"),
        [],
        name,
      );
    }
  });
});
