// Services with programs behind their addresses: commands, supervised processes, checks; and what may start
// elsewhere when a node dies with them.

import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Cluster, killDaemon, startDaemon, statusOf } from "../../lab/cluster.ts";
import { pidsIn, signal } from "../../lab/namespaces.ts";
import { monotonicMs, sleep, until } from "../../lab/shell.ts";
import { down, hostOf } from "../../lab/world.ts";
import {
  Client,
  closeCluster,
  configText,
  heldBy,
  journalled,
  journalOf,
  neverTwo,
  other,
  prepareCluster,
  says,
  serviceOf,
  settled,
  shows,
  skip,
  statusThat,
  stopsInOrder,
  undisturbed,
  whole,
} from "./cluster.ts";

const APP = "10.77.0.100";
const DB = "10.77.0.101";
const FREE = "10.77.0.102";
const CHECKED = "10.77.0.103";
const ALL = [APP, DB, FREE, CHECKED];

/**
 * A program with start, stop and probe that notes in the host's folder what it was told. UNDERSTUDY_NODE tells
 * hosts apart, since they share one file system.
 */
const COMMAND = `#!/bin/sh
here=$(dirname "$0")/$UNDERSTUDY_NODE
echo "$1 $UNDERSTUDY_SERVICE term $UNDERSTUDY_TERM" >> "$here/command.log"
case $1 in
  start) touch "$here/started" ;;
  stop) rm -f "$here/started" ;;
  probe) test -e "$here/started" || exit 7 ;;
esac
`;

/** A web server's stand-in: runs until it is told to stop, with a child of its own. */
const PROCESS = `#!/bin/sh
here=$(dirname "$0")/$UNDERSTUDY_NODE
test ! -e "$here/poisoned" || exit 3
echo $$ > "$here/$UNDERSTUDY_SERVICE.pid"
sleep 1000 &
wait
`;

/** Fails where the file says so. */
const CHECK = `#!/bin/sh
test ! -e "$(dirname "$0")/failing-$UNDERSTUDY_NODE" || { echo "CRITICAL - told to fail"; exit 2; }
echo OK
`;

describe("resources and checks", { skip, timeout: 118_000 }, () => {
  let cluster: Cluster;
  let client: Client;
  let tools: string;

  before(async () => {
    cluster = await prepareCluster({ services: "", addresses: ALL });
    tools = cluster.world.folder;
    for (const [name, text] of Object.entries({ command: COMMAND, process: PROCESS, check: CHECK })) {
      writeFileSync(join(tools, name), text);
      chmodSync(join(tools, name), 0o755);
    }
    const services = `
  app:
    place: [chip, dale]
    resources:
      - command: { start: ${tools}/command start, stop: ${tools}/command stop, probe: ${tools}/command probe }
        exclusive: false
      - address: ${APP}/24
  db:
    place: [chip, dale]
    failure_age: 8s
    resources:
      - process: ${tools}/process
        restarts: { limit: 1, within: 1m }
        stop_timeout: 1s
      - address: ${DB}/24
  free:
    place: [chip, dale]
    resources:
      - process: ${tools}/process
        exclusive: false
        stop_timeout: 1s
      - address: ${FREE}/24
  checked:
    place: [chip, dale]
    failure_age: 2s
    resources:
      - address: ${CHECKED}/24
    checks:
      - command: ${tools}/check
        every: 200ms
        timeout: 200ms
        rise: 2
        fall: 2
        grace: 0s
`;
    // Nothing proves that the process of db is gone: whoever wants that has to say so.
    const top = "fencing: { chip: operator, dale: operator }";
    writeFileSync(cluster.config, configText(cluster.world, { services, top }));
    try {
      for (const name of [...cluster.nodes, cluster.witness]) startDaemon(cluster, name);
      await whole(cluster);
      client = await Client.start(cluster, ALL);
    } catch (error) {
      await down(cluster.world);
      throw error;
    }
  });

  after(async () => {
    await closeCluster(cluster);
  });

  const fileOn = (node: string, name: string) => join(hostOf(cluster.world, node).folder, name);
  const commandLog = (node: string) =>
    existsSync(fileOn(node, "command.log")) ? readFileSync(fileOn(node, "command.log"), "utf8") : "";

  /** The main process of a service on a node, if it runs. */
  function processOf(node: string, service: string): number | null {
    const file = fileOn(node, `${service}.pid`);
    if (!existsSync(file)) return null;
    const pid = Number(readFileSync(file, "utf8"));
    return pidsIn(hostOf(cluster.world, node).namespace).includes(pid) ? pid : null;
  }

  test("each starts once, on its preferred node, with its address open after it", async () => {
    for (const service of ["app", "db", "free", "checked"])
      assert.equal(await settled(cluster, service), "chip");
    assert.match(commandLog("chip"), /^start app term \d+$/m);
    assert.doesNotMatch(commandLog("dale"), /start/);
    assert.ok(processOf("chip", "db") !== null);
    assert.equal(processOf("dale", "db"), null);
    for (const ip of ALL) await heldBy(cluster, ip, "chip");
  });

  test("a switchover stops on the one node before it starts on the other", async () => {
    const seen = await client.during(async () => {
      await says(cluster, "chip", ["switchover", "app", "--to", "dale", "--yes"], 0);
      await says(cluster, "chip", ["switchover", "db", "--to", "dale", "--yes"], 0);
    });
    neverTwo(seen);
    assert.match(commandLog("chip"), /stop app/);
    assert.match(commandLog("dale"), /start app/);
    const told = ({ subject, what }: { subject: string; what: string }) =>
      subject === "app" && what === "dale: stopped -> active";
    await journalled(cluster, "dale", told);
    await journalled(
      cluster,
      "chip",
      ({ subject, what }) => subject === "app" && what === "chip: active -> stopped",
    );
    assert.equal(processOf("chip", "db"), null);
    assert.ok(processOf("dale", "db") !== null);
    await heldBy(cluster, DB, "dale");
    await says(cluster, "chip", ["switchover", "db", "--to", "chip", "--yes"], 0);
    await says(cluster, "chip", ["switchover", "app", "--to", "chip", "--yes"], 0);
    await whole(cluster);
  });

  test("a process that is killed is started again in place; one that dies too often moves the service", async () => {
    const first = processOf("chip", "db");
    assert.ok(first !== null);
    const since = journalOf(cluster, "chip").length;
    signal(first, "SIGKILL");
    const again = await until(
      () => {
        const pid = processOf("chip", "db");
        return pid === first ? null : pid;
      },
      { withinMs: 10_000 },
    );
    assert.ok(again !== null, "it runs again");
    await journalled(
      cluster,
      "chip",
      ({ subject, code }) => subject === "db" && code === "process-exit",
      since,
    );
    assert.equal(await settled(cluster, "db"), "chip");

    // Every further start fails: its restarts are used up, then those of the service, then it moves.
    writeFileSync(fileOn("chip", "poisoned"), "");
    const seen = await client.during(async () => {
      signal(again, "SIGKILL");
      await settled(cluster, "db", ["dale"]);
      await client.answered(DB, monotonicMs(), "dale");
    });
    neverTwo(seen);
    assert.ok(processOf("dale", "db") !== null);
    assert.equal(processOf("chip", "db"), null);
    await shows(cluster, "chip", ["why", "db"], 0, /failed on chip/);
    rmSync(fileOn("chip", "poisoned"));
    await heldBy(cluster, DB, "dale");
    // Where it failed nobody moves it back to before that has aged.
    assert.match(
      await says(cluster, "chip", ["switchover", "db", "--to", "chip", "--yes"], 2),
      /failed on chip/,
    );
  });

  test("a check that fails on the active node only moves the service; one that fails everywhere moves nothing", async () => {
    const flag = (node: string) => join(tools, `failing-${node}`);
    const since = journalOf(cluster, "chip").length;
    const seen = await client.during(async () => {
      writeFileSync(flag("chip"), "");
      await settled(cluster, "checked", ["dale"]);
    });
    neverTwo(seen);
    await journalled(
      cluster,
      "chip",
      ({ subject, code }) => subject === "checked" && code === "failing",
      since,
    );
    await shows(cluster, "dale", ["why", "checked"], 0, /told to fail/);
    const stays = await client.during(async () => {
      writeFileSync(flag("dale"), "");
      await statusThat(cluster, "dale", ({ services }) =>
        services.some((s) => s.name === "checked" && s.health === "failing"),
      );
      await sleep(1_000);
      assert.equal((await serviceOf(cluster, "checked"))?.active, "dale");
    });
    undisturbed(stays.get(CHECKED), "dale");
    await shows(cluster, "dale", ["status"], 1, /^Degraded: .*checked is failing on dale/);
    rmSync(flag("dale"));
    rmSync(flag("chip"));
    await statusThat(cluster, "dale", ({ services }) =>
      services.some((s) => s.name === "checked" && s.health === "healthy" && s.ready.length > 0),
    );
  });

  test("in maintenance a failing check is seen, and nothing moves", async () => {
    await says(cluster, "dale", ["maintenance", "on", "checked"], 0);
    const active = (await serviceOf(cluster, "checked"))?.active ?? "";
    const seen = await client.during(async () => {
      writeFileSync(join(tools, `failing-${active}`), "");
      await statusThat(cluster, active, ({ services }) =>
        services.some((s) => s.name === "checked" && s.health === "failing"),
      );
      await sleep(500);
    });
    undisturbed(seen.get(CHECKED), active);
    await says(cluster, "dale", ["maintenance", "off", "checked"], 0);
    assert.equal(await settled(cluster, "checked", [other(cluster, active)]), other(cluster, active));
    rmSync(join(tools, `failing-${active}`));
  });

  test("a node dies with an exclusive process: that service waits for the node, the others move", async () => {
    // Failures of before have aged; then everything is brought to dale.
    await statusThat(cluster, "dale", ({ services }) => services.every((s) => s.ready.length > 0));
    for (const name of ["app", "db", "free", "checked"]) {
      const at = await settled(cluster, name);
      if (at !== "dale") await says(cluster, "dale", ["switchover", name, "--to", "dale", "--yes"], 0);
    }
    const orphan = processOf("dale", "db");
    assert.ok(orphan !== null);
    const seen = await client.during(async () => {
      await killDaemon(cluster, "dale");
      for (const name of ["app", "free", "checked"]) await settled(cluster, name, ["chip"], ["chip"]);
      for (const ip of [APP, FREE, CHECKED]) await client.answered(ip, monotonicMs(), "chip");
      await statusThat(cluster, "chip", ({ services }) =>
        services.some((s) => s.name === "db" && s.active === null && s.waiting !== null),
      );
      await sleep(1_500);
    });
    neverTwo(seen);
    assert.equal(processOf("chip", "db"), null, "a second copy was started");
    const text = await shows(cluster, "chip", ["status"], 2);
    assert.match(text, /^Down: db .*dale/);
    await shows(cluster, "chip", ["why", "db"], 0, /dale .*does not prove that it stopped db/);

    startDaemon(cluster, "dale");
    await settled(cluster, "db");
    await whole(cluster);
    assert.ok(
      !pidsIn(hostOf(cluster.world, "dale").namespace).includes(orphan),
      "what the killed daemon left was ended",
    );
    const at = await settled(cluster, "db");
    assert.ok(processOf(at, "db") !== null);
    assert.equal(processOf(other(cluster, at), "db"), null);
    await heldBy(cluster, DB, at);
  });

  test("an orderly stop takes the processes along", async () => {
    const at = await settled(cluster, "db");
    await stopsInOrder(cluster, at);
    for (const name of ["app", "db", "free"]) {
      assert.equal(processOf(at, name), null, name);
      await settled(cluster, name, [other(cluster, at)], [other(cluster, at)]);
    }
    const left = await statusOf(cluster, other(cluster, at));
    assert.ok(left?.services.every(({ active }) => active === other(cluster, at)));
  });
});
