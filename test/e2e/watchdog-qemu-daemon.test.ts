// A node that is a whole machine: its daemon stands still, its watchdog resets it, and only then the other node
// starts what could not be proved gone before.

import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Cluster, startDaemon } from "../../lab/cluster.ts";
import { fetchKernel } from "../../lab/guest/kernel.ts";
import { type GuestNode, startGuestNode, wordsOf } from "../../lab/guest/node.ts";
import { monotonicMs, sleep, until } from "../../lab/shell.ts";
import { hostOf, isRunning } from "../../lab/world.ts";
import { closeCluster, configText, journalled, prepareCluster, skip, whole } from "./cluster.ts";

const TIMEOUT_S = 8;
/** The guest has no hardware support: it is slow, and stands still for a while where the machine is loaded. */
const TIMING = "timing: { lease: 3s, pulse: 300ms }";
/** The keeper feeds once a second, or a little late. */
const EARLIER_MS = 2_000;
const START_MS = 25_000;
const RESET_MS = 25_000;
const TAKEOVER_MS = 25_000;

/** Holds something that no kernel takes back; a file in the host's own folder says so. */
const COMMAND = `#!/bin/sh
held=$(dirname "$0")/$UNDERSTUDY_NODE/held
case $1 in
  start) mkdir -p "$(dirname "$held")"; touch "$held" ;;
  stop) rm -f "$held" ;;
  probe) test -e "$held" || exit 7 ;;
esac
`;

describe("the watchdog of a node that is a whole machine", { skip, timeout: 118_000 }, () => {
  let cluster: Cluster;
  let chip: GuestNode | undefined;

  before(async () => {
    await fetchKernel();
    cluster = await prepareCluster({ services: "" });
    const command = join(cluster.world.folder, "command");
    writeFileSync(command, COMMAND);
    chmodSync(command, 0o755);
    const services = `
  db:
    place: [chip, dale]
    resources:
      - command: { start: ${command} start, stop: ${command} stop, probe: ${command} probe }
        timeouts: { stop: 1s }
`;
    // Not `required`: dale, a network namespace of this machine, has none.
    const top = `${TIMING}\nwatchdog: { mode: best-effort, timeout: ${TIMEOUT_S}s }`;
    writeFileSync(cluster.config, configText(cluster.world, { services, top }));
    // The slow one first: once there is a quorum, who is there is asked and the others are excluded.
    chip = await startGuestNode(cluster, {
      name: "chip",
      watchdog: "softdog",
      addresses: [],
      files: [command],
    });
    for (const name of ["dale", "witness"]) startDaemon(cluster, name);
  });

  after(async () => {
    if (process.env.E2E_LOGS !== undefined && chip !== undefined)
      console.error(`--- chip\n${await wordsOf(chip)}`);
    await closeCluster(cluster);
  });

  test("its daemon stands still: it is reset, and only then the other node takes over", async (t) => {
    assert.ok(chip !== undefined);
    const { machine, pid } = chip;
    const held = join(hostOf(cluster.world, "chip").folder, "held");
    const isHeldHere = async () => (await machine.run(`test -e ${held}`)).code === 0;
    const isHeldThere = () => existsSync(join(hostOf(cluster.world, "dale").folder, "held"));
    await whole(cluster, ["dale"]);
    assert.ok(await until(isHeldHere, { withinMs: START_MS, everyMs: 200 }), await wordsOf(chip));
    // It is fed: longer than its timeout nothing happens.
    await sleep((TIMEOUT_S + 1) * 1e3);
    assert.ok(await isHeldHere());
    // From before the signal, which may reach a loaded machine late.
    const sinceMs = monotonicMs();
    await machine.run(`kill -STOP ${pid}`);

    const isReset = () => !isRunning(machine.qemu);
    await until(() => isReset() || isHeldThere(), { withinMs: RESET_MS, everyMs: 10 });
    const resetMs = monotonicMs() - sinceMs;
    assert.ok(isReset(), `no reset; on dale: ${isHeldThere()}; ${readFileSync(machine.console, "utf8")}`);
    assert.ok(!isHeldThere(), "the service was on dale before the reset");
    assert.ok(
      await until(isHeldThere, { withinMs: TAKEOVER_MS, everyMs: 10 }),
      "dale takes the service over",
    );
    const takenMs = monotonicMs() - sinceMs;
    const seconds = (ms: number) => `${(ms / 1e3).toFixed(1)} s`;
    t.diagnostic(
      `timeout ${TIMEOUT_S} s: reset after ${seconds(resetMs)}, taken over after ${seconds(takenMs)}`,
    );
    assert.ok(resetMs > TIMEOUT_S * 1e3 - EARLIER_MS, `it was reset early, after ${resetMs} ms`);
    const proof = await journalled(
      cluster,
      "dale",
      ({ code, subject }) => code === "watchdog" && subject === "chip",
    );
    assert.match(proof.why, /its watchdog, unfed, has reset it/);
  });
});
