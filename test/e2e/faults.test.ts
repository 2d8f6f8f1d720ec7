// The suite of faults in its short form: one run of each, judged by what happens and not by how fast.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { programPath } from "../../lab/cluster.ts";
import { skip } from "./cluster.ts";

const SUITE = fileURLToPath(new URL("../../lab/test-faults.ts", import.meta.url));
const WITHIN_MS = 115_000;

test("every fault of the table, once: never two answers, and all holds", { skip }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SUITE, "--short", "--part", "three"], {
    encoding: "utf8",
    timeout: WITHIN_MS,
    // It was built by whoever runs the tests.
    env: { ...process.env, UNDERSTUDY: programPath() },
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
});
