import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, isSameSubnet, parseAddress, parseIp } from "./address.ts";

test("two spellings of one address are one address", () => {
  assert.deepEqual(parseAddress("2001:DB8:0:0:0:0:0:10/64"), parseAddress("2001:db8::10/64"));
  assert.equal(parseIp("::ffff:192.0.2.1")?.text, "::ffff:c000:201");
  assert.equal(parseIp("2001:db8:0:1:0:0:0:1")?.text, "2001:db8:0:1::1");
  assert.equal(parseIp("1:0:2:3:4:5:6:7")?.text, "1:0:2:3:4:5:6:7");
  assert.equal(parseIp("::")?.text, "::");
});

test("an address is written as it is read", () => {
  for (const text of ["192.0.2.10/24", "10.0.0.1/32", "2001:db8::10/64", "fd00::/128"]) {
    const address = parseAddress(text, "eth0");
    assert.ok(address !== null, text);
    assert.equal(formatAddress(address), text);
    assert.equal(address.device, "eth0");
  }
});

test("what is no floating address is refused", () => {
  const bad = [
    "192.0.2.10",
    "192.0.2.10/0",
    "192.0.2.10/33",
    "192.0.2.010/24",
    "192.0.2/24",
    "192.0.2.256/24",
    "127.0.0.1/8",
    "169.254.1.1/16",
    "224.0.0.5/24",
    "0.0.0.0/24",
    "2001:db8::10/129",
    "2001:db8::1::2/64",
    "2001:db8:1:2:3:4:5:6:7/64",
    "1:2:3:4:5:6:7::8/64",
    "fe80::1/64",
    "fe80::1%eth0/64",
    "ff02::1/64",
    "::1/128",
    "::/64",
    "/24",
    "",
    "host/24",
  ];
  for (const text of bad) assert.equal(parseAddress(text), null, text);
});

test("a subnet ends where its prefix says", () => {
  const a = [10, 77, 3, 255];
  assert.equal(isSameSubnet(a, [10, 77, 2, 0], 23), true);
  assert.equal(isSameSubnet(a, [10, 77, 4, 0], 23), false);
  assert.equal(isSameSubnet(a, [10, 77, 3, 254], 32), false);
  assert.equal(isSameSubnet(a, new Array(16).fill(0), 1), false);
});
