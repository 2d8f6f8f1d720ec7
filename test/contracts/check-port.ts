// The contract of CheckPort: what every driver of checks must do, the real and the simulated one.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckConfig } from "#model/config.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import { ms } from "#model/units.ts";
import type { CheckPort, CheckResult } from "#ports/checks.ts";

export interface CheckBench {
  readonly port: CheckPort;
  readonly good: CheckConfig;
  readonly bad: CheckConfig;
  /** Never ends by itself. */
  readonly hanging: CheckConfig;
}

export function checkContract(name: string, open: () => CheckBench): void {
  const options = { timeout: 30_000 };
  const context = { service: serviceName("www"), node: nodeId("chip") };
  const run = (port: CheckPort, check: CheckConfig, deadline: number): Promise<CheckResult> =>
    new Promise((resolve) => port.run(check, context, ms(deadline), resolve));

  test(`${name}: good is ok, bad is critical, and neither answers before run returns`, options, async () => {
    const { port, good, bad } = open();
    for (const [check, outcome] of [
      [good, "ok"],
      [bad, "critical"],
    ] as const) {
      let hasReturned = false;
      await new Promise<void>((resolve) => {
        port.run(check, context, ms(10_000), (result) => {
          assert.ok(hasReturned);
          assert.equal(result.outcome, outcome, result.text);
          assert.notEqual(result.text, "");
          assert.ok(result.took >= 0);
          resolve();
        });
        hasReturned = true;
      });
    }
  });

  test(`${name}: what gives no answer by its deadline is a timeout`, options, async () => {
    const { port, hanging } = open();
    const result = await run(port, hanging, 100);
    assert.equal(result.outcome, "timeout");
  });

  test(`${name}: many at once do not disturb each other`, options, async () => {
    const { port, good, bad, hanging } = open();
    const all = await Promise.all(
      [good, hanging, bad, good, hanging, bad].map((one) => run(port, one, 2000)),
    );
    const outcomes = all.map((result) => result.outcome);
    assert.deepEqual(outcomes, ["ok", "timeout", "critical", "ok", "timeout", "critical"]);
  });

  test(`${name}: what was given up never answers`, options, async () => {
    const { port, good, hanging } = open();
    let answers = 0;
    const cancel = port.run(hanging, context, ms(50), () => {
      answers += 1;
    });
    cancel();
    cancel();
    await run(port, hanging, 200);
    assert.equal((await run(port, good, 10_000)).outcome, "ok");
    assert.equal(answers, 0);
  });
}
