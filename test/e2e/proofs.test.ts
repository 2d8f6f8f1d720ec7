// What cannot be revoked by the kernel, a process here, starts elsewhere only after a proof: an operator's word, or a
// fence device that said twice that the old node is off. Seen as operators see it, and by what the hosts really run.

import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { StatusDocument } from "#api/protocol.ts";
import { type Cluster, startDaemon } from "../../lab/cluster.ts";
import { cut, cutPair, heal } from "../../lab/faults.ts";
import { pidsIn, signal } from "../../lab/namespaces.ts";
import { sleep, until } from "../../lab/shell.ts";
import { hostOf, type World } from "../../lab/world.ts";
import {
  closeCluster,
  configText,
  holders,
  journalled,
  journalOf,
  prepareCluster,
  SOON_MS,
  says,
  settled,
  shows,
  skip,
  statusThat,
  stopsInOrder,
  whole,
  withConfig,
} from "./cluster.ts";

/** How the exclusive process is told apart from everything else: by what it was started with. */
const MARK = "86401";
/** Long enough for a start that must not be: two leases and a fencing would fit. */
const LONG_MS = 2_000;

/** The service writes down where it starts, in the file in which the fence devices write what they are asked. */
const serviceText = (folder: string): string => `
  db:
    place: [chip, dale]
    resources:
      - process: [/bin/sh, -c, 'echo "start $UNDERSTUDY_NODE" >> ${folder}/events; exec sleep ${MARK}']
`;

async function openFenced(fencing: (world: World) => string): Promise<Cluster> {
  const bare = await prepareCluster({ services: serviceText("/") });
  const { folder } = bare.world;
  const options = { services: serviceText(folder), top: fencing(bare.world) };
  const cluster = withConfig(bare, "fenced.yaml", configText(bare.world, options));
  for (const name of [...cluster.nodes, cluster.witness]) startDaemon(cluster, name);
  await whole(cluster);
  return cluster;
}

/** Hosts on which the process runs. */
function runners(cluster: Cluster): string[] {
  return cluster.nodes.filter((node) =>
    pidsIn(hostOf(cluster.world, node).namespace).some((pid) => commandLine(pid).includes(MARK)),
  );
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** As if its power were gone: everything on it dies at once. */
async function kill(cluster: Cluster, node: string): Promise<void> {
  for (const pid of pidsIn(hostOf(cluster.world, node).namespace)) signal(pid, "SIGKILL");
  await cluster.daemons.get(node)?.ended;
}

async function runsOn(cluster: Cluster, node: string): Promise<void> {
  const isThere = await until(() => runners(cluster).join() === node, { withinMs: SOON_MS });
  assert.ok(isThere, `the process runs on ${runners(cluster).join() || "no host"} instead of ${node} alone`);
}

/** A node that came back is there, and has nothing. */
async function isBackAsStandby(cluster: Cluster, node: string, active: string): Promise<void> {
  startDaemon(cluster, node);
  await whole(cluster);
  assert.equal(await settled(cluster, "db"), active);
  assert.deepEqual(runners(cluster), [active]);
}

const isBlocked =
  (pattern: RegExp) =>
  ({ services: [db] }: StatusDocument): boolean =>
    db !== undefined &&
    db.active === null &&
    db.protection.state === "blocked" &&
    pattern.test(db.protection.text);

describe("an operator's word", { skip, timeout: 100_000 }, () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await openFenced(() => "fencing: { chip: operator, dale: operator }");
  });
  after(async () => {
    await closeCluster(cluster);
  });

  test("status and why say beforehand that nobody but an operator can move it", async () => {
    assert.equal(await settled(cluster, "db"), "chip");
    for (const command of [["status"], ["why", "db"]]) {
      const text = await shows(cluster, "dale", command, 0);
      assert.match(text, /blocked: needs `understudy confirm-dead chip`/);
    }
  });

  test("confirm-dead is refused while the node is alive, and of itself", async () => {
    const args = ["confirm-dead", "chip", "--confirm", "chip"];
    assert.match(await says(cluster, "dale", args, 2), /chip is alive: its pulses come in time/);
    assert.match(await says(cluster, "chip", args, 2), /this is chip: it lives/);
    assert.match(await says(cluster, "dale", ["confirm-dead", "chip"], 64), /say --confirm chip/);
    assert.deepEqual(runners(cluster), ["chip"]);
  });

  test("its node dies: the service is blocked, and everything says what to do", async () => {
    await kill(cluster, "chip");
    await statusThat(cluster, "dale", isBlocked(/confirm-dead chip/), "a blocked service");
    await shows(cluster, "dale", ["status"], 2, /^Down: db .*understudy confirm-dead chip/);
    await shows(
      cluster,
      "dale",
      ["why", "db"],
      0,
      /does not prove that it stopped db; type `understudy confirm-dead chip`/,
    );
    await sleep(LONG_MS);
    assert.deepEqual(runners(cluster), []);
  });

  test("once it is confirmed, the service starts on the other node, and not before", async () => {
    const since = journalOf(cluster, "dale").length;
    const text = await says(cluster, "dale", ["confirm-dead", "chip", "--confirm", "chip"], 0);
    assert.match(text, /^chip counts as dead/);
    assert.equal(await settled(cluster, "db", ["dale"], ["dale"]), "dale");
    await runsOn(cluster, "dale");
    const proof = await journalled(cluster, "dale", ({ what }) => what === "proved dead", since);
    assert.equal(proof.code, "confirmed-dead");
    assert.match(proof.why, /^.+ \(on dale, \d{4}-.*\) said that it is dead/);
    await shows(cluster, "dale", ["status"], 1, /chip is proved dead: .* said that it is dead/);
    const again = await says(cluster, "dale", ["confirm-dead", "chip", "--confirm", "chip"], 2);
    assert.match(again, /known to be dead already/);
  });

  test("the node that was taken for dead comes back as standby, and is not dead any more", async () => {
    await isBackAsStandby(cluster, "chip", "dale");
    assert.doesNotMatch(await shows(cluster, "dale", ["status"], 0), /proved dead/);
    const args = ["confirm-dead", "chip", "--confirm", "chip"];
    assert.match(await says(cluster, "dale", args, 2), /chip is alive/);
  });
});

describe("fence devices", { skip, timeout: 115_000 }, () => {
  let cluster: Cluster;
  const file = (name: string): string => join(cluster.world.folder, name);
  const events = (): string[] => readFileSync(file("events"), "utf8").trim().split("\n");

  /** Two levels for each node, each a device of its own. */
  before(async () => {
    const levels = (folder: string, node: string) =>
      ["a", "b"].map((device) => {
        const call = (verb: string) => `[${folder}/fence-${device}, ${verb}, ${node}]`;
        return `{ command: { off: ${call("off")}, status: ${call("status")}, on: ${call("on")} } }`;
      });
    cluster = await openFenced((world) => {
      const { folder } = world;
      for (const device of ["a", "b"]) writeFence(world, device);
      return `fencing:\n${["chip", "dale"].map((node) => `  ${node}: [${levels(folder, node).join(", ")}]`).join("\n")}`;
    });
  });
  after(async () => {
    await closeCluster(cluster);
  });

  test("fence test asks every device from here, and switches nothing", async () => {
    const text = await says(cluster, "dale", ["fence", "test"], 0);
    assert.match(text, /^chip +1 +command fence-a +answers$/m);
    assert.match(text, /^dale +2 +command fence-b +answers$/m);
    const one = await says(cluster, "chip", ["fence", "test", "dale"], 0);
    assert.doesNotMatch(one, /^chip/m);
    assert.ok(!events().some((line) => line.startsWith("off")));
    await statusThat(cluster, "dale", ({ services: [db] }) =>
      /^safe: fenced by command fence-a \(answered .* ago\), about 4 s/.test(db?.protection.text ?? ""),
    );
  });

  test("a device that does not answer is told before it is needed", async () => {
    writeFileSync(file("dumb-a"), "");
    assert.match(await says(cluster, "dale", ["fence", "test", "chip"], 2), /fence-a +none: exit code 1/);
    const status = await shows(cluster, "dale", ["status"], 1);
    assert.match(status, /^Degraded: fence device command fence-a of chip does not answer/);
    assert.match(status, /safe: fenced by command fence-b/);
    rmSync(file("dumb-a"));
    await says(cluster, "dale", ["fence", "test"], 0);
    await shows(cluster, "dale", ["status"], 0);
  });

  test("its node is cut off: fenced first, started after", async () => {
    assert.equal(await settled(cluster, "db"), "chip");
    forget();
    await cut(cluster.world, "chip");
    await runsOn(cluster, "dale");
    await cluster.daemons.get("chip")?.ended;
    assert.deepEqual(upToStart(), ["off chip a", "status chip a", "status chip a", "start dale"]);
    const proof = await journalled(cluster, "dale", ({ what }) => what === "proved dead");
    assert.match(proof.why, /^chip is off: command fence-a said so twice$/);
    await heal(cluster.world);
    await isBackAsStandby(cluster, "chip", "dale");
  });

  test("a device that says the node is on although it is not: the next level is taken", async () => {
    writeFileSync(file("lie-a"), "");
    forget();
    await kill(cluster, "dale");
    await runsOn(cluster, "chip");
    const told = upToStart();
    assert.deepEqual(told.slice(0, 2), ["off dale a", "status dale a"]);
    assert.deepEqual(told.slice(2), ["off dale b", "status dale b", "status dale b", "start chip"]);
    await isBackAsStandby(cluster, "dale", "chip");
  });

  test("when every device lies, the service is blocked with guidance, until an operator says more", async () => {
    writeFileSync(file("lie-b"), "");
    await kill(cluster, "chip");
    await statusThat(
      cluster,
      "dale",
      isBlocked(/could not be fenced.*confirm-dead chip/),
      "a blocked service",
    );
    const status = await shows(cluster, "dale", ["status"], 2);
    assert.match(status, /^Down: db .*could not be fenced \(.*it is on after off/);
    await sleep(LONG_MS);
    assert.deepEqual(runners(cluster), []);
    await says(cluster, "dale", ["confirm-dead", "chip", "--confirm", "chip"], 0);
    await runsOn(cluster, "dale");
    for (const name of ["lie-a", "lie-b"]) rmSync(file(name));
    await isBackAsStandby(cluster, "chip", "dale");
  });

  test("an operator has a living node fenced: it is off, and nothing else happens", async () => {
    const text = await says(cluster, "dale", ["fence", "chip", "--confirm", "chip"], 0);
    assert.match(text, /^chip is off: command fence-a said so twice/);
    assert.notEqual(await cluster.daemons.get("chip")?.ended, 0);
    assert.equal(await settled(cluster, "db", ["dale"], ["dale"]), "dale");
    assert.deepEqual(runners(cluster), ["dale"]);
    const since = journalOf(cluster, "dale");
    assert.ok(!since.some(({ code }) => code === "proof-contradicted"), "a proof was taken for wrong");
    await isBackAsStandby(cluster, "chip", "dale");
  });

  /** What devices and service write from here on; background tests may come between. */
  function forget(): void {
    writeFileSync(file("events"), "");
  }

  /** From the first `off` to the start that followed; switching on again is nothing that the start waits for. */
  function upToStart(): string[] {
    const lines = events().filter((line) => !line.startsWith("on "));
    const from = lines.findIndex((line) => line.startsWith("off"));
    const to = lines.findIndex((line) => line.startsWith("start"));
    assert.ok(from >= 0 && to > from, `fenced first, started after: ${lines.join(", ")}`);
    return lines.slice(from, to + 1);
  }
});

describe("two nodes and nobody else", { skip, timeout: 100_000 }, () => {
  let cluster: Cluster;
  /** Who was started with the service, and the other one. */
  let holder = "";
  let waiter = "";

  before(async () => {
    const bare = await prepareCluster({ services: serviceText("/") });
    const services = serviceText(bare.world.folder);
    const text = configText(bare.world, { services, top: "fencing: { chip: operator, dale: operator }" });
    cluster = withConfig(bare, "pair.yaml", text.replace(/^witness: .*\n/m, ""));
    for (const name of cluster.nodes) startDaemon(cluster, name);
    await whole(cluster);
    const { pair } = await statusThat(cluster, "dale", ({ pair }) => pair?.tenure != null, "a known tenure");
    holder = pair?.tenure ?? "";
    waiter = holder === "chip" ? "dale" : "chip";
    await says(cluster, "chip", ["switchover", "db", "--to", holder, "--yes"], 0);
  });
  after(async () => {
    await closeCluster(cluster);
  });

  test("both say who holds the tenure, and what would be needed", async () => {
    for (const name of cluster.nodes) {
      const text = await shows(cluster, name, ["status"], 0);
      assert.match(text, new RegExp(`^Two voters: ${holder} holds the tenure; \\S+ is heard\\.$`, "m"));
      assert.match(text, new RegExp(`blocked: needs .understudy confirm-dead ${holder}`));
    }
  });

  test("the loss of the other node stops nothing", async () => {
    await kill(cluster, waiter);
    await statusThat(cluster, holder, ({ pair }) => pair?.silent_for_ms != null, "a silent peer");
    await sleep(LONG_MS);
    assert.deepEqual(runners(cluster), [holder]);
    await shows(cluster, holder, ["status"], 1, new RegExp(`^Degraded: .*${waiter} is `));
    await isBackAsStandby(cluster, waiter, holder);
  });

  test("the loss of the holder stops everything, and the other one says what to do", async () => {
    await kill(cluster, holder);
    await statusThat(cluster, waiter, ({ proving: [first] }) => first?.state === "blocked", "a blocked node");
    const status = await shows(cluster, waiter, ["status"], 3);
    assert.match(
      status,
      new RegExp(`^Unknown: no node leads; ${holder} is silent, .*confirm-dead ${holder}`),
    );
    const why = await shows(cluster, waiter, ["why", "db"], 0);
    assert.match(why, new RegExp(`No node leads, .*understudy confirm-dead ${holder}`));
    await sleep(LONG_MS);
    assert.deepEqual(runners(cluster), []);
    await says(cluster, waiter, ["confirm-dead", holder, "--confirm", holder], 0);
    await runsOn(cluster, waiter);
    await statusThat(cluster, waiter, ({ pair }) => pair?.tenure === waiter, "the tenure");
    await isBackAsStandby(cluster, holder, waiter);
  });

  test("an orderly stop of the holder hands everything over, and needs no proof", async () => {
    [holder, waiter] = [waiter, holder];
    await says(cluster, waiter, ["drain", holder, "--yes"], 0);
    await stopsInOrder(cluster, holder);
    assert.equal(await settled(cluster, "db", [waiter], [waiter]), waiter);
    await statusThat(cluster, waiter, ({ pair }) => pair?.tenure === waiter, "the tenure");
    startDaemon(cluster, holder);
    await whole(cluster);
    await says(cluster, waiter, ["undrain", holder, "--yes"], 0);
    assert.deepEqual(runners(cluster), [waiter]);
    assert.ok(!journalOf(cluster, waiter).some(({ code }) => code === "proof-contradicted"));
  });
});

describe("two nodes that prefer two actives to none", { skip, timeout: 60_000 }, () => {
  let cluster: Cluster;
  const ADDRESS = "10.77.0.100";

  before(async () => {
    const services = `
  web:
    place: [chip, dale]
    split: eager
    resources:
      - address: ${ADDRESS}/24
`;
    const bare = await prepareCluster({ services });
    const reach = `reach: [${hostOf(bare.world, "client").address}]`;
    const text = configText(bare.world, { services, top: reach });
    cluster = withConfig(bare, "eager.yaml", text.replace(/^witness: .*\n/m, ""));
    for (const name of cluster.nodes) startDaemon(cluster, name);
    await whole(cluster);
  });
  after(async () => {
    await closeCluster(cluster);
  });

  test("the link is cut: both have it, and say so; it heals: one lets go", async () => {
    await shows(cluster, "dale", ["status"], 0, /eager: two actives possible for as long as/);
    const { pair } = await statusThat(cluster, "dale", ({ pair }) => pair?.tenure != null, "a known tenure");
    const waiter = pair?.tenure === "chip" ? "dale" : "chip";
    await cutPair(cluster.world, { from: "chip", to: "dale" });
    await statusThat(cluster, waiter, ({ pair }) => pair?.leads_eagerly === true, "leading eagerly");
    const both = await until(async () => (await holders(cluster, ADDRESS)).length === 2, {
      withinMs: SOON_MS,
    });
    assert.ok(both, "both have the address");
    await settled(cluster, "web", [waiter], [waiter]);
    await shows(cluster, waiter, ["status"], 1, /nothing proves that \S+ is dead/);
    await heal(cluster.world);
    const one = await until(async () => (await holders(cluster, ADDRESS)).length === 1, {
      withinMs: SOON_MS,
    });
    assert.ok(one, "one let go");
    await whole(cluster);
    await statusThat(cluster, waiter, ({ pair }) => pair?.leads_eagerly === false, "one leader");
    const line = await journalled(cluster, waiter, ({ code }) => code === "double-over");
    assert.match(
      line.why,
      /^for [\d.]+ s \S+ led without a proof about \S+; web may have been active on both$/,
    );
  });
});

/** A power switch with a memory. `lie-X`: nothing it does has an effect, and it says on. `dumb-X`: it says nothing. */
function writeFence({ folder, prefix }: World, device: string): void {
  const text = `#!/bin/sh
verb=$1 node=$2
echo "$verb $node ${device}" >> ${folder}/events
[ -e ${folder}/dumb-${device} ] && exit 1
[ -e ${folder}/lie-${device} ] && exit 0
power=${folder}/power-$node
case $verb in
off)
  echo off > $power
  for pid in $(ip netns pids ${prefix}$node); do kill -9 $pid; done
  ;;
on) echo on > $power ;;
status) [ "$(cat $power 2>&1)" = off ] && exit 2 ;;
esac
exit 0
`;
  writeFileSync(join(folder, `fence-${device}`), text, { mode: 0o755 });
}
