import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { slewIn } from "./clocks.ts";
import { fileSystemIn, tryDirectory } from "./directory.ts";
import { findOthers } from "./others.ts";
import { missingIn } from "./rights.ts";
import { readFrame } from "./sniffer.ts";
import { readWatchdog } from "./watchdog-device.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-host-"));
after(() => rmSync(folder, { recursive: true }));

test("capabilities are read bit by bit", () => {
  assert.deepEqual(missingIn("Name:\tx\nCapEff:\t000001ffffffffff\n"), []);
  assert.deepEqual(missingIn("CapEff:\t00000000a80425fb\n"), ["CAP_NET_ADMIN", "CAP_SYS_NICE"]);
  assert.deepEqual(missingIn(""), ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_NICE"]);
});

test("chrony's slew rate is the last one said, also in what the file includes", () => {
  const more = join(folder, "conf.d");
  mkdirSync(more);
  writeFileSync(join(more, "slew.conf"), "maxslewrate 1000\n");
  const at = (text: string) => slewIn(text, { file: "x", depth: 5 });
  assert.equal(at("pool 2.debian.pool.ntp.org\n# maxslewrate 5\n"), null);
  assert.equal(at("maxslewrate 500\n  MaxSlewRate 700 \n"), 700);
  assert.equal(at(`maxslewrate 500\nconfdir ${more}\n`), 1000);
  assert.equal(at(`include ${more}/slew.conf`), 1000);
  assert.equal(at(`include ${more}/missing.conf`), null);
  writeFileSync(join(more, "loop.conf"), `include ${more}/loop.conf\nconfdir ${more}\n`);
  assert.equal(at(`confdir ${more}`), 1000);
});

test("the file system is that of the longest mount point above, the last of equals", () => {
  const mounts = [
    "22 1 0:20 / / rw - ext4 /dev/sda1 rw",
    "23 22 0:21 / /var rw shared:2 - xfs /dev/sdb rw",
    "24 23 0:22 / /var/lib/under\\040study rw - btrfs /dev/sdc rw",
    "25 23 0:23 / /var rw - tmpfs tmpfs rw",
  ].join("\n");
  assert.equal(fileSystemIn(mounts, "/etc"), "ext4");
  assert.equal(fileSystemIn(mounts, "/var/lib"), "tmpfs");
  assert.equal(fileSystemIn(mounts, "/variable"), "ext4");
  assert.equal(fileSystemIn(mounts, "/var/lib/under study/x"), "btrfs");
});

test("a directory that is not there yet is tried in the folder above; nothing is left behind", () => {
  const there = tryDirectory(folder);
  assert.deepEqual([there.exists, there.problem], [true, null]);
  const above = tryDirectory(join(folder, "a", "b"));
  assert.deepEqual([above.exists, above.problem, above.path], [false, null, join(folder, "a", "b")]);
  writeFileSync(join(folder, "file"), "");
  assert.match(tryDirectory(join(folder, "file")).problem ?? "", /cannot be written: ENOTDIR$/);
});

test("what is no watchdog is called by its name, and never opened", () => {
  assert.deepEqual(readWatchdog(join(folder, "missing")), { kind: "absent" });
  writeFileSync(join(folder, "plain"), "");
  assert.deepEqual(readWatchdog(join(folder, "plain")), { kind: "stranger", what: "a plain file" });
});

test("other software is found among the processes, and what it shares by whole addresses", () => {
  const ucarp = { pid: 9, name: "ucarp", argv: ["ucarp", "--addr=10.0.0.10"] };
  const others = [
    { pid: 10, name: "bash", argv: ["bash"] },
    ucarp,
    { pid: 11, name: "corosync", argv: ["corosync"] },
  ];
  assert.deepEqual(findOthers(others, ["10.0.0.1", "10.0.0.10"]), [
    { name: "ucarp", pid: 9, shares: ["10.0.0.10"], isRead: true },
    { name: "corosync", pid: 11, shares: [], isRead: false },
  ]);
});

/** Ethernet, IPv4 with 20 bytes of header, UDP to 5407 with three bytes. */
const IPV4 = `${"00".repeat(12)}0800 4500001f 00000000 40110000 0a000001 0a000002 ${"1234151f000b0000"} 616263`;
const IPV6 = `${"00".repeat(12)}86dd 60000000 000b1140 ${"fd".padEnd(30, "0")}01 ${"fd".padEnd(30, "0")}02 1234151f000b0000 616263`;

test("frames are read, cut and senseless ones are not", () => {
  const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
  const text = (hex: string) => {
    const seen = readFrame(bytes(hex));
    return seen === null ? null : `${seen.from} ${seen.to} ${seen.port} ${Buffer.from(seen.bytes)}`;
  };
  assert.equal(text(IPV4), "10.0.0.1 10.0.0.2 5407 abc");
  assert.equal(text(IPV6), "fd00::1 fd00::2 5407 abc");
  for (const whole of [bytes(IPV4), bytes(IPV6)]) {
    for (let length = 0; length < whole.length; length++)
      assert.equal(readFrame(whole.subarray(0, length)), null);
    for (let at = 12; at < whole.length; at++) {
      const broken = Buffer.from(whole);
      broken[at] = 0xff;
      readFrame(broken);
    }
  }
});
