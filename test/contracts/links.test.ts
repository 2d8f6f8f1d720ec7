// Links whose addresses come and go, in a network namespace of its own that ends with its one process.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const skip = process.getuid?.() === 0 ? false : "needs root, to make a network namespace";

for (const sockets of ["node", "kernel"]) {
  test(
    `a link whose address comes, goes and comes back is used again, each change told once: ${sockets}`,
    {
      skip,
    },
    () => comesAndGoes(sockets),
  );
}

async function comesAndGoes(sockets: string): Promise<void> {
  const script = new URL("./links-in-namespace.ts", import.meta.url).pathname;
  const words = ["--net", "--", process.execPath, script, sockets];
  const { stdout } = await promisify(execFile)("unshare", words, { timeout: 30_000 });
  assert.equal(
    stdout,
    [
      "ready",
      "link 1: the link address fd00:77::a is not on this host",
      "a pulse over link 0",
      "link 1: well",
      "a pulse over links 0 1",
      "link 0: the link address 10.77.9.1 is not on this host",
      "link 0: well",
      "a pulse over links 0 1",
      "",
    ].join("\n"),
  );
}
