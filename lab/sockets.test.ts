import assert from "node:assert/strict";
import { test } from "node:test";
import { arpAnswer, arpQuestion, bytesOf6 } from "./sockets.ts";

const OWN = "02:77:00:00:00:fd";
const CHIP = "02:77:00:00:00:01";

/** An answer as the kernel gives it: a question with the two sides exchanged. */
function answer({ to = OWN, claimed = "10.77.0.100" } = {}): Buffer {
  const frame = arpQuestion(CHIP, claimed, "10.77.0.253");
  Buffer.from(to.replaceAll(":", ""), "hex").copy(frame, 0);
  frame.writeUInt16BE(2, 20);
  return frame;
}

test("an ARP question is a broadcast frame of 42 bytes in the form of RFC 826", () => {
  const frame = arpQuestion(OWN, "10.77.0.253", "10.77.0.100").toString("hex");
  assert.equal(
    frame,
    "ffffffffffff0277000000fd08060001080006040001" + "0277000000fd0a4d00fd" + "0000000000000a4d0064",
  );
});

test("an answer tells the hardware address that claims the target", () => {
  assert.equal(arpAnswer(answer(), OWN, "10.77.0.100"), CHIP);
});

test("announcements, questions, other targets and short frames are no answers", () => {
  assert.equal(arpAnswer(answer({ to: "ff:ff:ff:ff:ff:ff" }), OWN, "10.77.0.100"), null);
  assert.equal(arpAnswer(arpQuestion(OWN, "10.77.0.253", "10.77.0.100"), OWN, "10.77.0.100"), null);
  assert.equal(arpAnswer(answer({ claimed: "10.77.0.101" }), OWN, "10.77.0.100"), null);
  assert.equal(arpAnswer(answer().subarray(0, 41), OWN, "10.77.0.100"), null);
});

test("IPv6 addresses in their short forms become sixteen bytes", () => {
  assert.equal(bytesOf6("fd77::1").toString("hex"), "fd770000000000000000000000000001");
  assert.equal(bytesOf6("::1").toString("hex"), "00000000000000000000000000000001");
  assert.equal(bytesOf6("fd77::").toString("hex"), "fd770000000000000000000000000000");
  assert.equal(bytesOf6("1:2:3:4:5:6:7:8").toString("hex"), "00010002000300040005000600070008");
});
