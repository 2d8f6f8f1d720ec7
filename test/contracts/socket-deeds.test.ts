// What a node's daemon is asked to do by itself, over a real socket: confirm-dead, fence, fence test.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { nodeId } from "#model/ids.ts";
import { ms, NEVER, plus } from "#model/units.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { NOW, SAMPLE_CONFIG } from "../golden/status-sample.ts";
import { World } from "./socket-world.ts";

const [CHIP, DALE] = [nodeId("chip"), nodeId("dale")];
const FENCED = SAMPLE_CONFIG.replace(
  "services:",
  `fencing:
  chip: { ipmi: 10.9.8.1, user: ha, password_file: /etc/p }
  dale: [{ ipmi: 10.9.8.2, user: ha, password_file: /etc/p }, operator]
services:`,
);

let world: World;
beforeEach(async () => {
  world = new World();
  assert.equal((await world.listen({ answer: 100, deed: 100 })).kind, "listening");
});
afterEach(() => world.end());

test("confirm-dead wants the name typed, and says who typed it", async () => {
  const { code, out, err } = await world.run("confirm-dead dale", { typed: "dale\n" });
  assert.match(err, /^dale counts as dead from then on, .*\nType its name to go on: $/);
  assert.match(out, /^dale counts as dead \(/);
  assert.equal(code, 0);
  assert.deepEqual(world.host.done, [{ kind: "confirm-dead", node: "dale", who: "anna" }]);
});

test("another name, a yes or nothing typed does nothing", async () => {
  for (const typed of ["chip\n", "yes\n", "\n", ""]) {
    const { code, err } = await world.run("confirm-dead dale", { typed });
    assert.equal(code, 2);
    assert.match(err, /nothing was done$/);
  }
  assert.deepEqual(world.host.done, []);
});

test("without a terminal the name comes with --confirm, and must be the same", async () => {
  for (const name of ["confirm-dead", "fence"]) {
    const silent = await world.run(`${name} dale`);
    assert.deepEqual([silent.code, silent.out], [64, ""]);
    assert.match(silent.err, /say --confirm dale/);
    const other = await world.run(`${name} dale --confirm chip`, { typed: "dale\n" });
    assert.equal(other.code, 64);
    assert.match(other.err, /--confirm names chip, not dale: nothing was done/);
    const unknown = await world.run(`${name} dael --confirm dael`);
    assert.equal(unknown.code, 64);
    assert.match(unknown.err, /no node "dael"\ndid you mean dale/);
    const witness = await world.run(`${name} witness --confirm witness`);
    assert.equal(witness.code, 64);
  }
  assert.deepEqual(world.host.done, []);
  assert.equal((await world.run("fence dale --confirm dale")).code, 0);
  assert.deepEqual(world.host.done, [{ kind: "fence", node: "dale", who: "anna" }]);
});

test("refused and failed end with 2, an answer that does not come with 3", async () => {
  const ask = async (line: string) => {
    const { code, out } = await world.run(`${line} --json`);
    const { took_ms, ...rest } = JSON.parse(out);
    assert.equal(typeof took_ms, "number");
    return { code, ...rest };
  };
  world.host.deedAnswer = { kind: "refused", reason: "dale is alive: its pulses come in time" };
  assert.deepEqual(await ask("confirm-dead dale --confirm dale"), {
    code: 2,
    node: "dale",
    result: "refused",
    text: "dale is alive: its pulses come in time",
  });
  world.host.deedAnswer = { kind: "failed", reason: "dale could not be fenced. level 1: it is on after off" };
  assert.deepEqual(await ask("fence dale --confirm dale"), {
    code: 2,
    node: "dale",
    result: "failed",
    text: "dale could not be fenced. level 1: it is on after off",
  });
  world.host.deedAnswer = null;
  assert.deepEqual(await ask("fence dale --confirm dale"), {
    code: 3,
    node: "dale",
    result: "unknown",
    text: "it is not over yet, and may still be done",
  });
  await world.close();
  assert.equal((await world.run("fence dale --confirm dale")).code, 3);
});

test("whoever waits is told what is being done", async () => {
  await world.close();
  await world.listen({ deed: 10_000 });
  const { host } = world;
  const running = { node: "dale", level: 1, levels: 2, text: "ipmi 10.9.8.2 was told to switch it off" };
  host.facts = { fencing: { devices: [], running, failed: [], lastHour: 0 } };
  let end = (): void => {};
  let looked = 0;
  const { status } = host;
  host.do = (_, answer) => {
    end = () => answer({ kind: "done", text: "dale is off" });
  };
  host.status = () => {
    looked += 1;
    if (looked === 6) end();
    return status.call(host);
  };
  const { code, err } = await world.run("fence dale --confirm dale", { times: { progress: 20 } });
  assert.equal(code, 0);
  assert.match(err, /^[\d.]+ m?s: dale, level 1 of 2: ipmi 10\.9\.8\.2 was told to switch it off$/m);
});

test("fence test prints a row for each device, and ends with 2 when one is silent", async () => {
  const parsed = parseConfig(FENCED);
  assert.ok(parsed.kind === "ok");
  const ipmi = (node: typeof CHIP, at: number, problem: string | null) => ({
    node,
    device: `ipmi 10.9.8.${at}`,
    problem,
    answeredAt: problem === null ? plus(NOW, ms(-20)) : NEVER,
    askedAt: plus(NOW, ms(-20)),
  });
  const devices = [ipmi(CHIP, 1, null), ipmi(DALE, 2, "no route to host")];
  world.host.facts = {
    config: parsed.config,
    fencing: { devices, running: null, failed: [], lastHour: 0 },
  };
  world.host.deedAnswer = { kind: "failed", reason: "chip: ipmi 10.9.8.1 answers\n..." };
  const { code, out } = await world.run("fence test");
  assert.equal(code, 2);
  assert.deepEqual(out.split("\n"), [
    "NODE  LEVEL  DEVICE         ANSWER",
    "chip  1      ipmi 10.9.8.1  answers",
    "dale  1      ipmi 10.9.8.2  none: no route to host",
    "dale  2      operator       not asked: it proves nothing",
  ]);
  world.host.deedAnswer = { kind: "done", text: "chip: ipmi 10.9.8.1 answers" };
  const one = await world.run("fence test chip --json");
  const json = JSON.parse(one.out);
  assert.deepEqual(
    [one.code, json.result, json.devices.length, json.devices[0].problem],
    [0, "done", 1, null],
  );
  assert.deepEqual(world.host.done.at(-1), { kind: "fence-test", node: "chip" });
  world.host.deedAnswer = { kind: "refused", reason: "no node has a fence device that can be asked" };
  const none = await world.run("fence test");
  assert.deepEqual([none.code, none.out], [2, ""]);
  assert.match(none.err, /no node has a fence device/);
});
