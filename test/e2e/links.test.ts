// Two links between the members: one may go, nothing moves, and status says which.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { Cluster } from "../../lab/cluster.ts";
import { cut, cutLink, heal, setLink } from "../../lab/faults.ts";
import { monotonicMs, sleep } from "../../lab/shell.ts";
import { hostOf } from "../../lab/world.ts";
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

describe("two links", { skip, timeout: 100_000 }, () => {
  let cluster: Cluster;
  let client: Client;

  before(async () => {
    cluster = await openCluster({ services: SERVICES, addresses: [WEB], links: 2 });
    client = await Client.start(cluster, [WEB]);
  });

  afterEach(async () => {
    await heal(cluster.world);
  });

  after(async () => {
    await closeCluster(cluster);
  });

  const backOf = (node: string) => `10.78.0.${hostOf(cluster.world, node).number}`;

  test("both are used, and status counts them", async () => {
    const { members } = await statusThat(cluster, "chip", (d) =>
      d.members.every(
        ({ name, links }) => name === "chip" || (links.length === 2 && links.every((l) => l.up)),
      ),
    );
    assert.equal(members.length, 3);
    await shows(cluster, "chip", ["status"], 0, /dale +alive +2\/2/);
  });

  test("one link of the active node is cut: nothing moves, nothing is lost, status names it", async () => {
    const active = await settled(cluster, "web");
    const peer = other(cluster, active);
    const since = journalOf(cluster, peer).length;
    const seen = await client.during(async () => {
      await cutLink(cluster.world, active, 1);
      await journalled(
        cluster,
        peer,
        ({ code, subject }) => code === "link-down" && subject === active,
        since,
      );
      await sleep(1_000);
      const text = await shows(cluster, peer, ["status"], 1);
      assert.match(text, new RegExp(`^Degraded: .*${active} is not heard on ${backOf(active)}`));
      assert.match(text, new RegExp(`${active} +alive +1/2`));
      await heal(cluster.world);
      await journalled(cluster, peer, ({ code, subject }) => code === "link-up" && subject === active, since);
    });
    undisturbed(seen.get(WEB), active);
    await whole(cluster);
    await shows(cluster, peer, ["status"], 0, /^All well/);
  });

  test("each host loses another link: they still hear each other where they can, and never two answer", async () => {
    const active = await settled(cluster, "web");
    const seen = await client.during(async () => {
      // The client's link of the standby, the other one of the active node: no link joins the two any more.
      await cutLink(cluster.world, other(cluster, active), 0);
      await cutLink(cluster.world, active, 1);
      await sleep(2_000);
      await client.answered(WEB, monotonicMs(), active);
      await heal(cluster.world);
      await whole(cluster);
    });
    neverTwo(seen);
  });

  test("the device of the address goes down while the other link goes on: the service moves", async () => {
    const active = await settled(cluster, "web");
    const to = other(cluster, active);
    const seen = await client.during(async () => {
      await setLink(cluster.world, active, 0, "down");
      await settled(cluster, "web", [to]);
      await client.answered(WEB, monotonicMs(), to);
    });
    neverTwo(seen);
    await shows(cluster, to, ["why", "web"], 0, /eth0 is down/);
    const back = await client.during(async () => {
      await setLink(cluster.world, active, 0, "up");
      await whole(cluster);
      await sleep(1_000);
    });
    undisturbed(back.get(WEB), to);
    await heldBy(cluster, WEB, to);
  });

  test("both links are cut: the other node takes over", async () => {
    const active = await settled(cluster, "web");
    const to = other(cluster, active);
    const seen = await client.during(async () => {
      await cut(cluster.world, active);
      await client.answered(WEB, monotonicMs(), to);
      await heal(cluster.world);
      await whole(cluster);
    });
    neverTwo(seen);
    await heldBy(cluster, WEB, to);
  });
});
