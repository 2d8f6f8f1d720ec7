// The watchdog's driver against files that stand in for a device: what is written, and what is refused.
// What a device itself answers, and that it resets a machine, is tried in test/e2e/watchdog-qemu.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createWatchdog, type WatchdogOptions } from "#drivers/watchdog/watchdog.ts";
import { ms } from "#model/units.ts";
import type { WatchdogPort } from "#ports/watchdog.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-watchdog-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;

function emptyFile(): string {
  made += 1;
  const path = join(folder, `watchdog${made}`);
  writeFileSync(path, "", { mode: 0o600 });
  return path;
}

const standIn = (device: string, more: Partial<WatchdogOptions> = {}): WatchdogPort =>
  createWatchdog({ device, timeout: ms(5_000), standIn: true, ...more });

function refusal(watchdog: WatchdogPort): { readonly code: string; readonly detail: string } {
  const answer = watchdog.arm();
  assert.equal(answer.kind, "failed");
  assert.equal(watchdog.feed(), false, "what is not armed cannot be fed");
  return answer.kind === "failed" ? answer : { code: "", detail: "" };
}

test("arming feeds once, each feeding writes one byte, an orderly end writes the letter V last", () => {
  const device = emptyFile();
  const watchdog = standIn(device);
  assert.equal(watchdog.feed(), false, "nothing is fed before it is armed");
  assert.equal(readFileSync(device, "latin1"), "");
  assert.deepEqual(watchdog.arm(), { kind: "armed", timeout: 5_000, identity: "stand-in" });
  assert.equal(readFileSync(device, "latin1"), "\0");
  assert.equal(watchdog.feed(), true);
  assert.equal(watchdog.feed(), true);
  assert.equal(readFileSync(device, "latin1"), "\0\0\0");
  assert.equal(watchdog.disarm(), true);
  assert.equal(readFileSync(device, "latin1"), "\0\0\0V");
});

test("arming and disarming twice change nothing, and it can be armed again", () => {
  const device = emptyFile();
  const watchdog = standIn(device, { timeout: ms(4_001) });
  assert.equal(watchdog.disarm(), true, "one that never ran does not run");
  const armed = watchdog.arm();
  assert.deepEqual(armed, { kind: "armed", timeout: 5_000, identity: "stand-in" });
  assert.equal(watchdog.arm(), armed);
  assert.equal(watchdog.disarm(), true);
  assert.equal(watchdog.disarm(), true);
  assert.equal(watchdog.feed(), false);
  assert.equal(readFileSync(device, "latin1"), "\0V");
  assert.equal(watchdog.arm().kind, "armed");
  assert.equal(watchdog.disarm(), true);
});

test("a device is open once: a second daemon is told that another program has it", () => {
  const device = emptyFile();
  const first = standIn(device);
  first.arm();
  const second = standIn(device);
  const { code, detail } = refusal(second);
  assert.equal(code, "EBUSY");
  assert.match(detail, /another program has it/);
  first.disarm();
  assert.equal(second.arm().kind, "armed");
  second.disarm();
});

test("a pipe takes the bytes, never makes the feeder wait, and a feeding that finds no room fails", () => {
  const device = join(folder, "pipe");
  assert.equal(spawnSync("mkfifo", [device], { timeout: 5_000 }).status, 0);
  assert.equal(refusal(standIn(device)).code, "ENXIO", "nobody reads the pipe");
  const reader = openSync(device, "r+");
  const watchdog = standIn(device);
  assert.equal(watchdog.arm().kind, "armed");
  let fed = 1;
  while (fed < 1 << 20 && watchdog.feed()) fed += 1;
  assert.ok(fed < 1 << 20, "a full pipe is said, not waited for");
  const bytes = Buffer.alloc(4096);
  assert.equal(readSync(reader, bytes), bytes.length);
  assert.equal(watchdog.feed(), true);
  assert.equal(watchdog.disarm(), true);
});

test("what is missing, forbidden or no device is refused with the kernel's word for it", () => {
  assert.equal(refusal(createWatchdog({ device: join(folder, "none"), timeout: ms(5_000) })).code, "ENOENT");
  mkdirSync(join(folder, "folder"));
  assert.equal(refusal(standIn(join(folder, "folder"))).code, "EISDIR");
  const device = emptyFile();
  chmodSync(device, 0o000);
  chmodSync(folder, 0o755);
  const url = new URL("../../src/drivers/watchdog/watchdog.ts", import.meta.url).href;
  // The user nobody, once everything is loaded; who is not root already stays who they are.
  const script = `
    const { createWatchdog } = await import(${JSON.stringify(url)});
    if (process.getuid() === 0) process.setuid(65534);
    console.log(JSON.stringify(createWatchdog({ device: ${JSON.stringify(device)}, timeout: 5000 }).arm()));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.equal(stderr, "");
  assert.equal(JSON.parse(stdout).code, "EACCES");
});

test("a file that is no watchdog is refused and stays as it was", () => {
  const device = emptyFile();
  writeFileSync(device, "the first sector of a disk");
  assert.equal(refusal(createWatchdog({ device, timeout: ms(5_000) })).code, "ENOTTY");
  assert.equal(readFileSync(device, "latin1"), "the first sector of a disk");
});

test("programs that are started do not inherit the device", () => {
  const device = emptyFile();
  const watchdog = standIn(device);
  watchdog.arm();
  const list = ["-c", "ls -l /proc/self/fd"];
  const { stdout } = spawnSync("sh", list, { encoding: "utf8", timeout: 5_000 });
  assert.match(stdout, /->/);
  assert.ok(!stdout.includes(device), stdout);
  watchdog.disarm();
});
