// The contract of ResourcePort: what every driver of resources must do, the real and the simulated one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId, serviceName } from "#model/ids.ts";
import type { OpVerb } from "#model/role.ts";
import { ms, term } from "#model/units.ts";
import type { Op, OpResult, ResourcePort, RunnableResource } from "#ports/resources.ts";

/** What a driver brings to be tried; each resource is new and stopped. */
export interface ResourceBench {
  readonly port: ResourcePort;
  /** Starts and stops well, and is probed. */
  readonly good: RunnableResource;
  /** Its start never ends by itself. */
  readonly hanging: RunnableResource;
  /** Its start says no. */
  readonly failing: RunnableResource;
}

export function opOf(resource: RunnableResource, verb: OpVerb): Op {
  const context = {
    service: serviceName("www"),
    node: nodeId("chip"),
    term: term(7),
    addresses: ["192.0.2.10/24"],
  };
  return { resource, verb, context };
}

/** In plain Node: tests may wait. */
export function runOp(
  port: ResourcePort,
  resource: RunnableResource,
  verb: OpVerb,
  deadline = 10_000,
): Promise<OpResult> {
  return new Promise((resolve) => port.run(opOf(resource, verb), ms(deadline), resolve));
}

export function resourceContract(name: string, open: () => ResourceBench): void {
  const options = { timeout: 30_000 };

  test(`${name}: every verb is idempotent, and the probe tells what the last one did`, options, async () => {
    const { port, good } = open();
    const kinds: string[] = [];
    for (const verb of ["probe", "stop", "start", "start", "probe", "stop", "stop", "probe"] as const) {
      kinds.push((await runOp(port, good, verb)).kind);
    }
    assert.deepEqual(kinds, ["stopped", "done", "done", "done", "done", "done", "done", "stopped"]);
  });

  test(`${name}: no answer comes before run returns`, options, async () => {
    const { port, good } = open();
    for (const verb of ["probe", "start", "promote", "demote", "stop"] as const) {
      let hasReturned = false;
      await new Promise<void>((resolve) => {
        port.run(opOf(good, verb), ms(10_000), () => {
          assert.ok(hasReturned, verb);
          resolve();
        });
        hasReturned = true;
      });
    }
  });

  test(`${name}: ops of one resource are carried out in the order of the calls`, options, async () => {
    const { port, good } = open();
    const answered: string[] = [];
    const verbs = ["start", "probe", "stop", "probe"] as const;
    const all = verbs.map(async (verb) => {
      answered.push(`${verb} ${(await runOp(port, good, verb)).kind}`);
    });
    await Promise.all(all);
    assert.deepEqual(answered, ["start done", "probe done", "stop done", "probe stopped"]);
  });

  test(
    `${name}: an op that misses its deadline is unknown, and the next one still has its turn`,
    options,
    async () => {
      const { port, hanging } = open();
      assert.equal((await runOp(port, hanging, "start", 200)).kind, "unknown");
      assert.equal((await runOp(port, hanging, "stop")).kind, "done");
    },
  );

  test(
    `${name}: an op that waits too long for another is unknown and is not carried out`,
    options,
    async () => {
      const { port, hanging } = open();
      const first = runOp(port, hanging, "start", 600);
      const second = runOp(port, hanging, "start", 100);
      assert.equal((await second).kind, "unknown");
      assert.equal((await first).kind, "unknown");
      assert.equal((await runOp(port, hanging, "stop")).kind, "done");
    },
  );

  test(`${name}: a start that says no has failed`, options, async () => {
    const { port, failing } = open();
    assert.equal((await runOp(port, failing, "start")).kind, "failed");
  });

  test(`${name}: a cancelled op never answers and gives its turn to the next`, options, async () => {
    const { port, hanging } = open();
    let answers = 0;
    const cancel = port.run(opOf(hanging, "start"), ms(20_000), () => {
      answers += 1;
    });
    cancel();
    cancel();
    assert.equal((await runOp(port, hanging, "stop")).kind, "done");
    assert.equal(answers, 0);
  });

  test(`${name}: more ops than anyone asks for at once are refused`, options, async () => {
    const { port, good } = open();
    const all = await Promise.all(Array.from({ length: 12 }, () => runOp(port, good, "stop")));
    assert.deepEqual(new Set(all.map((result) => result.kind)), new Set(["done", "failed"]));
    assert.equal(all[0]?.kind, "done");
  });
}
