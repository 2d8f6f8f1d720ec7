// Stopping that fails, with real processes: each step up to SIGKILL is told, and what cannot be stopped at all starts
// elsewhere only after its node was fenced; without a fence device an operator is told what to do. And starting that
// failed on every node is tried again.

import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Cluster, command, startDaemon } from "../../lab/cluster.ts";
import { setLink } from "../../lab/faults.ts";
import { pidsIn } from "../../lab/namespaces.ts";
import { sleep, until } from "../../lab/shell.ts";
import { hostOf, type World } from "../../lab/world.ts";
import {
  closeCluster,
  configText,
  heldBy,
  journalled,
  journalOf,
  openCluster,
  other,
  prepareCluster,
  SOON_MS,
  says,
  settled,
  shows,
  skip,
  statusThat,
  whole,
  withConfig,
} from "./cluster.ts";

/** How the exclusive process is told apart from everything else: by what it was started with. */
const MARK = "86402";
/** Long enough for a start that must not be. */
const LONG_MS = 2_000;
const FLOATING = "10.77.0.100";

/** A database that is stopped by a command: `stuck` makes it fail, `hang` makes it hang; files of that name and node. */
const DATABASE = `#!/bin/sh
folder=$(dirname "$0") node=$UNDERSTUDY_NODE
case $1 in
start)
  echo "start $node" >> $folder/events
  sleep ${MARK} > $folder/out 2>&1 &
  echo $! > $folder/pid-$node
  ;;
stop)
  [ -e $folder/hang-$node ] && exec sleep 60
  [ -e $folder/stuck-$node ] && { echo "told to refuse"; exit 1; }
  echo "stop $node" >> $folder/events
  [ -e $folder/pid-$node ] && kill $(cat $folder/pid-$node) 2> $folder/out
  rm -f $folder/pid-$node
  ;;
esac
exit 0
`;

/** A power switch. What it ends includes itself, when a node has itself switched off. */
const fenceText = ({ folder, prefix }: World): string => `#!/bin/sh
verb=$1 node=$2 power=${folder}/power-$2
case $verb in
off)
  echo "off $node" >> ${folder}/events
  echo off > $power
  for pid in $(ip netns pids ${prefix}$node); do [ $pid = $$ ] || kill -9 $pid; done
  ;;
on) echo on > $power ;;
status) [ "$(cat $power 2>&1)" = off ] && exit 2 ;;
esac
exit 0
`;

async function openDatabase(fencing: (folder: string) => string): Promise<Cluster> {
  const bare = await prepareCluster({ services: "" });
  const { folder } = bare.world;
  for (const [name, text] of [
    ["db", DATABASE],
    ["fence", fenceText(bare.world)],
    ["events", ""],
  ] as const)
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  const services = `
  db:
    place: [chip, dale]
    resources:
      - command: { start: ${folder}/db start, stop: ${folder}/db stop }
        timeouts: { stop: 2s }
`;
  const text = configText(bare.world, { services, top: fencing(folder) });
  const cluster = withConfig(bare, "stopping.yaml", text);
  for (const name of [...cluster.nodes, cluster.witness]) startDaemon(cluster, name);
  await whole(cluster);
  return cluster;
}

/** Hosts on which the process runs. */
function runners(cluster: Cluster): string[] {
  const isIt = (pid: number): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(MARK);
    } catch {
      return false;
    }
  };
  return cluster.nodes.filter((node) => pidsIn(hostOf(cluster.world, node).namespace).some(isIt));
}

async function runsOn(cluster: Cluster, node: string): Promise<void> {
  const isThere = await until(() => runners(cluster).join() === node, { withinMs: 2 * SOON_MS });
  assert.ok(isThere, `the process runs on ${runners(cluster).join() || "no host"} instead of ${node} alone`);
}

const file = (cluster: Cluster, name: string): string => join(cluster.world.folder, name);
const put = (cluster: Cluster, name: string): void => writeFileSync(file(cluster, name), "");
const events = (cluster: Cluster): string[] =>
  readFileSync(file(cluster, "events"), "utf8").trim().split("\n");

/** Asks for it and does not wait: it cannot be done as things are. */
async function moveTo(cluster: Cluster, node: string): Promise<void> {
  await says(cluster, node, ["switchover", "db", "--to", node, "--yes", "--no-wait"], 0);
}

const withCode =
  (...codes: string[]) =>
  ({ code }: { readonly code: string }): boolean =>
    codes.includes(code);

describe("a process that ignores SIGTERM", { skip, timeout: 100_000 }, () => {
  let cluster: Cluster;

  before(async () => {
    const services = `
  app:
    place: [chip, dale]
    resources:
      - process: [/bin/sh, -c, "trap '' TERM; while :; do sleep ${MARK}; done"]
        exclusive: false
        stop_timeout: 2s
  web:
    place: [chip, dale]
    resources:
      - address: ${FLOATING}/24
`;
    cluster = await openCluster({ services });
  });
  after(async () => {
    await closeCluster(cluster);
  });

  test("it is killed after its time, and the journal tells what was waited for and what was done", async () => {
    const from = await settled(cluster, "app");
    const to = other(cluster, from);
    const since = journalOf(cluster, from).length;
    await says(cluster, to, ["switchover", "app", "--to", to, "--yes"], 0);
    await runsOn(cluster, to);
    const told = journalOf(cluster, from)
      .slice(since)
      .filter(({ area, subject }) => area === "service" && subject === "app");
    assert.deepEqual(
      told.map(({ code }) => code),
      ["stop-slow", "killed", "stopped"],
    );
    assert.match(
      told[0]?.why ?? "",
      /^stop of .* was asked and is not over; SIGKILL follows 2 s after SIGTERM$/,
    );
    assert.match(
      told[1]?.why ?? "",
      /^SIGTERM did not end it within 2 s, so process.* \d+ w.* ended with SIGKILL$/,
    );
  });

  test("a link blinks on one node after the other: the address is back at once, not after its failure age", async () => {
    const blink = async (node: string) => {
      const since = journalOf(cluster, node).length;
      await setLink(cluster.world, node, 0, "down");
      await journalled(cluster, node, ({ subject, code }) => subject === "web" && code === "failed", since);
      await setLink(cluster.world, node, 0, "up");
    };
    const first = await settled(cluster, "web");
    const second = other(cluster, first);
    await blink(first);
    assert.equal(await settled(cluster, "web", [second], [second]), second);
    await blink(second);
    await heldBy(cluster, FLOATING, first);
  });
});

describe("what cannot be stopped, with a fence device", { skip, timeout: 118_000 }, () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await openDatabase((folder) => {
      const call = (verb: string, node: string) => `[${folder}/fence, ${verb}, ${node}]`;
      const device = (node: string) =>
        `  ${node}: { command: { off: ${call("off", node)}, status: ${call("status", node)}, on: ${call("on", node)} } }`;
      return `fencing:\n${["chip", "dale"].map(device).join("\n")}`;
    });
  });
  after(async () => {
    await closeCluster(cluster);
  });

  test("a stop command that hangs once is tried again, and nobody is fenced", async () => {
    const from = await settled(cluster, "db");
    const to = other(cluster, from);
    const since = journalOf(cluster, from).length;
    put(cluster, `hang-${from}`);
    await moveTo(cluster, to);
    const slow = await journalled(cluster, from, withCode("stop-slow"), since);
    assert.match(slow.why, /it is given up after 2 s$/);
    const failed = await journalled(cluster, from, withCode("stop-failed"), since);
    assert.match(failed.why, /^stop of .* did not answer within \d+ ms: .*; tried again in 5 s$/);
    assert.deepEqual(runners(cluster), [from]);
    rmSync(file(cluster, `hang-${from}`));
    await runsOn(cluster, to);
    assert.deepEqual(events(cluster).slice(-2), [`stop ${from}`, `start ${to}`]);
    assert.ok(!events(cluster).some((line) => line.startsWith("off")));
  });

  // Once on whichever node it is, then on the other one: one of them leads, or the node that was just fenced did.
  for (const round of ["first", "second"]) {
    test(`a stop command that always fails: its node is fenced, and only then it starts elsewhere (${round})`, async () => {
      const from = await settled(cluster, "db");
      const to = other(cluster, from);
      const since = journalOf(cluster, from).length;
      writeFileSync(file(cluster, "events"), "");
      put(cluster, `stuck-${from}`);
      await moveTo(cluster, to);
      await runsOn(cluster, to);
      await cluster.daemons.get(from)?.ended;
      const told = journalOf(cluster, from).slice(since);
      assert.match(told.find(withCode("stop-failed"))?.why ?? "", /told to refuse; tried again in 5 s$/);
      assert.match(
        told.find(withCode("stuck"))?.why ?? "",
        /only a fence or reset of \w+ makes certain that it ends/,
      );
      const seen = events(cluster);
      assert.equal(seen[0], `off ${from}`);
      assert.equal(seen.at(-1), `start ${to}`);
      rmSync(file(cluster, `stuck-${from}`));
      startDaemon(cluster, from);
      await whole(cluster);
      assert.deepEqual(runners(cluster), [to]);
    });
  }
});

describe("what cannot be stopped, without one", { skip, timeout: 110_000 }, () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await openDatabase(() => "fencing: { chip: operator, dale: operator }");
  });
  after(async () => {
    await closeCluster(cluster);
  });

  test("it stays where it is, and status and why say what to do; ended by hand it goes on", async () => {
    const from = await settled(cluster, "db");
    const to = other(cluster, from);
    writeFileSync(file(cluster, "events"), "");
    put(cluster, `stuck-${from}`);
    await moveTo(cluster, to);
    await statusThat(
      cluster,
      to,
      ({ services: [db] }) => db?.waiting?.code === "stuck",
      "a service that cannot be stopped",
    );
    const guidance = new RegExp(
      `${from} could not stop db \\(stop of .* exit code 1: told to refuse\\): it goes on once what is left there was ended by hand, or ${from} is fenced or reset; type .understudy confirm-dead ${from}. once you made certain that it is off`,
    );
    await shows(cluster, to, ["why", "db"], 0, guidance);
    assert.match((await command(cluster, to, ["status"])).stdout.replaceAll(/\s+/g, " "), guidance);
    await sleep(LONG_MS);
    assert.deepEqual(runners(cluster), [from]);
    assert.deepEqual(events(cluster), [""]);
    rmSync(file(cluster, `stuck-${from}`));
    await runsOn(cluster, to);
    assert.deepEqual(events(cluster), [`stop ${from}`, `start ${to}`]);
  });
});
