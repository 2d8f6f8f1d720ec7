// Real commands and processes against the contract of ResourcePort.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { createPrograms } from "#drivers/programs/programs.ts";
import { createResources } from "#drivers/resources/resources.ts";
import type { CommandResource, ProcessResource } from "#model/config.ts";
import { ms } from "#model/units.ts";
import { resourceContract } from "./resource-port.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-resources-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

function command(start: string): CommandResource {
  count += 1;
  const flag = join(folder, `flag-${count}`);
  const sh = (script: string) => ["/bin/sh", "-c", script];
  return {
    id: `command-${count}`,
    kind: "command",
    start: sh(`${start}; touch ${flag}`),
    stop: sh(`rm -f ${flag}`),
    probe: sh(`test -e ${flag} || exit 7`),
    promote: null,
    demote: null,
    timeouts: { start: ms(1000), stop: ms(1000), probe: ms(1000), promote: ms(1000), demote: ms(1000) },
    exclusive: true,
  };
}

function process(run: readonly string[], directory: string | null): ProcessResource {
  count += 1;
  return {
    id: `process-${count}`,
    kind: "process",
    run,
    user: null,
    directory,
    env: {},
    restarts: { limit: 1, within: ms(60_000) },
    stopTimeout: ms(1000),
    exclusive: true,
  };
}

function openPort() {
  count += 1;
  return createResources(createPrograms(), join(folder, `run-${count}`));
}

resourceContract("commands", () => ({
  port: openPort(),
  good: command("true"),
  hanging: command("sleep 1010"),
  failing: command("exit 1"),
}));

resourceContract("processes", () => ({
  port: openPort(),
  good: process(["/bin/sleep", "1011"], null),
  // A process counts as started when it runs; only the account it runs under can keep it waiting.
  hanging: command("sleep 1012"),
  failing: process(["/bin/sleep", "1013"], "/nowhere"),
}));
