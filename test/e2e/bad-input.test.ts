// What must not get in, and what must not get through: noise, foreign keys, second daemons, broken files and disks.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Cluster, killDaemon, programPath, startDaemon } from "../../lab/cluster.ts";
import { signal } from "../../lab/namespaces.ts";
import { until } from "../../lab/shell.ts";
import { end, hostOf, mustIn, runIn, startIn } from "../../lab/world.ts";
import {
  Client,
  closeCluster,
  configText,
  heldBy,
  journalled,
  journalOf,
  openCluster,
  says,
  settled,
  shows,
  skip,
  statusThat,
  undisturbed,
  whole,
} from "./cluster.ts";

const WEB = "10.77.0.100";
const MORE = "10.77.0.101";
const EXTRA = "10.77.0.102";

const web = (addresses: string) => `
  web:
    place: [chip, dale]
    resources:
      - addresses: [${addresses}]
`;
const SERVICES = web(`${WEB}/24`);

/** Sends lines of hex, each a datagram, to a host and port. */
const SHOUT = `
const socket = require("node:dgram").createSocket("udp4");
const [host, port, ...datagrams] = process.argv.slice(1);
let answered = 0;
socket.on("message", () => answered++);
(async () => {
  for (const hex of datagrams) {
    await new Promise((done) => socket.send(Buffer.from(hex, "hex"), Number(port), host, done));
  }
  setTimeout(() => { console.log(answered); socket.close(); }, 300);
})();
`;

describe("bad input", { skip, timeout: 115_000 }, () => {
  let cluster: Cluster;
  let client: Client;

  before(async () => {
    cluster = await openCluster({ services: SERVICES, addresses: [WEB, MORE, EXTRA] });
    client = await Client.start(cluster, [WEB]);
  });

  after(async () => {
    await closeCluster(cluster);
  });

  /** Runs a daemon that is expected to end by itself; what it said. */
  async function refused(
    host: string,
    args: readonly string[],
    code: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const outcome = await runIn(cluster.world, host, [programPath(), ...args], { timeoutMs: 15_000, env });
    const text = `${outcome.stdout}${outcome.stderr}`;
    assert.equal(outcome.code, code, `understudy ${args.join(" ")}: ${text}`);
    return text;
  }

  const up = (node: string, more: Readonly<Record<string, string>> = {}): string[] => {
    const folder = join(cluster.world.folder, `second-${randomBytes(3).toString("hex")}`);
    const options = {
      config: cluster.config,
      "state-dir": `${folder}/state`,
      "run-dir": `${folder}/run`,
      ...more,
    };
    return [
      "up",
      "--node",
      node,
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    ];
  };

  test("truncated and random datagrams on both ports are counted, never answered, and disturb nothing", async () => {
    const active = await settled(cluster, "web");
    const { address } = hostOf(cluster.world, active);
    const lengths = [0, 1, 2, 15, 16, 17, 40, 64, 139, 500, 1200, 1400, 1472];
    const noise = lengths.flatMap((n) => [randomBytes(n), Buffer.alloc(n), Buffer.alloc(n, 1)]);
    const seen = await client.during(async () => {
      for (const port of ["5407", "5408"]) {
        const words = ["-e", SHOUT, address, port, ...noise.map((bytes) => bytes.toString("hex"))];
        assert.equal((await mustIn(cluster.world, "watch", [process.execPath, ...words])).trim(), "0");
      }
      await statusThat(
        cluster,
        active,
        ({ counters }) =>
          sumOf(counters, "pulses_refused_") >= noise.length &&
          sumOf(counters, "messages_refused_") >= noise.length,
        "as many refused datagrams",
      );
    });
    undisturbed(seen.get(WEB), active);
    await shows(cluster, active, ["status"], 0, /^All well/);
  });

  test("a daemon with a foreign key is not admitted, and counted", async () => {
    const key = join(cluster.world.folder, "foreign.key");
    writeFileSync(key, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
    const config = join(cluster.world.folder, "foreign.yaml");
    writeFileSync(
      config,
      readFileSync(cluster.config, "utf8").replace(/^key_file: .*$/m, `key_file: ${key}`),
    );
    await killDaemon(cluster, "dale");
    await settled(cluster, "web", ["chip"]);
    const seen = await client.during(async () => {
      startDaemon({ ...cluster, config }, "dale");
      await statusThat(
        cluster,
        "chip",
        (d) => (d.counters.pulses_refused_not_authentic ?? 0) > 50,
        "refused pulses",
      );
      await statusThat(cluster, "chip", (d) =>
        d.members.some(({ name, standing }) => name === "dale" && standing === "excluded"),
      );
      await killDaemon(cluster, "dale");
    });
    undisturbed(seen.get(WEB), "chip");
    startDaemon(cluster, "dale");
    await whole(cluster);
  });

  test("a second daemon is refused: the same state directory, or the same node on this host", async () => {
    const seen = await client.during(async () => {
      const { folder } = hostOf(cluster.world, "chip");
      const same = await refused("chip", up("chip", { "state-dir": join(folder, "state") }), 2);
      assert.match(same, /another understudy uses this directory/);
      assert.match(await refused("chip", up("chip"), 2), /port 540[78] .*in use/);
    });
    undisturbed(seen.get(WEB), "chip");
    await heldBy(cluster, WEB, "chip");
  });

  test("a second daemon of the same name on another host is refused, and disturbs nothing", async () => {
    // With and without leave to bind absent addresses, which is usual behind floating ones.
    for (const leave of ["1", "0"]) {
      const setting = "/proc/sys/net/ipv4/ip_nonlocal_bind";
      await mustIn(cluster.world, "watch", ["sh", "-c", `echo ${leave} > ${setting}`]);
      const seen = await client.during(async () => {
        assert.match(await refused("watch", up("chip"), 2), /10\.77\.0\.1 is not on this host/);
      });
      undisturbed(seen.get(WEB), "chip");
    }
  });

  test("what is missing is named: the device, the node, the file, the right key mode", async () => {
    const write = (name: string, text: string) => {
      const file = join(cluster.world.folder, name);
      writeFileSync(file, text);
      return file;
    };
    const text = readFileSync(cluster.config, "utf8");
    assert.match(await refused("watch", up("chap"), 64), /no node "chap".*did you mean chip/);
    assert.match(
      await refused("watch", up("chip", { config: "/nowhere/at/all.yaml" }), 65),
      /nowhere\/at\/all\.yaml/,
    );
    const broken = await refused(
      "watch",
      up("chip", { config: write("broken.yaml", text.replace("place", "plaice")) }),
      65,
    );
    assert.match(broken, /broken\.yaml:\d+:\d+/);
    assert.match(broken, /did you mean/);
    const alone = write(
      "alone.yaml",
      text.replace(/^witness: .*$/m, "fencing: { chip: { ssh: root@10.77.0.1 } }"),
    );
    const unproved = await refused("watch", up("chip", { config: alone }), 65);
    assert.match(
      unproved,
      /alone\.yaml:\d+:\d+: services\.web\.place\[0\]: nothing could ever prove that chip or dale/,
    );
    assert.match(
      unproved,
      /ssh only asks[\s\S]*\^[\s\S]*hint: the ways out: a witness.*fencing: .*split: eager.*operator/,
    );
    const told = 'fencing: { chip: { ipmi: 10.9.8.1, user: ha, password: "s3cret" } }';
    const leaky = write("leaky.yaml", text.replace(/^witness: /m, `${told}\n$&`));
    const kept = await refused("watch", up("chip", { config: leaky }), 65);
    assert.match(
      kept,
      /leaky\.yaml:\d+:\d+: fencing\.chip\.password: passwords are not written[\s\S]*hint: password_file/,
    );
    assert.doesNotMatch(kept, /s3cret/);
    const open = join(cluster.world.folder, "open.key");
    writeFileSync(open, `${"ab".repeat(32)}\n`);
    chmodSync(open, 0o644);
    const config = write("open.yaml", text.replace(/^key_file: .*$/m, `key_file: ${open}`));
    assert.match(await refused("watch", up("chip", { config }), 2), /open to others.*chmod 600/);
  });

  test("a state directory that is read-only or full is refused with its path", async () => {
    const mount = async (options: string) => {
      const folder = join(cluster.world.folder, `disk-${options.replace(/\W/g, "")}`);
      mkdirSync(folder, { recursive: true });
      // In a mount namespace of its own: gone with the command.
      const script = `mount -t tmpfs -o ${options} tmpfs ${folder}; [ ${options} = size=8k ] && head -c 8192 /dev/zero > ${folder}/big; mount -o remount${options === "ro" ? ",ro" : ""} ${folder} 2>/dev/null; exec "$@"`;
      return { folder, argv: ["unshare", "-m", "sh", "-c", script, "sh"] };
    };
    for (const options of ["ro", "size=8k"]) {
      const { folder, argv } = await mount(options);
      const outcome = await runIn(
        cluster.world,
        "watch",
        [...argv, programPath(), ...up("chip", { "state-dir": folder })],
        { timeoutMs: 15_000 },
      );
      assert.equal(outcome.code, 2, outcome.stderr);
      assert.match(outcome.stderr, new RegExp(folder), options);
      assert.match(outcome.stderr, options === "ro" ? /read-only/i : /full|space/i);
    }
  });

  test("a disk that fills up while the daemon runs: it goes on, and says so", async () => {
    const { folder } = hostOf(cluster.world, "dale");
    await killDaemon(cluster, "dale");
    await settled(cluster, "web", ["chip"]);
    const disk = join(cluster.world.folder, "small");
    mkdirSync(disk, { recursive: true });
    // The mount lives in the namespace of the daemon; /proc/PID/root leads into it.
    const script = `mount -t tmpfs -o size=256k tmpfs ${disk} && exec "$@"`;
    const daemon = startIn(
      cluster.world,
      "dale",
      [
        "unshare",
        "-m",
        "sh",
        "-c",
        script,
        "sh",
        programPath(),
        ...up("dale", { "state-dir": disk, "run-dir": join(folder, "run") }),
      ],
      { name: "understudy-small" },
    );
    await whole(cluster);
    const inside = `/proc/${daemon.pid}/root${disk}`;
    const filled = await runIn(cluster.world, "dale", [
      "sh",
      "-c",
      `head -c 1000000 /dev/zero > ${inside}/big; test -s ${inside}/big`,
    ]);
    assert.equal(filled.code, 0);
    const seen = await client.during(async () => {
      // Its vote cannot be stored now, and its journal neither: chip goes on with the witness.
      const outcome = await says(cluster, "chip", ["maintenance", "on", "web"], 0);
      assert.match(outcome, /maintenance of web is on/);
      await statusThat(
        cluster,
        "dale",
        ({ warnings }) => warnings.some((text) => /full|space/i.test(text)),
        "a warning",
      );
      await says(cluster, "chip", ["maintenance", "off", "web"], 0);
    });
    undisturbed(seen.get(WEB), "chip");
    await end(daemon, "SIGKILL");
    startDaemon(cluster, "dale");
    await whole(cluster);
  });

  test("nft is not needed on the PATH, an interface for the address is: it says what there is", async () => {
    await killDaemon(cluster, "dale");
    await settled(cluster, "web", ["chip"]);
    const config = join(cluster.world.folder, "far.yaml");
    writeFileSync(config, readFileSync(cluster.config, "utf8").replaceAll(`${WEB}/24`, "192.0.2.77/24"));
    const words = ["env", "PATH=/nowhere", programPath(), ...up("dale", { config })];
    const dale = startIn(cluster.world, "dale", words, { name: "understudy-far" });
    const log = () => (existsSync(dale.log) ? readFileSync(dale.log, "utf8") : "");
    assert.ok(await until(() => /192\.0\.2\.77/.test(log()), { withinMs: 10_000 }), log());
    assert.match(log(), /no device|eth0/i);
    const runDir = words[words.indexOf("--run-dir") + 1] ?? "";
    const status = await until(
      async () => {
        const { stdout } = await runIn(cluster.world, "dale", [programPath(), "status", "--run-dir", runDir]);
        return /^Warning: .*192\.0\.2\.77/m.test(stdout) ? stdout : null;
      },
      { withinMs: 10_000 },
    );
    assert.ok(status, "status warns of it");
    assert.equal(log().match(/192\.0\.2\.77/g)?.length, 1, "the journal says it once");
    await end(dale, "SIGTERM");
    startDaemon(cluster, "dale");
    await whole(cluster);
  });

  test("reload: a broken file is refused and the running one stays; a good one is taken up on the fly", async () => {
    const good = readFileSync(cluster.config, "utf8");
    const active = await settled(cluster, "web");
    const broken = await client.during(async () => {
      writeFileSync(cluster.config, good.replace("version: 1", "version: one"));
      assert.match(await says(cluster, "chip", ["reload"], 65), /version/);
      await journalled(cluster, "chip", ({ code }) => code === "reload-refused");
      signal(cluster.daemons.get("dale")?.pid ?? -1, "SIGHUP");
      await journalled(cluster, "dale", ({ code }) => code === "reload-refused");
    });
    undisturbed(broken.get(WEB), active);

    const services = `${web(`${WEB}/24, ${MORE}/24`)}
  extra:
    place: [dale, chip]
    resources:
      - address: ${EXTRA}/24
`;
    writeFileSync(cluster.config, configText(cluster.world, { services }));
    await says(cluster, "chip", ["reload"], 0);
    const differs = await shows(cluster, "chip", ["status"], 1);
    assert.match(differs, /another configuration/);
    for (const name of ["dale", "witness"]) await says(cluster, name, ["reload"], 0);
    await whole(cluster);
    await heldBy(cluster, MORE, await settled(cluster, "web"));
    await heldBy(cluster, WEB, await settled(cluster, "web"));
    await heldBy(cluster, EXTRA, await settled(cluster, "extra"));

    // An address is taken away while it is held: it is gone everywhere, the other one stays.
    writeFileSync(
      cluster.config,
      configText(cluster.world, { services: services.replace(`, ${MORE}/24`, "") }),
    );
    for (const name of ["dale", "chip", "witness"]) await says(cluster, name, ["reload"], 0);
    await whole(cluster);
    await heldBy(cluster, WEB, await settled(cluster, "web"));
    const left = await until(
      async () => {
        const all = await Promise.all(
          cluster.nodes.map((node) => mustIn(cluster.world, node, ["ip", "-o", "address", "show"])),
        );
        return !all.join("").includes(`${MORE}/`);
      },
      { withinMs: 10_000 },
    );
    assert.ok(left, "the address that was taken out of the file is on no host");
    for (const node of cluster.nodes) {
      const rules = await mustIn(cluster.world, node, ["nft", "list", "table", "inet", "understudy"]);
      assert.doesNotMatch(rules, new RegExp(MORE.replaceAll(".", "\\.")), `${node} guards it no more`);
    }
    await shows(cluster, "chip", ["status"], 0, /^All well/);
    assert.ok(journalOf(cluster, "chip").some(({ code }) => code === "reloaded"));
  });

  test("what needs a restart is refused at a reload, and named", async () => {
    const good = readFileSync(cluster.config, "utf8");
    writeFileSync(cluster.config, good.replace("cluster: tried", "cluster: tired"));
    assert.match(await says(cluster, "chip", ["reload"], 65), /cluster's name needs a restart/);
    writeFileSync(cluster.config, good);
    assert.match(await says(cluster, "chip", ["reload"], 0), /same/);
  });
});

function sumOf(counters: Readonly<Record<string, number>>, prefix: string): number {
  return Object.entries(counters)
    .filter(([name]) => name.startsWith(prefix))
    .reduce((sum, [, count]) => sum + count, 0);
}
