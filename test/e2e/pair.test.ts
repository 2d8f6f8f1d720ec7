// Two nodes without a witness, once each of the faults that tell most: the race of two fencings, a holder whose daemon
// is killed, nodes that lose each other, hosts that die or boot alone, and two actives that were wanted. All of it, and
// longer: npm run test:faults -- --part two.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { programPath } from "../../lab/cluster.ts";
import { skip } from "./cluster.ts";

const SUITE = fileURLToPath(new URL("../../lab/test-faults.ts", import.meta.url));
const PLAYED = "race,two-restart-active,two-part,two-dead,two-blackout,eager-part";
const WITHIN_MS = 110_000;

test("two nodes alone: exactly one survives, and nothing runs twice", { skip }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SUITE, "--short", "--only", PLAYED], {
    encoding: "utf8",
    timeout: WITHIN_MS,
    // It was built by whoever runs the tests.
    env: { ...process.env, UNDERSTUDY: programPath() },
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
});
