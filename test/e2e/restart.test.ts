// Lives of daemons: all killed at once, stopped while alone, stopped while starting, and what they find on disk.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Cluster, killDaemon, startDaemon } from "../../lab/cluster.ts";
import { cut, heal } from "../../lab/faults.ts";
import { signal } from "../../lab/namespaces.ts";
import { monotonicMs, sleep } from "../../lab/shell.ts";
import { end, hostOf } from "../../lab/world.ts";
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
  settled,
  shows,
  skip,
  stopsInOrder,
  tables,
  undisturbed,
  whole,
} from "./cluster.ts";

const WEB = "10.77.0.100";
const SERVICES = `
  web:
    place: [chip, dale]
    resources:
      - address: ${WEB}/24
`;

describe("lives of daemons", { skip, timeout: 110_000 }, () => {
  let cluster: Cluster;
  let client: Client;

  before(async () => {
    cluster = await openCluster({ services: SERVICES, addresses: [WEB] });
    client = await Client.start(cluster, [WEB]);
  });

  after(async () => {
    await closeCluster(cluster);
  });

  const everybody = () => [...cluster.nodes, cluster.witness];

  test("all daemons are killed at once and started again: the service is back, on one host", async () => {
    await says(cluster, "chip", ["switchover", "web", "--to", "dale", "--yes"], 0);
    await says(cluster, "chip", ["drain", "chip", "--yes"], 0);
    const seen = await client.during(async () => {
      await Promise.all(everybody().map((name) => killDaemon(cluster, name)));
      for (const name of everybody()) startDaemon(cluster, name);
      await whole(cluster);
      await client.answered(WEB, monotonicMs());
    });
    neverTwo(seen);
    // What operators asked for was on the disks of a quorum.
    assert.equal(await settled(cluster, "web"), "dale");
    await shows(cluster, "chip", ["status"], 1, /chip is drained/);
    await heldBy(cluster, WEB, "dale");
    await says(cluster, "chip", ["undrain", "chip", "--yes"], 0);
  });

  test("the active node is stopped while it is cut off: it ends by itself and leaves nothing behind", async () => {
    await whole(cluster);
    const active = await settled(cluster, "web");
    const to = other(cluster, active);
    const seen = await client.during(async () => {
      await cut(cluster.world, active);
      await stopsInOrder(cluster, active);
      assert.deepEqual(await tables(cluster, active), []);
      await client.answered(WEB, monotonicMs(), to);
      await heal(cluster.world);
      startDaemon(cluster, active);
      await whole(cluster);
    });
    neverTwo(seen);
    await heldBy(cluster, WEB, to);
  });

  test("a daemon that is stopped while it starts leaves nothing behind", async () => {
    const active = await settled(cluster, "web");
    const node = other(cluster, active);
    const { folder } = hostOf(cluster.world, node);
    const seen = await client.during(async () => {
      await stopsInOrder(cluster, node);
      for (const pause of [20, 60, 120, 250, 500]) {
        startDaemon(cluster, node);
        await sleep(pause);
        const daemon = cluster.daemons.get(node);
        signal(daemon?.pid ?? -1, "SIGTERM");
        // So early that it does not listen to signals yet, it just ends.
        assert.ok([0, "SIGTERM", 143].includes((await daemon?.ended) ?? -1), `after ${pause} ms`);
        assert.deepEqual(await tables(cluster, node), [], `after ${pause} ms`);
        assert.deepEqual(readdirSync(join(folder, "run")), [], `after ${pause} ms`);
      }
    });
    undisturbed(seen.get(WEB), active);
    startDaemon(cluster, node);
    await whole(cluster);
  });

  test("every daemon is stopped, the last ones without a quorum: each ends with 0, nothing is left", async () => {
    for (const name of everybody()) await stopsInOrder(cluster, name);
    assert.deepEqual(await holders(cluster, WEB), []);
    for (const node of cluster.nodes) assert.deepEqual(await tables(cluster, node), []);
    for (const name of everybody()) startDaemon(cluster, name);
    await whole(cluster);
  });

  test("a stored document that is damaged is named; a vote is never guessed", async () => {
    const active = await settled(cluster, "web");
    const node = other(cluster, active);
    const { folder } = hostOf(cluster.world, node);
    const seen = await client.during(async () => {
      await killDaemon(cluster, node);
      const vote = join(folder, "state", "vote.doc");
      const good = readFileSync(vote);
      for (const bad of [Buffer.alloc(0), good.subarray(0, good.length / 2), Buffer.from("nonsense\n")]) {
        writeFileSync(vote, bad);
        startDaemon(cluster, node);
        const daemon = cluster.daemons.get(node);
        assert.equal(await daemon?.ended, 2);
        assert.match(
          readFileSync(daemon?.log ?? "", "utf8")
            .trimEnd()
            .split("\n")
            .at(-1) ?? "",
          /vote\.doc/,
        );
      }
      writeFileSync(vote, good);

      const intents = join(folder, "state", "intents.doc");
      writeFileSync(intents, "nonsense\n");
      const since = journalOf(cluster, node).length;
      startDaemon(cluster, node);
      await journalled(cluster, node, ({ why }) => why.includes("intents.doc"), since);
      // With the two others there is a quorum of good documents.
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), active);
    await says(cluster, active, ["switchover", "web", "--to", node, "--yes"], 0);
    const daemon = cluster.daemons.get(node);
    if (daemon !== undefined) await end(daemon, "SIGTERM");
    startDaemon(cluster, node);
    await whole(cluster);
  });
});
