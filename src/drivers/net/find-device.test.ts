import assert from "node:assert/strict";
import { test } from "node:test";
import { ipBytes, parseAddress } from "#model/address.ts";
import { findDevice, type Network } from "./find-device.ts";
import type { Device } from "./rtnetlink.ts";

const device = (index: number, name: string): Device => ({
  index,
  name,
  mac: Buffer.alloc(6),
  ethernet: name !== "lo",
  loopback: name === "lo",
  up: true,
});
const own = (index: number, ip: string, prefix: number) => ({
  index,
  ip,
  bytes: ipBytes(ip),
  prefix,
});

const network: Network = {
  devices: [device(1, "lo"), device(2, "eth0"), device(3, "eth1")],
  addresses: [
    own(1, "127.0.0.1", 8),
    own(2, "10.0.0.1", 8),
    own(3, "10.77.0.1", 24),
    own(3, "fe80::1", 64),
    own(3, "fd77::1", 64),
  ],
};

function find(text: string, name: string | null = null) {
  const address = parseAddress(text, name);
  assert.ok(address !== null);
  return findDevice(address, network);
}

function foundOn(text: string, name: string | null = null): string {
  const found = find(text, name);
  return found.kind === "found"
    ? `${found.device.name} ${found.hasSubnet ? "has" : "lacks"} the subnet`
    : found.kind;
}

test("the device in the narrowest subnet around the address is the one", () => {
  assert.equal(foundOn("10.77.0.100/24"), "eth1 has the subnet");
  assert.equal(foundOn("10.78.0.100/24"), "eth0 has the subnet");
  assert.equal(foundOn("10.77.0.100/32"), "eth1 has the subnet");
  assert.equal(foundOn("fd77::100/128"), "eth1 has the subnet");
});

test("a named device is taken whether it has the subnet or not", () => {
  assert.equal(foundOn("10.77.0.100/24", "eth1"), "eth1 has the subnet");
  assert.equal(foundOn("192.0.2.1/24", "eth0"), "eth0 lacks the subnet");
  assert.equal(foundOn("192.0.2.1/24", "lo"), "lo lacks the subnet");
});

test("without a device the error says which there are", () => {
  assert.deepEqual(find("192.0.2.1/24"), {
    kind: "failed",
    code: "no-device",
    detail:
      "192.0.2.1/24: no network device has an address in this subnet; " +
      "there is: lo 127.0.0.1/8, eth0 10.0.0.1/8, eth1 10.77.0.1/24 fe80::1/64 fd77::1/64",
  });
  const missing = find("10.77.0.100/24", "eth2");
  assert.match(missing.kind === "failed" ? missing.detail : "", /no network device eth2; there is: lo/);
});
