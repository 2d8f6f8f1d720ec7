// The store against disks that say no: read-only, full, immutable, and a daemon that is killed.
// Each disk is a tmpfs in a mount namespace of its own, so nothing of the host is touched.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { lockDirectory } from "#drivers/store/lock.ts";

const options = { timeout: 30_000, skip: userInfo().uid === 0 ? false : "mounting needs root" };
const folder = mkdtempSync(join(tmpdir(), "understudy-disk-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const storeUrl = new URL("../../src/drivers/store/store.ts", import.meta.url).href;
const lockUrl = new URL("../../src/drivers/store/lock.ts", import.meta.url).href;

/** Runs a script with `store` on the mounted disk; its last expression is printed as JSON. */
function onDisk(mounts: string, script: string): unknown {
  const program = `
    const { openStore } = await import(${JSON.stringify(storeUrl)});
    const { store } = openStore("state");
    const write = (name, text) => new Promise((resolve) => store.write(name, text, resolve));
    const { spawnSync } = await import("node:child_process");
    const sh = (line) => spawnSync("sh", ["-c", line]);
    console.log(JSON.stringify(await (async () => { ${script} })()));`;
  const shell = `set -e; mount -t tmpfs -o ${mounts} understudy-test "$0"; cd "$0"; exec "$@"`;
  const args = ["-m", "sh", "-c", shell, folder, process.execPath, "--input-type=module", "-e", program];
  const done = spawnSync("unshare", args, { encoding: "utf8", timeout: 20_000 });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout);
}

test("a disk that turned read-only fails each write with advice, and is still read", options, () => {
  const answers = onDisk(
    "size=1m",
    `store.writeSync("term", "1"); sh("mount -o remount,ro .");
     return [await write("term", "2"), store.writeSync("term", "2"), store.read("term")];`,
  );
  const problem =
    "cannot write state/term.doc: the file system is read-only: remount it read-write, or give another directory with --state-dir (EROFS)";
  assert.deepEqual(answers, [
    { kind: "failed", problem },
    { kind: "failed", problem },
    { kind: "found", text: "1" },
  ]);
});

test("a full disk fails each write, keeps old text and no rest, and works again with room", options, () => {
  const answers = onDisk(
    "size=64k",
    `const list = () => sh("ls -A state").stdout.toString();
     store.writeSync("term", "1");
     sh("cat /dev/zero > filler");
     const full = [await write("term", "2".repeat(5000)), list(), store.writeSync("term", "2".repeat(5000)), list()];
     const kept = store.read("term");
     sh("rm filler");
     return [...full, kept, await write("term", "3"), store.read("term"), list()];`,
  );
  const problem =
    "cannot write state/term.doc: the disk is full: free some space (a few kilobytes are enough) (ENOSPC)";
  assert.deepEqual(answers, [
    { kind: "failed", problem },
    "term.doc\n",
    { kind: "failed", problem },
    "term.doc\n",
    { kind: "found", text: "1" },
    { kind: "done" },
    { kind: "found", text: "3" },
    "term.doc\n",
  ]);
});

test("a read-only disk without a state directory is a sentence at the start", options, () => {
  const answer = onDisk(
    "size=1m",
    `sh("mount -o remount,ro ."); const opened = openStore("other/state"); return opened.problem;`,
  );
  assert.match(String(answer), /^cannot create other\/state: the file system is read-only: .* \(EROFS\)$/);
});

test(
  "the lock of a daemon that was killed is free at once, also while its children live",
  options,
  async () => {
    const directory = join(folder, "locked");
    const program = `
    const { lockDirectory } = await import(${JSON.stringify(lockUrl)});
    const { spawn } = await import("node:child_process");
    const lock = lockDirectory(${JSON.stringify(directory)}, "node chip");
    const child = spawn("sleep", ["1007"], { detached: true, stdio: "ignore" });
    console.log(lock.kind, child.pid); setInterval(() => {}, 1000);`;
    const daemon = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let orphan = 0;
    try {
      const line = await new Promise<string>((resolve) =>
        daemon.stdout.once("data", (d) => resolve(String(d))),
      );
      const [kind, child] = line.trim().split(" ");
      orphan = Number(child);
      assert.equal(kind, "locked");
      const refused = lockDirectory(directory, "node dale");
      assert.ok(refused.kind === "refused");
      assert.match(refused.problem, new RegExp(`locked by process ${daemon.pid}, node chip`));
      const ended = new Promise((resolve) => daemon.once("exit", resolve));
      daemon.kill("SIGKILL");
      await ended;
      const locked = lockDirectory(directory, "node dale");
      assert.equal(locked.kind, "locked");
      if (locked.kind === "locked") locked.release();
    } finally {
      daemon.kill("SIGKILL");
      if (orphan > 0) process.kill(orphan, "SIGKILL");
    }
  },
);
