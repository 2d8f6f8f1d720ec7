import assert from "node:assert/strict";
import { test } from "node:test";
import { ipBytes } from "#model/address.ts";
import { announcement, probe, readClaim } from "./frames.ts";

const MAC = [2, 0, 0x0a, 0x4d, 0, 1];
const V4 = ipBytes("192.0.2.10");
const V6 = ipBytes("2001:db8::10");
const hex = (frame: Buffer | undefined) =>
  frame
    ?.toString("hex")
    .replace(/(.{4})/g, "$1 ")
    .trim();

test("gratuitous ARP in request and reply form, byte by byte", () => {
  const [request, reply] = announcement(V4, MAC);
  assert.equal(
    hex(request),
    "ffff ffff ffff 0200 0a4d 0001 0806 0001 0800 0604 0001 0200 0a4d 0001 c000 020a 0000 0000 0000 c000 020a",
  );
  assert.equal(
    hex(reply),
    "ffff ffff ffff 0200 0a4d 0001 0806 0001 0800 0604 0002 0200 0a4d 0001 c000 020a 0200 0a4d 0001 c000 020a",
  );
});

test("an unsolicited advertisement overrides, names the MAC address and has a right checksum", () => {
  const [frame] = announcement(V6, MAC);
  assert.ok(frame !== undefined);
  assert.equal(frame.subarray(0, 6).toString("hex"), "333300000001");
  assert.equal(frame[21], 255);
  assert.deepEqual([frame[54], frame[58]], [136, 0x20]);
  assert.equal(frame.subarray(78).toString("hex"), "020102000a4d0001");
  assert.equal(sumWithPseudoHeader(frame), 0xffff);
});

test("a probe has no sender address and names no MAC address to remember", () => {
  const [arp, solicitation] = [V4, V6].map((ip) => probe(ip, MAC));
  assert.ok(arp !== undefined && solicitation !== undefined);
  assert.equal(arp.subarray(28, 32).toString("hex"), "00000000");
  assert.equal(solicitation.subarray(0, 6).toString("hex"), "3333ff000010");
  assert.equal(solicitation.subarray(22, 38).toString("hex"), "0".repeat(32));
  assert.equal(solicitation.length, 78);
  assert.equal(sumWithPseudoHeader(solicitation), 0xffff);
});

test("announcements are claims; probes and what is cut short are none of ours", () => {
  for (const ip of [V4, V6]) {
    for (const frame of announcement(ip, MAC)) {
      assert.deepEqual(readClaim(frame), { ip, mac: Buffer.from(MAC) });
      for (let length = 0; length < 42; length++) assert.equal(readClaim(frame.subarray(0, length)), null);
    }
  }
  assert.equal(readClaim(probe(V6, MAC)), null);
  assert.deepEqual(readClaim(probe(V4, MAC))?.ip, [0, 0, 0, 0]);
});

/** RFC 4443 section 2.3: over addresses, length, next header and message the sum is all ones. */
function sumWithPseudoHeader(frame: Buffer): number {
  const icmp = frame.subarray(54);
  const bytes = Buffer.concat([
    frame.subarray(22, 54),
    Buffer.from([0, 0, 0, icmp.length, 0, 0, 0, 58]),
    icmp,
  ]);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
