import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addText, packTree, type Tree } from "./archive.ts";

test("what is packed unpacks to the same files, folders and links", () => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-archive-"));
  try {
    const tree: Tree = new Map();
    addText(tree, "/init", "#!/bin/sh\n", 0o755);
    addText(tree, "/deep/down/one", "1");
    addText(tree, "/deep/empty", "", 0o600);
    tree.set("/link", { kind: "link", target: "deep/down/one" });
    const input = Buffer.concat(packTree(tree));
    const done = spawnSync("busybox", ["cpio", "-i", "-d"], { cwd: folder, input, timeout: 10_000 });
    assert.equal(done.status, 0, done.stderr.toString());
    assert.equal(readFileSync(join(folder, "link"), "utf8"), "1");
    assert.equal(readlinkSync(join(folder, "link")), "deep/down/one");
    assert.equal(readFileSync(join(folder, "init"), "utf8"), "#!/bin/sh\n");
    assert.equal(statSync(join(folder, "init")).mode & 0o777, 0o755);
    assert.equal(statSync(join(folder, "deep", "empty")).mode & 0o777, 0o600);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
