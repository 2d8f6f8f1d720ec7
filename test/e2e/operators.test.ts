// What operators do to a cluster, and what they read meanwhile: stop, restart, switch over, drain, maintenance,
// failback. Nothing of it loses a request but for the moment of a move.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { type Cluster, killDaemon, startDaemon } from "../../lab/cluster.ts";
import { cut, heal } from "../../lab/faults.ts";
import { pidsIn } from "../../lab/namespaces.ts";
import { monotonicMs, sleep } from "../../lab/shell.ts";
import { hostOf, runIn } from "../../lab/world.ts";
import {
  Client,
  closeCluster,
  heldBy,
  holders,
  journalled,
  journalOf,
  neverTwo,
  openCluster,
  other,
  says,
  serviceOf,
  settled,
  shows,
  skip,
  statusThat,
  stopsInOrder,
  tables,
  undisturbed,
  whole,
} from "./cluster.ts";

const WEB = "10.77.0.100";
const AUTO = "10.77.0.101";
const LATER = "10.77.0.102";

const service = (name: string, address: string, failback: string, more = "") => `
  ${name}:
    place: [chip, dale]
    failback: ${failback}
    resources:
      - address: ${address}/24
${more}`;

describe("operators", { skip, timeout: 115_000 }, () => {
  let cluster: Cluster;
  let client: Client;

  before(async () => {
    const check = `    checks:
      - command: [/bin/sh, -c, 'true']
`;
    const services = `${service("web", WEB, "manual", check)}${service("auto", AUTO, "auto")}${service("later", LATER, "after 3s")}`;
    cluster = await openCluster({ services, addresses: [WEB, AUTO, LATER] });
    client = await Client.start(cluster, [WEB]);
  });

  after(async () => {
    await closeCluster(cluster);
  });

  afterEach(async () => {
    await heal(cluster.world);
  });

  test("all is well: status says so in a sentence and with 0, on the nodes and the witness", async () => {
    for (const name of [...cluster.nodes, cluster.witness]) {
      const text = await shows(cluster, name, ["status"], 0);
      assert.match(text, /^All well: /, `${name}: ${text}`);
    }
    await shows(cluster, "dale", ["why", "web"], 0, /^web is active on chip, where it should be/);
  });

  test("a switchover moves the service at once, and it stays there", async () => {
    const seen = await client.during(async () => {
      const text = await says(cluster, "dale", ["switchover", "web", "--to", "dale", "--yes"], 0);
      assert.match(text, /web is active on dale, moved from chip/);
      await client.answered(WEB, monotonicMs(), "dale");
    });
    neverTwo(seen);
    await heldBy(cluster, WEB, "dale");
    await whole(cluster);
    assert.equal(await settled(cluster, "web"), "dale");
  });

  test("switchovers that cannot be are refused with the reason, and change nothing", async () => {
    const wrong = await says(cluster, "dale", ["switchover", "web", "--to", "witness", "--yes"], 64);
    assert.match(wrong, /witness/);
    assert.match(await says(cluster, "dale", ["switchover", "wab", "--yes"], 64), /did you mean web/);
    assert.match(await says(cluster, "dale", ["switchover", "web"], 64), /--yes/);
    assert.equal(await settled(cluster, "web"), "dale");
  });

  test("a drained node loses what it has and gets nothing until it is undrained", async () => {
    const seen = await client.during(async () => {
      await says(cluster, "chip", ["drain", "dale", "--yes"], 0);
    });
    neverTwo(seen);
    assert.equal(await settled(cluster, "web"), "chip");
    await statusThat(cluster, "dale", ({ members }) => members.some((m) => m.name === "dale" && m.drained));
    await shows(cluster, "chip", ["status"], 1, /^Degraded: .*dale is drained/);
    const refused = await says(cluster, "chip", ["switchover", "web", "--yes"], 2);
    assert.match(refused, /dale is drained/);
    await says(cluster, "chip", ["undrain", "dale", "--yes"], 0);
    await shows(cluster, "chip", ["status"], 0, /^All well/);
    assert.equal(await settled(cluster, "web"), "chip", "undrain alone moves nothing");
  });

  test("the witness is lost and comes back: nothing moves, no request is lost", async () => {
    const seen = await client.during(async () => {
      await cut(cluster.world, cluster.witness);
      await statusThat(cluster, "chip", ({ members }) =>
        members.some((m) => m.name === "witness" && m.standing === "excluded"),
      );
      await shows(cluster, "chip", ["status"], 1, /^Degraded: .*witness is excluded/);
      await shows(cluster, cluster.witness, ["status"], 3, /^Unknown: .*no quorum/);
      await heal(cluster.world);
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), "chip");
    await shows(cluster, "chip", ["status"], 0, /^All well/);
  });

  test("the standby is lost and comes back: nothing moves, no request is lost", async () => {
    const seen = await client.during(async () => {
      await killDaemon(cluster, "dale");
      const text = await (async () => {
        await statusThat(cluster, "chip", ({ members }) =>
          members.some((m) => m.name === "dale" && m.standing === "excluded"),
        );
        return shows(cluster, "chip", ["status"], 1);
      })();
      assert.match(text, /^Degraded: .*no other node could take/);
      startDaemon(cluster, "dale");
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), "chip");
  });

  test("an orderly stop of the active node moves first and leaves nothing behind", async () => {
    const { namespace, folder } = hostOf(cluster.world, "chip");
    const others = pidsIn(namespace).filter((pid) => pid !== cluster.daemons.get("chip")?.pid);
    const seen = await client.during(async () => {
      await stopsInOrder(cluster, "chip");
      await client.answered(WEB, monotonicMs(), "dale");
    });
    neverTwo(seen);
    assert.ok((seen.get(WEB)?.outageMs ?? 0) < 5_000, "it moved before the stop, it was not failed over");
    assert.deepEqual(await tables(cluster, "chip"), []);
    assert.deepEqual(await holders(cluster, WEB), ["dale"]);
    const { stdout } = await runIn(cluster.world, "chip", ["ip", "-o", "address", "show", "dev", "eth0"]);
    assert.doesNotMatch(stdout, /10\.77\.0\.10[0-9]/);
    assert.equal(existsSync(join(folder, "run", "understudy.sock")), false);
    assert.deepEqual(readdirSync(join(folder, "run")), []);
    assert.deepEqual(
      pidsIn(namespace).filter((pid) => !others.includes(pid)),
      [],
      "processes left",
    );
    await shows(cluster, "chip", ["status"], 3);
    await shows(cluster, "dale", ["status"], 1, /^Degraded: .*chip left/);
  });

  test("the node that comes back takes back only what has an automatic failback", async () => {
    const since = journalOf(cluster, "dale").length;
    const seen = await client.during(async () => {
      startDaemon(cluster, "chip");
      await settled(cluster, "auto", ["chip"]);
      await settled(cluster, "later", ["chip"]);
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), "dale");
    for (const name of ["auto", "later"]) {
      const fits = (entry: { subject: string; code: string }) =>
        entry.subject === name && entry.code === "failback";
      const leader = (await statusThat(cluster, "dale", (d) => d.picture !== null)).picture?.leader ?? "dale";
      await journalled(cluster, leader, fits, leader === "dale" ? since : 0);
    }
    await shows(cluster, "dale", ["why", "web"], 0, /chip is preferred, but/);
  });

  test("nodes restarted right after each other: each waits until the others can go on without it", async () => {
    const active = await settled(cluster, "web");
    const standby = other(cluster, active);
    await stopsInOrder(cluster, standby);
    const since = journalOf(cluster, standby).length;
    const seen = await client.during(async () => {
      startDaemon(cluster, standby);
      await whole(cluster);
      await stopsInOrder(cluster, active);
      await client.answered(WEB, monotonicMs(), standby);
    });
    neverTwo(seen);
    const lapsed = journalOf(cluster, standby)
      .slice(since)
      .filter(({ what }) => what === "acting -> lapsed");
    assert.deepEqual(lapsed, [], "the one that stayed never lost its quorum");
    startDaemon(cluster, active);
    await whole(cluster);
  });

  test("in maintenance nothing is moved, not even from a node that stops or is drained", async () => {
    await says(cluster, "chip", ["switchover", "web", "--to", "chip", "--yes"], 0);
    await says(cluster, "dale", ["maintenance", "on", "web"], 0);
    await shows(cluster, "dale", ["status"], 1, /^Degraded: .*web is in maintenance/);
    assert.match(await says(cluster, "dale", ["switchover", "web", "--yes"], 2), /in maintenance/);
    const seen = await client.during(async () => {
      await says(cluster, "dale", ["drain", "chip", "--yes"], 0);
      await settled(cluster, "auto", ["dale"]);
      await sleep(500);
      assert.equal((await serviceOf(cluster, "web"))?.active, "chip");
    });
    undisturbed(seen.get(WEB), "chip");
    await says(cluster, "chip", ["maintenance", "off", "web"], 0);
    assert.equal(await settled(cluster, "web", ["dale"]), "dale");
    await says(cluster, "chip", ["undrain", "chip", "--yes"], 0);
    await whole(cluster);
  });

  test("commands without a daemon, or to one that cannot reach a leader, say so", async () => {
    const lonely = { ...cluster, world: cluster.world };
    await cut(cluster.world, "chip");
    await statusThat(cluster, "chip", ({ lease }) => lease?.may_act === false);
    await shows(lonely, "chip", ["status"], 3, /^Unknown: .*no quorum/);
    const text = await says(lonely, "chip", ["switchover", "later", "--yes"], 3);
    assert.match(text, /leader|answer/);
    await heal(cluster.world);
    await whole(cluster);
    assert.match(await says(cluster, "chip", ["journal", "--since", "1m"], 0), /lapsed/);
  });
});
