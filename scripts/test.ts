// `npm test`: all that can be tried on this machine. The test runner's summary comes last.

import { node, step } from "./step.ts";

/** Seeds of the simulation that every test run tries: seconds, not minutes. */
const SHORT_SEEDS = "200";

step("check", node("scripts/check.ts"));
step("simulation, short", node("src/sim/run.ts", "--seeds", SHORT_SEEDS));
step("lease rule, walked", node("--test", "--test-timeout=60000", "test/lease/**/*.test.ts"));
step("build", node("scripts/build.ts"));
// Downloaded once, and here, so that no test's deadline has to wait for it.
step("kernel of the guests", node("lab/guest/kernel.ts"));
// One file after the other: they measure nothing, but they share the kernel, its namespaces and two cores.
step(
  "contracts, end to end, lab",
  node(
    "--test",
    "--test-timeout=120000",
    "--test-concurrency=1",
    "test/contracts/**/*.test.ts",
    "test/e2e/**/*.test.ts",
    "lab/**/*.test.ts",
  ),
);
