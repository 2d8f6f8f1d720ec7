// The lab's own ground: its faults must do what they say, or every measurement on it is worthless.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { cut, cutLink, cutPair, flushRuleset, freeze, heal, loss, setLink, thaw } from "../../lab/faults.ts";
import { listNamespaces, pidsIn, stateOf } from "../../lab/namespaces.ts";
import { sleep, until } from "../../lab/shell.ts";
import {
  createWorld,
  down,
  end,
  hostOf,
  isRunning,
  mustIn,
  namespacesOf,
  runIn,
  startIn,
  type World,
} from "../../lab/world.ts";

const skip = process.getuid?.() === 0 ? false : "needs root for network namespaces";

/** Counts datagrams to the discard port, before anything in the host could refuse them. */
const COUNT_PORT_9 = `
table inet heard {
  counter nine { }
  chain inward {
    type filter hook prerouting priority 0;
    udp dport 9 counter name nine
  }
}
`;

describe("the lab's world", { skip, timeout: 60_000 }, () => {
  let world: World;

  before(async () => {
    world = await createWorld({ links: 2 });
  });

  after(async () => {
    await down(world);
  });

  /** Whether a ping from one host is answered by an address of another. */
  async function reaches(from: string, address: string): Promise<boolean> {
    const outcome = await runIn(world, from, ["ping", "-n", "-c", "1", "-W", "1", address]);
    return outcome.code === 0;
  }

  test("every host reaches every other over both links and both families", async () => {
    for (const address of ["10.77.0.2", "10.78.0.2", "fd77::2", "fd78::2"]) {
      assert.equal(await reaches("client", address), true, address);
    }
  });

  test("a cut silences a host on all links, its carrier stays up, and heal undoes it", async () => {
    await cut(world, "chip");
    assert.equal(await reaches("client", "10.77.0.1"), false);
    assert.equal(await reaches("chip", "10.78.0.2"), false);
    assert.equal(await reaches("dale", "10.77.0.3"), true);
    assert.match(await mustIn(world, "chip", ["ip", "link", "show", "eth0"]), /LOWER_UP/);
    await heal(world);
    assert.equal(await reaches("client", "10.77.0.1"), true);
  });

  test("one link can be cut while the other goes on", async () => {
    await cutLink(world, "chip", 1);
    assert.equal(await reaches("chip", "10.77.0.2"), true);
    assert.equal(await reaches("chip", "10.78.0.2"), false);
    await heal(world);
  });

  test("a pair that is cut is still reached by all others", async () => {
    await cutPair(world, { from: "chip", to: "dale" });
    assert.equal(await reaches("chip", "10.77.0.2"), false);
    assert.equal(await reaches("witness", "10.77.0.1"), true);
    assert.equal(await reaches("witness", "10.77.0.2"), true);
    await heal(world);
  });

  test("a one-way cut drops only what the first sends", async () => {
    for (const host of ["chip", "dale"])
      await mustIn(world, host, ["nft", "-f", "-"], { input: COUNT_PORT_9 });
    // Warm neighbour entries, since resolving one takes both directions.
    assert.equal(await reaches("chip", "10.77.0.2"), true);
    await cutPair(world, { from: "chip", to: "dale", oneWay: true });
    const shout = (from: string, to: string) =>
      mustIn(world, from, ["bash", "-c", `for i in 1 2 3 4 5; do echo x > /dev/udp/${to}/9; done`]);
    await shout("chip", "10.77.0.2");
    await shout("dale", "10.77.0.1");
    const heard = (host: string) => mustIn(world, host, ["nft", "list", "counter", "inet", "heard", "nine"]);
    assert.ok(await until(async () => /packets [1-9]/.test(await heard("chip")), { withinMs: 3_000 }));
    assert.match(await heard("dale"), /packets 0 /);
    await heal(world);
  });

  test("total loss loses everything, and heal brings it back", async () => {
    await loss(world, "dale", 100);
    assert.equal(await reaches("client", "10.77.0.2"), false);
    await heal(world);
    assert.equal(await reaches("client", "10.77.0.2"), true);
  });

  test("a frozen host's processes stop while its kernel answers, and thaw lets them go on", async () => {
    const busy = startIn(world, "dale", ["sh", "-c", "while :; do sleep 0.01; done"], { name: "busy" });
    await sleep(50);
    await freeze(world, "dale");
    assert.equal(stateOf(busy.pid), "T");
    assert.equal(await reaches("client", "10.77.0.2"), true);
    thaw(world, "dale");
    assert.notEqual(stateOf(busy.pid), "T");
    await end(busy, "SIGKILL");
    assert.equal(isRunning(busy), false);
  });

  test("a host's rules and links can be taken from under it", async () => {
    await mustIn(world, "dale", ["nft", "add table inet doomed"]);
    await flushRuleset(world, "dale");
    assert.equal(await mustIn(world, "dale", ["nft", "list", "ruleset"]), "");
    await setLink(world, "dale", 0, "down");
    assert.equal(await reaches("client", "10.77.0.2"), false);
    await setLink(world, "dale", 0, "up");
    assert.ok(await until(() => reaches("client", "10.77.0.2"), { withinMs: 5_000 }));
  });
});

describe("the end of a world", { skip, timeout: 60_000 }, () => {
  test("down leaves no namespace, no process and no file behind", async () => {
    const world = await createWorld();
    startIn(world, "chip", ["sleep", "1000"], { name: "sleeper" });
    const [chip] = [hostOf(world, "chip").namespace];
    assert.ok(await until(() => pidsIn(chip).length > 0, { withinMs: 2_000 }));
    const pids = pidsIn(chip);
    await down(world);
    assert.deepEqual(namespacesOf(world), []);
    assert.deepEqual(
      pids.filter((pid) => ![null, "Z"].includes(stateOf(pid))),
      [],
    );
    assert.equal(existsSync(world.folder), false);
  });

  test("a world whose process was killed is swept by the next one", async () => {
    const { spawn } = await import("node:child_process");
    const script = `
      import { createWorld, startIn } from ${JSON.stringify(new URL("../../lab/world.ts", import.meta.url).href)};
      const world = await createWorld({ hosts: ["chip"] });
      startIn(world, "chip", ["sleep", "1000"], { name: "sleeper" });
      console.log(world.prefix);
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const prefix = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (text: Buffer) => resolve(text.toString().trim()));
      child.once("exit", () => reject(new Error("the first world did not come up")));
    });
    assert.ok(listNamespaces().some((name) => name.startsWith(prefix)));
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    const next = await createWorld({ hosts: ["dale"] });
    assert.deepEqual(
      listNamespaces().filter((name) => name.startsWith(prefix)),
      [],
    );
    await down(next);
  });
});
