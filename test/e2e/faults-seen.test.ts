// What judges the suite of faults must see a second host, or its zeros are worth nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FLOATING } from "../../lab/cluster.ts";
import { flushRuleset } from "../../lab/faults.ts";
import { judge, see } from "../../lab/faults-suite/judge.ts";
import { FINE, NOTHING } from "../../lab/faults-suite/scenario.ts";
import { closeStage, openStage, pidOf, settle } from "../../lab/faults-suite/stage.ts";
import { signal } from "../../lab/namespaces.ts";
import { monotonicMs, sleep } from "../../lab/shell.ts";
import { mustIn } from "../../lab/world.ts";
import { other, skip } from "./cluster.ts";

test("an address that a second host has too is seen by the ARP watcher and on the hosts", {
  skip,
}, async () => {
  const stage = await openStage("default", { links: 1, ownDisks: false });
  const { cluster, client, arp, holders } = stage;
  try {
    const standby = other(cluster, await settle(stage));
    const fromMs = monotonicMs();
    const before = holders.counts().twice;
    // A daemon that runs would close it at once.
    signal(pidOf(stage, standby), "SIGSTOP");
    await flushRuleset(cluster.world, standby);
    await mustIn(cluster.world, standby, ["ip", "address", "add", `${FLOATING}/24`, "dev", "eth0"]);
    await sleep(1_500);
    const seen = see(client.entries(), arp.entries(), {
      stretch: { fromMs, toMs: monotonicMs() },
      timing: "default",
      letGo: new Map(),
    });
    const problems = judge(seen, NOTHING, { played: FINE, timing: "default", isShort: true });
    assert.ok(seen.doubledAsks > 10, JSON.stringify(seen));
    assert.match(problems.join(), /ARP asks were answered by two owners/);
    assert.ok(holders.counts().twice > before, "the hosts' own state shows it");
  } finally {
    await closeStage(stage);
  }
});
