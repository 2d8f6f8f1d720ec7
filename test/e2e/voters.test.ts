// Voters come and go while the cluster runs, one at a time, and a client that asks all the time notices nothing of it.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { type Cluster, command, foldersOf, startDaemon } from "../../lab/cluster.ts";
import { cut, heal } from "../../lab/faults.ts";
import { monotonicMs, sleep } from "../../lab/shell.ts";
import {
  Client,
  closeCluster,
  configText,
  heldBy,
  journalled,
  journalOf,
  neverTwo,
  openCluster,
  other,
  says,
  settled,
  shows,
  skip,
  statusThat,
  stopsInOrder,
  undisturbed,
  whole,
} from "./cluster.ts";

const WEB = "10.77.0.100";
const SERVICES = `
  web:
    place: [chip, dale]
    failback: manual
    resources:
      - address: ${WEB}/24
`;
const BY_HAND = "fencing: { chip: operator, dale: operator }";
/** Two leases and a disk would fit many times over. */
const LONG_MS = 2_000;

describe("voters", { skip, timeout: 170_000 }, () => {
  let cluster: Cluster;
  let client: Client;

  before(async () => {
    cluster = await openCluster({ services: SERVICES, addresses: [WEB], spares: ["north", "south"] });
    client = await Client.start(cluster, [WEB]);
  });
  after(async () => {
    await closeCluster(cluster);
  });
  afterEach(async () => {
    await heal(cluster.world);
  });

  const textWith = (witnesses: readonly string[], nodes: readonly string[] = cluster.nodes, top = "") =>
    configText(cluster.world, { services: SERVICES, witnesses, nodes, top });
  /** The file of every member; each takes it when it is told to, or started. */
  const writeFile = (witnesses: readonly string[]) => writeFileSync(cluster.config, textWith(witnesses));

  async function reload(names: readonly string[]): Promise<void> {
    for (const name of names) await says(cluster, name, ["reload"], 0);
  }

  /** Each of them counts by these voters, its file names them, and nothing is under way. */
  async function inEffect(names: readonly string[], voters: readonly string[]): Promise<void> {
    const list = [...voters].sort().join();
    for (const name of names) {
      await statusThat(
        cluster,
        name,
        ({ voters: now }) =>
          now?.settled === true && now.in_effect.join() === list && now.configured.join() === list,
        `the voters ${list}`,
      );
    }
  }

  /** No node lost its right to act since then. */
  function neverLapsed(since: ReadonlyMap<string, number>): void {
    for (const [name, from] of since) {
      const lapses = journalOf(cluster, name)
        .slice(from)
        .filter(({ what }) => what === "lapsed");
      assert.deepEqual(lapses, [], `lapses of ${name}`);
    }
  }
  /** Two nodes without a witness. */
  const alone = () => textWith(["north"], cluster.nodes, BY_HAND).replace(/^witness: .*\n/m, "");
  const journals = () => new Map(cluster.nodes.map((name) => [name, journalOf(cluster, name).length]));

  test("a daemon that is started with another file counts by the list that it has on disk", async () => {
    const active = await settled(cluster, "web");
    const standby = other(cluster, active);
    const expected = ["chip", "dale", "witness"];
    const restart = async (witnesses: readonly string[]) => {
      await stopsInOrder(cluster, standby);
      writeFile(witnesses);
      startDaemon(cluster, standby);
      return statusThat(
        cluster,
        standby,
        ({ voters, lease }) => voters !== null && voters.problem !== null && lease?.may_act === true,
        "voters other than those of the file",
      );
    };
    const seen = await client.during(async () => {
      const one = await restart(["witness", "north"]);
      assert.deepEqual(one.voters?.in_effect, expected);
      assert.deepEqual(one.voters?.configured, ["chip", "dale", "north", "witness"]);
      assert.equal(one.voters?.problem, `${one.lease?.leader} leads and has another configuration`);
      const two = await restart(["north"]);
      assert.deepEqual(two.voters?.in_effect, expected);
      assert.match(two.voters?.problem ?? "", /^they are changed one at a time/);
      await shows(
        cluster,
        standby,
        ["status"],
        1,
        /^Voters in effect: chip, dale, witness; the file names chip, dale, north: they are changed one/m,
      );
      await sleep(LONG_MS);
      for (const name of expected) {
        const { voters } = await statusThat(cluster, name, () => true);
        assert.deepEqual(voters?.in_effect, expected);
        assert.equal(voters?.list, "0.0", "nobody changed it");
      }
    });
    undisturbed(seen.get(WEB), active);
    writeFile(["witness"]);
    await reload([standby]);
    await inEffect(expected, expected);
    await whole(cluster);
  });

  test("a witness is replaced: nothing moves, nobody lapses, no request is lost", async () => {
    const active = await settled(cluster, "web");
    const since = journals();
    const added = await client.during(async () => {
      writeFile(["witness", "north"]);
      startDaemon(cluster, "north");
      const text = await says(cluster, "chip", ["reload"], 0);
      assert.match(
        text,
        /in force on chip; .* changes the voters from .* to chip, dale, north, witness: see/,
      );
      await reload(["dale", "witness"]);
      await inEffect(["chip", "dale", "witness", "north"], ["chip", "dale", "north", "witness"]);
      await journalled(cluster, "north", ({ code, what }) => {
        return code === "voters-changed" && what === "voters: chip, dale, north, witness";
      });
      await whole(cluster);
    });
    undisturbed(added.get(WEB), active);

    const removed = await client.during(async () => {
      writeFile(["north"]);
      await reload(["north", "chip", "dale"]);
      await inEffect(["chip", "dale", "north"], ["chip", "dale", "north"]);
      await whole(cluster);
      await shows(cluster, "chip", ["status"], 0, /^All well/);
      await stopsInOrder(cluster, "witness");
    });
    undisturbed(removed.get(WEB), active);
    neverLapsed(since);
    await shows(cluster, "dale", ["status"], 0, /^All well/);
  });

  test("the new witness counts: with it the other node takes over from one that is cut off", async () => {
    const active = await settled(cluster, "web");
    const standby = other(cluster, active);
    const alone = await client.during(async () => {
      await cut(cluster.world, standby);
      await statusThat(cluster, active, ({ members }) =>
        members.some(({ name, standing }) => name === standby && standing === "excluded"),
      );
    });
    undisturbed(alone.get(WEB), active);
    await heal(cluster.world);
    await whole(cluster);

    const moved = await client.during(async () => {
      const cutAt = monotonicMs();
      await cut(cluster.world, active);
      await client.answered(WEB, cutAt, standby);
    });
    neverTwo(moved);
    await heal(cluster.world);
    await whole(cluster);
    await heldBy(cluster, WEB, standby);
  });

  test("a witness comes while the standby is down, which learns of it when it is back", async () => {
    const active = await settled(cluster, "web");
    const standby = other(cluster, active);
    await stopsInOrder(cluster, standby);
    const since = journals();
    const seen = await client.during(async () => {
      writeFile(["north", "south"]);
      startDaemon(cluster, "south");
      await reload([active, "north"]);
      await inEffect([active, "north", "south"], ["chip", "dale", "north", "south"]);
      startDaemon(cluster, standby);
      await inEffect([standby], ["chip", "dale", "north", "south"]);
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), active);
    neverLapsed(since);
  });

  test("a voter that is not there is not counted in while too few of the others are", async () => {
    const active = await settled(cluster, "web");
    // Three of four are needed, and two of them are not there: the change would end the quorum of those that are.
    writeFile(["north"]);
    await reload(["chip", "dale", "north"]);
    await inEffect(["chip", "dale", "north"], ["chip", "dale", "north"]);
    await stopsInOrder(cluster, "south");
    await stopsInOrder(cluster, "north");
    const seen = await client.during(async () => {
      writeFile(["north", "south"]);
      await reload(["chip", "dale"]);
      await sleep(LONG_MS);
      const { voters } = await statusThat(cluster, "chip", ({ voters }) => voters?.problem != null);
      assert.deepEqual(voters?.in_effect, ["chip", "dale", "north"]);
      const text = await shows(cluster, "chip", ["status"], 1);
      assert.match(
        text,
        /^Voters in effect: chip, dale, north; the file names .*: no quorum of them is heard \(north, south missing\)\.$/m,
      );
      startDaemon(cluster, "south");
      startDaemon(cluster, "north");
      await inEffect(["chip", "dale", "north", "south"], ["chip", "dale", "north", "south"]);
    });
    undisturbed(seen.get(WEB), active);
    await whole(cluster);
  });

  test("what must not be changed while running is refused with the reason, and everything stays", async () => {
    const active = await settled(cluster, "web");
    const { config } = await statusThat(cluster, "chip", () => true);
    const files: readonly (readonly [string, RegExp])[] = [
      [textWith(["witness"]), /changed one at a time, so name a list that differs by one voter/],
      [
        textWith(["north", "south"], cluster.nodes, `voters: [chip, dale]\n${BY_HAND}`),
        /changed one at a time/,
      ],
      [
        textWith(["north", "south"]).replace("north: 10.77.0.4", "north: 10.77.0.44"),
        /what north is or where it is needs a restart/,
      ],
      [
        textWith(["north", "south"], ["chip"]).replace("[chip, dale]", "[chip]"),
        /dale may still run services: stop its daemon in good order before it leaves the file/,
      ],
    ];
    const seen = await client.during(async () => {
      for (const [text, why] of files) {
        writeFileSync(cluster.config, text);
        const outcome = await command(cluster, "chip", ["reload"]);
        assert.equal(outcome.code, 65, `${outcome.stdout}${outcome.stderr}`);
        assert.match(outcome.stderr, why);
        assert.match(outcome.stderr, /was refused, the running one stays$/m);
        const now = await statusThat(cluster, "chip", () => true);
        assert.equal(now.config.hash, config.hash);
        assert.deepEqual(now.voters?.in_effect, ["chip", "dale", "north", "south"]);
      }
    });
    undisturbed(seen.get(WEB), active);
  });

  test("a node that was stopped in good order leaves the file while the others go on, and comes back", async () => {
    const active = await settled(cluster, "web");
    const standby = other(cluster, active);
    const rest = [active, "north", "south"];
    const seen = await client.during(async () => {
      await stopsInOrder(cluster, standby);
      await statusThat(cluster, active, ({ members }) =>
        members.some(({ name, standing }) => name === standby && standing === "left"),
      );
      const text = textWith(["north", "south"], [active]).replace("[chip, dale]", `[${active}]`);
      writeFileSync(cluster.config, text);
      await reload(rest);
      await inEffect(rest, rest);
      writeFile(["north", "south"]);
      startDaemon(cluster, standby);
      await reload(rest);
      await inEffect([...rest, standby], [...rest, standby]);
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), active);
  });

  test("from three voters to two is refused", async () => {
    writeFile(["north"]);
    await reload(["chip", "dale", "north"]);
    await inEffect(["chip", "dale", "north"], ["chip", "dale", "north"]);
    writeFileSync(cluster.config, alone());
    const answer = await says(cluster, "chip", ["reload"], 65);
    assert.match(answer, /from or to two voters they are changed only with all daemons stopped/);
    await stopsInOrder(cluster, "south");
  });

  test("with all daemons stopped and their lists removed, the file counts from the start: also one of two voters", async () => {
    for (const name of [
      "north",
      other(cluster, await settled(cluster, "web")),
      await settled(cluster, "web"),
    ])
      await stopsInOrder(cluster, name);
    for (const name of cluster.nodes) rmSync(join(foldersOf(cluster, name).stateDir, "voters.doc"));
    writeFileSync(cluster.config, alone());
    for (const name of cluster.nodes) startDaemon(cluster, name);
    await inEffect(cluster.nodes, cluster.nodes);
    await whole(cluster);
    await settled(cluster, "web");
  });
});
