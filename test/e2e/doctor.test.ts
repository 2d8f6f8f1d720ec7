// understudy doctor on real hosts: a healthy cluster, and one whose firewalls drop what members say, one way.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { type Cluster, programPath, startDaemon, stopDaemon } from "../../lab/cluster.ts";
import { until } from "../../lab/shell.ts";
import { end, hostOf, mustIn, type Running, runIn, startIn } from "../../lab/world.ts";
import { closeCluster, configText, prepareCluster, skip, whole, withConfig } from "./cluster.ts";

const SERVICES = `
  web:
    place: [chip, dale]
    resources:
      - address: 10.77.0.100/24
`;
const DEADLINE_MS = 40_000;

interface Finding {
  readonly area: string;
  readonly code: string;
  readonly state: string;
  readonly text: string;
  readonly advice: string | null;
}

interface Report {
  readonly format: number;
  readonly node: string | null;
  readonly daemon: boolean;
  readonly exit: number;
  readonly findings: readonly Finding[];
}

describe("doctor", { skip, timeout: 115_000 }, () => {
  let cluster: Cluster;
  const listeners: Running[] = [];
  const members = () => [...cluster.nodes, cluster.witness];

  before(async () => {
    cluster = await prepareCluster({ services: SERVICES });
  });

  afterEach(async () => {
    await Promise.all(
      members().map((name) => runIn(cluster.world, name, ["nft", "delete", "table", "inet", "wall"])),
    );
  });

  after(async () => {
    await closeCluster(cluster);
  });

  const foldersOf = (name: string) => {
    const { folder } = hostOf(cluster.world, name);
    return ["--state-dir", `${folder}/state`, "--run-dir", `${folder}/run`];
  };
  const argv = (name: string, more: readonly string[] = [], config = cluster.config) => [
    ...[programPath(), "doctor", "--config", config],
    ...foldersOf(name),
    ...more,
  ];

  async function examine(name: string, config = cluster.config): Promise<Report> {
    const { code, stdout, stderr } = await runIn(cluster.world, name, argv(name, ["--json"], config), {
      timeoutMs: DEADLINE_MS,
    });
    assert.equal(stderr, "");
    const report = JSON.parse(stdout) as Report;
    assert.deepEqual([report.format, report.exit, report.node], [1, code, name]);
    return report;
  }

  /** A rule as somebody's firewall would have it. */
  async function wall(name: string, hook: "input" | "output", rule: string): Promise<void> {
    const table = `table inet wall { chain c { type filter hook ${hook} priority 0; ${rule}; }; }`;
    await mustIn(cluster.world, name, ["nft", "-f", "-"], { input: `${table}\n` });
  }

  /** Neither warning nor problem, but for what the machine below the namespaces may lack. */
  function healthy({ findings }: Report): void {
    const bad = findings.filter(
      ({ state, code }) => ["warning", "problem"].includes(state) && !MACHINE.has(code),
    );
    assert.deepEqual(bad, []);
  }
  const MACHINE = new Set(["realtime", "clocks", "slew", "file-system", "space", "writable", "others"]);

  const blocked = ({ findings }: Report) => findings.filter(({ code }) => code === "blocked");
  const addressOf = (name: string) => hostOf(cluster.world, name).address;

  test("a member is recognised by its address; where nobody answers, the way is not tested", async () => {
    const report = await examine("chip");
    assert.equal(report.daemon, false);
    healthy(report);
    const untested = report.findings.filter(({ state }) => state === "not-tested");
    assert.ok(untested.length > 0 && untested.every(({ area }) => area === "traffic"));
    assert.ok(untested.some(({ text }) => text.includes("run understudy doctor --listen on dale")));
    const kernel = report.findings.filter(({ area }) => area === "kernel");
    assert.deepEqual(
      kernel.map(({ code, state }) => [code, state]),
      ["koffi", "guard", "timedSets", "lifetimes", "packets", "monitor"].map((code) => [code, "ok"]),
    );
    const { stdout } = await runIn(cluster.world, "chip", ["nft", "list", "tables"]);
    assert.equal(stdout.trim(), "", "nothing is left behind");
  });

  test("doctors that listen answer: every way is open", async () => {
    for (const name of ["dale", cluster.witness]) {
      const listener = startIn(cluster.world, name, argv(name, ["--listen"]), { name: "doctor" });
      listeners.push(listener);
    }
    const report = await untilTested();
    healthy(report);
    assert.deepEqual(
      report.findings.filter(({ area }) => area === "traffic").map(({ state }) => state),
      ["ok", "ok"],
    );
  });

  /** Until the listeners are up; each examination takes some seconds. */
  async function untilTested(): Promise<Report> {
    const isTested = ({ findings }: Report) => findings.every(({ state }) => state !== "not-tested");
    const report = await until(async () => [await examine("chip")].find(isTested) ?? null, {
      withinMs: DEADLINE_MS,
    });
    assert.ok(report !== null, "the listeners answer");
    return report;
  }

  test("without daemons: what a firewall drops is named with direction, port and member, and with its own rule", async () => {
    await wall("dale", "input", `ip saddr ${addressOf("chip")} udp dport 5408 drop`);
    await wall("chip", "input", `ip saddr ${addressOf("dale")} udp dport 5407 drop`);
    const report = await examine("chip");
    assert.equal(report.exit, 2);
    const [inward, outward, ...others] = blocked(report);
    assert.deepEqual(others, []);
    assert.match(
      outward?.text ?? "",
      /^UDP 5408 from chip \(10\.77\.0\.1\) to dale \(10\.77\.0\.2\) is blocked/,
    );
    assert.match(outward?.advice ?? "", /look on dale/);
    // Told from what never arrives.
    assert.match(
      inward?.text ?? "",
      /^UDP 5407 from dale .* to chip .* arrives at the device and goes no further/,
    );
    assert.match(
      inward?.advice ?? "",
      /own firewall drops it: nft: a drop of UDP 5407 in inet wall c, handle \d+$/,
    );
  });

  test("a listener ends at SIGTERM, with 0", async () => {
    for (const listener of listeners) {
      await end(listener, "SIGTERM");
      assert.equal(await listener.ended, 0);
    }
  });

  test("beside healthy daemons all is ok, on nodes and witness", async () => {
    for (const name of members()) startDaemon(cluster, name);
    await whole(cluster);
    const reports = await Promise.all(members().map(async (name) => [name, await examine(name)] as const));
    for (const [name, report] of reports) {
      assert.equal(report.daemon, true);
      healthy(report);
      const open = report.findings.filter(({ area, code }) => area === "traffic" && code === "passes");
      assert.ok(
        open.some(({ text }) => text.includes("tested by what the running daemons say")),
        name,
      );
    }
  });

  test("beside daemons: a drop at dale is seen at chip as not heard by dale", async () => {
    await wall("dale", "input", `ip saddr ${addressOf("chip")} udp dport 5407 drop`);
    await settledFor();
    const [found = [], there = []] = (await Promise.all(["chip", "dale"].map((name) => examine(name)))).map(
      blocked,
    );
    assert.ok(
      found.some(({ text }) => /^UDP 5407 from chip to dale is blocked: dale hears nothing/.test(text)),
      JSON.stringify(found),
    );
    assert.ok(
      there.some(
        ({ text, advice }) =>
          /^UDP 5407 from chip .* to dale .* arrives at the device/.test(text) &&
          /inet wall c, handle/.test(advice ?? ""),
      ),
      JSON.stringify(there),
    );
  });

  test("beside daemons: what dale does not let out never arrives at chip", async () => {
    await wall("dale", "output", `ip daddr ${addressOf("chip")} udp dport 5407 drop`);
    await settledFor();
    const found = blocked(await examine("chip"));
    assert.ok(
      found.some(({ text }) =>
        /^UDP 5407 from dale .* to chip .* is blocked: nothing arrives here/.test(text),
      ),
      JSON.stringify(found),
    );
    assert.ok(found.every(({ text }) => text.includes("dale")));
  });

  /** The daemons need a lease to notice that a link is silent. */
  const settledFor = () => new Promise((resolve) => setTimeout(resolve, 2_500));

  test("a listener is refused beside a daemon; an unknown member is a wrong command line", async () => {
    const refused = await runIn(cluster.world, "chip", argv("chip", ["--listen"]), {
      timeoutMs: DEADLINE_MS,
    });
    assert.deepEqual([refused.code, refused.stdout], [2, ""]);
    assert.match(refused.stderr, /the daemon runs here and has the ports/);
    const unknown = await runIn(cluster.world, "chip", argv("chip", ["--node", "chop"]), {
      timeoutMs: DEADLINE_MS,
    });
    assert.equal(unknown.code, 64);
    assert.match(unknown.stderr, /no member "chop"; did you mean chip\?/);
    for (const name of members()) await stopDaemon(cluster, name);
  });

  test("fence devices are asked for their status; a stranger that answers for a floating address is found", async () => {
    await mustIn(cluster.world, "client", ["ip", "address", "add", "10.77.0.100/32", "dev", "eth0"]);
    const fencing = `fencing:
  chip: { agent: fence_nobody }
  dale:
    - { command: { off: /bin/false, status: /bin/true } }
    - { command: { off: /bin/true, status: /bin/false } }
    - { agent: fence_unheard_of }
    - operator
`;
    const text = configText(cluster.world, { services: SERVICES, top: fencing });
    const { findings } = await examine("chip", withConfig(cluster, "fencing.yaml", text).config);
    const fences = findings.filter(({ area }) => area === "fencing");
    assert.deepEqual(
      fences.map(({ state }) => state),
      ["ok", "problem", "problem", "ok"],
    );
    assert.match(fences[0]?.text ?? "", /\(for dale\) answers: the node is on$/);
    assert.match(fences[2]?.text ?? "", /fence_unheard_of is not installed/);
    assert.match(fences[3]?.text ?? "", /understudy confirm-dead dale/);
    const claimed = findings.find(({ code }) => code === "claimed");
    // All members are recognised by their own addresses, so this one is certainly none of them.
    assert.equal(claimed?.state, "problem");
    assert.match(claimed?.text ?? "", /^the machine 02:77:00:00:00:fe answers for 10\.77\.0\.100/);
  });

  test("a broken configuration and an open key are problems, and the host is examined all the same", async () => {
    const key = `${cluster.world.folder}/cluster.key`;
    await mustIn(cluster.world, "chip", ["chmod", "644", key]);
    const broken = [programPath(), "doctor", "--config", `${cluster.config}.missing`];
    const [{ code, stdout }, { findings }] = await Promise.all([
      runIn(cluster.world, "chip", broken, { timeoutMs: DEADLINE_MS }),
      examine("dale"),
    ]);
    assert.equal(code, 2);
    assert.match(stdout, /^PROBLEM +configuration +cannot read/m);
    assert.match(stdout, /^ok +kernel +the guard/m);
    assert.match(stdout, /^not tested +traffic/m);
    const opened = findings.find(({ code: each }) => each === "key");
    assert.equal(opened?.state, "problem");
    assert.match(opened?.text ?? "", /is open to others .*chmod 600/);
  });
});
