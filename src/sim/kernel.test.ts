import assert from "node:assert/strict";
import { test } from "node:test";
import { grantKey } from "#model/grant.ts";
import { instant } from "#model/units.ts";
import { Kernel } from "./kernel.ts";

const IP = { ip: "10.0.0.1", prefix: 24, family: 4, device: null } as const;

function kernel() {
  let now = 0;
  const opened: string[] = [];
  const made = new Kernel({
    now: () => instant(now),
    opened: (grant) => opened.push(grantKey(grant)),
    isSilent: () => false,
  });
  return {
    kernel: made,
    opened,
    at: (time: number) => {
      now = time;
    },
  };
}

test("an address works while it is there and its entry runs, and not a moment longer", () => {
  const { kernel: made, at } = kernel();
  made.grants.install([IP]);
  made.addresses.add(IP, 3);
  assert.equal(made.isLive(IP.ip), false);
  made.grants.arm([IP], instant(400));
  assert.equal(made.isLive(IP.ip), true);
  at(399.9);
  assert.equal(made.isLive(IP.ip), true);
  at(400);
  assert.equal(made.isLive(IP.ip), false);
  assert.equal(made.isPresent(IP.ip), true);
  at(3_000);
  assert.equal(made.isPresent(IP.ip), false);
});

test("an entry for an instant that is over closes instead, and a start closes everything", () => {
  const { kernel: made, at } = kernel();
  made.grants.install([IP]);
  made.addresses.add(IP, 3);
  made.grants.arm([IP], instant(400));
  at(100);
  assert.equal(made.grants.arm([IP], instant(100)).kind, "failed");
  assert.equal(made.isLive(IP.ip), false);
  made.grants.arm([IP], instant(400));
  made.grants.install([IP]);
  assert.equal(made.isLive(IP.ip), false);
  assert.deepEqual(made.addresses.sweep([IP]), { kind: "done", ips: [IP.ip] });
  assert.deepEqual(made.addresses.sweep([IP]), { kind: "done", ips: [] });
});

test("an address without a guard works: whoever takes the guard away first is noticed", () => {
  const { kernel: made, opened } = kernel();
  made.addresses.add(IP, 3);
  assert.equal(made.isLive(IP.ip), true);
  assert.deepEqual(opened, [IP.ip]);
});

test("a guarded port is open while its entry runs, beside an address or alone", () => {
  const port = { protocol: "tcp", port: 3306 } as const;
  const { kernel: made, opened, at } = kernel();
  assert.equal(made.grants.arm([port], instant(400)).kind, "failed");
  made.grants.install([IP, port]);
  assert.equal(made.isOpen(port), false);
  made.grants.arm([IP, port], instant(400));
  assert.equal(made.isOpen(port), true);
  assert.equal(made.isOpen(IP), false, "nobody added it");
  assert.deepEqual(opened, ["10.0.0.1", "tcp/3306"]);
  at(400);
  assert.equal(made.isOpen(port), false);
  made.grants.arm([port], instant(900));
  made.grants.close([port]);
  assert.equal(made.isOpen(port), false);
});
