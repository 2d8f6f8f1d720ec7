// A daemon that dies by SIGKILL leaves its processes; the next one ends them before it starts anything.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createPrograms } from "#drivers/programs/programs.ts";
import { createResources } from "#drivers/resources/resources.ts";
import { ms } from "#model/units.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-left-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const source = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** The first process ends with the daemon's pipe; its children ignore SIGTERM and leave its session. */
const SERVICE = `
  sh -c "trap '' TERM; while :; do sleep 1060; done" & echo $! > inside
  setsid sh -c "echo \\$\\$ > outside; trap '' TERM; while :; do sleep 1061; done" &
  while [ ! -s outside ]; do sleep 0.01; done
  echo $$ > first
  [ "$LEADER" = ends ] && exit 0
  wait`;

const daemon = (leader: string) => `
  const { createPrograms } = await import(${source("drivers/programs/programs.ts")});
  const { createResources } = await import(${source("drivers/resources/resources.ts")});
  const resource = { id: "app", kind: "process", run: ["/bin/sh", "-c", process.argv[1]], user: null,
    directory: ${JSON.stringify(folder)}, env: { LEADER: "${leader}" }, restarts: { limit: 0, within: 1000 },
    stopTimeout: 100, exclusive: true };
  const context = { service: "www", node: "chip", term: 7, addresses: [] };
  createResources(createPrograms(), ${JSON.stringify(join(folder, "run"))})
    .run({ resource, verb: "start", context }, 5000, () => {
      // No more turns of the event loop: it does not see how the first process ends.
      if ("${leader}" === "ends") for (;;);
    });`;

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

for (const leader of ["stays", "ends"]) {
  test(`what a killed daemon left is ended as a whole when its first process ${leader}`, {
    timeout: 30_000,
  }, async () => {
    const args = ["--input-type=module", "-e", daemon(leader), SERVICE];
    const earlier = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
    while (!existsSync(join(folder, "first"))) await sleep(10);
    const ended = new Promise((resolve) => earlier.once("exit", resolve));
    earlier.kill("SIGKILL");
    await ended;
    const pids = ["inside", "outside"].map((name) => Number(readFileSync(join(folder, name), "utf8")));
    assert.deepEqual(pids.map(isAlive), [true, true]);
    const next = createResources(createPrograms(), join(folder, "run"));
    const left = await new Promise((resolve) => next.sweep(ms(10_000), resolve));
    assert.deepEqual(left, []);
    assert.deepEqual(pids.map(isAlive), [false, false]);
    for (const name of ["first", "inside", "outside"]) rmSync(join(folder, name));
  });
}
