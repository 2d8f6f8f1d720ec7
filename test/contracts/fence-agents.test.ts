// The real fence_ipmilan against a simulated BMC that really takes a host's power: the driver, and the rule for
// power driven by it from end to end.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { findAgent } from "#drivers/fence/agent.ts";
import { createFenceCatalog, type DescribedAgent } from "#drivers/fence/catalog.ts";
import { checkDevice } from "#drivers/fence/check-options.ts";
import { createFences } from "#drivers/fence/fences.ts";
import { createPrograms } from "#drivers/programs/programs.ts";
import {
  type FenceTurn,
  foldFenceAnswer,
  isFencingOver,
  powerOnAgain,
  powerOnProblems,
  startFencing,
  wakeFencing,
} from "#engine/fencing/procedure.ts";
import type { AgentDevice, FenceLevel } from "#model/fencing.ts";
import { nodeId } from "#model/ids.ts";
import { FOREVER, instant, ms } from "#model/units.ts";
import type { FenceAnswer, FencePort, FenceVerb } from "#ports/fence.ts";
import {
  type Bmc,
  deedsOf,
  freezeBmc,
  powerOf,
  pressPower,
  restartBmc,
  setManner,
  startBmc,
  stopBmc,
  thawBmc,
} from "../../lab/bmc.ts";
import { until } from "../../lab/shell.ts";
import {
  createWorld,
  down,
  hostOf,
  isRunning,
  type Running,
  runIn,
  startIn,
  type World,
} from "../../lab/world.ts";

const options = { timeout: 90_000 };
const PASSWORD = "se'cr3t";

let world: World;
let bmc: Bmc;
let fences: FencePort;
let victim: Running;

before(async () => {
  world = await createWorld({ hosts: ["chip", "dale", "mgmt"] });
  bmc = await startBmc(world, { of: "chip", at: "mgmt", password: PASSWORD });
  // The agent itself, but in dale's network.
  const folder = join(world.folder, "agents");
  mkdirSync(folder);
  const wrapper = join(folder, "fence_ipmilan");
  const { namespace } = hostOf(world, "dale");
  writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${namespace} ${agentPath()} "$@"\n`);
  chmodSync(wrapper, 0o755);
  fences = createFences(createPrograms(), { agentFolders: [folder] });
}, options);

after(async () => {
  if (world !== undefined) await down(world);
}, options);

beforeEach(async () => {
  setManner(bmc, "honest");
  thawBmc(bmc);
  if (!isRunning(bmc.running)) await restartBmc(bmc);
  await pressPower(bmc, "on");
  victim = startIn(world, "chip", ["sleep", "1055"], { name: "victim" });
}, options);

function agentPath(): string {
  const path = findAgent("fence_ipmilan");
  assert.equal(path, "/usr/sbin/fence_ipmilan");
  return path;
}

/** As the short form `ipmi` has it. */
function ipmi(more: Partial<AgentDevice> & { readonly password?: string } = {}): AgentDevice {
  const { password = PASSWORD, ...rest } = more;
  const passwordFile = join(world.folder, "password");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  return {
    kind: "agent",
    id: `ipmi ${bmc.address}`,
    agent: "fence_ipmilan",
    timeout: ms(20_000),
    options: [
      ["cipher", "3"],
      ["ip", bmc.address],
      ["ipport", String(bmc.port)],
      ["lanplus", "1"],
      ["username", bmc.user],
    ],
    passwordFile,
    ...rest,
  };
}

function ask(device: AgentDevice, verb: FenceVerb): Promise<FenceAnswer> {
  return new Promise((resolve) => fences.call({ device, node: nodeId("chip"), verb }, resolve));
}

async function linkOfChip(): Promise<string> {
  return (await runIn(world, "chip", ["ip", "-br", "link", "show", "eth0"])).stdout;
}

const isVictimGone = () => until(() => !isRunning(victim), { withinMs: 5_000 });

/** Carries a run out with the real driver until nothing is left to do. */
function carryOut(levels: readonly FenceLevel[], log: string[]): Promise<FenceTurn> {
  return new Promise((resolve) => {
    const now = () => instant(performance.now());
    let turn: FenceTurn;
    let timer: NodeJS.Timeout | undefined;
    const take = (next: FenceTurn): void => {
      const isNewProof = turn?.outcome == null && next.outcome?.kind === "proved";
      turn = next;
      clearTimeout(timer);
      for (const { callId, node, device, verb } of next.calls) {
        fences.call({ device, node, verb }, (answer) => {
          log.push(`${verb} ${answer.kind}`);
          take(foldFenceAnswer(turn.run, callId, answer, now()));
        });
      }
      if (isNewProof) {
        log.push(`proved, power ${powerOf(bmc)}`);
        take(powerOnAgain(turn.run, now()));
        return;
      }
      if (isFencingOver(turn.run)) return resolve(turn);
      if (turn.wakeAt < FOREVER)
        timer = setTimeout(() => take(wakeFencing(turn.run, now())), Math.max(1, turn.wakeAt - now()));
    };
    take(startFencing({ node: nodeId("chip"), levels }, 1, now()));
  });
}

test(
  "status says on; off takes processes and link, and status says off; on brings the link back",
  options,
  async () => {
    const device = ipmi();
    assert.equal((await ask(device, "status")).kind, "is-on");
    assert.ok(isRunning(victim));
    assert.equal((await ask(device, "off")).kind, "done");
    assert.ok(await isVictimGone());
    assert.match(await linkOfChip(), /DOWN/);
    assert.deepEqual(await ask(device, "status"), { kind: "is-off", detail: "Status: OFF" });
    // Idempotent.
    assert.equal((await ask(device, "off")).kind, "done");
    assert.equal((await ask(device, "on")).kind, "done");
    assert.equal((await ask(device, "status")).kind, "is-on");
    assert.match(await linkOfChip(), /UP/);
    assert.deepEqual(deedsOf(bmc).slice(-2), ["power off", "power on"]);
  },
);

test("a wrong password fails, is no proof, and stands in no answer", options, async () => {
  for (const password of ["wrong'pass", "x"]) {
    for (const verb of ["status", "off"] as const) {
      const answer = await ask(ipmi({ password }), verb);
      assert.equal(answer.kind, "failed");
      assert.ok(!answer.detail.includes("wrong'pass"), answer.detail);
    }
  }
  assert.ok(isRunning(victim));
});

test(
  "a board that hangs is unknown at the deadline, and answers again when it goes on",
  options,
  async () => {
    freezeBmc(bmc);
    const device = ipmi({ timeout: ms(1500) });
    for (const verb of ["status", "off"] as const) assert.equal((await ask(device, verb)).kind, "unknown");
    thawBmc(bmc);
    assert.equal((await ask(ipmi(), "status")).kind, "is-on");
  },
);

test("a board that is gone proves nothing", options, async () => {
  await stopBmc(bmc);
  for (const verb of ["status", "off"] as const) {
    const { kind } = await ask(ipmi({ timeout: ms(6000) }), verb);
    assert.ok(kind === "failed" || kind === "unknown", kind);
  }
  assert.ok(isRunning(victim));
});

test("a board that takes the order and does nothing: off fails, and status says on", options, async () => {
  setManner(bmc, "deaf");
  const device = ipmi();
  const hasty = { ...device, options: [...device.options, ["power_timeout", "2"] as const] };
  assert.equal((await ask(hasty, "off")).kind, "failed");
  assert.equal((await ask(hasty, "status")).kind, "is-on");
  assert.ok(isRunning(victim));
});

test("the rule for power, from off to on again", options, async () => {
  const log: string[] = [];
  const { run, outcome } = await carryOut([[ipmi()]], log);
  assert.deepEqual(log, ["off done", "status is-off", "status is-off", "proved, power off", "on done"]);
  assert.equal(outcome?.sentence, `chip is off: ipmi ${bmc.address} said so twice`);
  assert.deepEqual(powerOnProblems(run), []);
  assert.ok(await isVictimGone());
  assert.equal(powerOf(bmc), "on");
});

test("the rule for power: a first level that lies, a second that proves", options, async () => {
  const folder = world.folder;
  const chassis = join(bmc.folder, "chassis");
  const shell = (script: string): readonly string[] => ["/bin/sh", "-c", script];
  const liar = {
    kind: "command",
    id: "liar",
    timeout: ms(5000),
    off: shell(`touch ${folder}/lied`),
    status: shell("exit 0"),
    on: null,
  } as const;
  const button = {
    kind: "command",
    id: "button",
    timeout: ms(5000),
    off: shell(`${chassis} set power 0`),
    status: shell(`case $(${chassis} get power) in power:1) exit 0 ;; power:0) exit 2 ;; esac; exit 1`),
    on: null,
  } as const;
  const { outcome } = await carryOut([[liar], [button]], []);
  assert.equal(outcome?.kind, "proved");
  assert.ok(await isVictimGone());
  assert.equal(powerOf(bmc), "off", "neither has a command for on");
});

test("the rule for power: a board that hangs ends in failure with its sentence", options, async () => {
  freezeBmc(bmc);
  const log: string[] = [];
  const { outcome } = await carryOut([[ipmi({ timeout: ms(1500) })]], log);
  assert.deepEqual(log, ["off unknown", "status unknown"]);
  assert.match(outcome?.sentence ?? "", /^chip could not be fenced\. level 1: ipmi .*unknown/);
  assert.ok(isRunning(victim));
});

test("every agent of the package describes itself, and the short form's options fit", options, async () => {
  const catalog = createFenceCatalog(createPrograms());
  const all = await new Promise<readonly DescribedAgent[]>((resolve) => catalog.describeAll(resolve));
  assert.ok(all.length >= 80, `${all.length}`);
  // It is no agent: a script that asks a person.
  assert.deepEqual(
    all.filter(({ kind }) => kind === "silent").map(({ name }) => name),
    ["fence_ack_manual"],
  );
  const found = all.find(({ name }) => name === "fence_ipmilan");
  assert.ok(found?.kind === "described");
  assert.deepEqual(checkDevice(found.metadata, ipmi()), []);
  for (const agent of all) {
    if (agent.kind !== "described") continue;
    assert.ok(agent.metadata.parameters.length > 0 && agent.metadata.shortdesc !== "", agent.name);
  }
});
