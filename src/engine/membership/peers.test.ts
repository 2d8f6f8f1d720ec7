import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, ms, NEVER } from "#model/units.ts";
import {
  identityOf,
  LEASE,
  MUTE,
  memberOf,
  pulseFrom,
  type Says,
  USABLE,
} from "../../../test/helpers/keeper.ts";
import type { Peer } from "./peers.ts";
import { foldPulse, hasFittingLease, isSilent, leaseOf, newPeer, statementOf } from "./peers.ts";
import { NOTHING_SENT, noteSent } from "./sent.ts";

const A = identityOf("a");
const SENT = [100, 150, 200].reduce((sent, at) => noteSent(sent, instant(at), ms(MUTE)), NOTHING_SENT);
const B = newPeer(memberOf("b", 2), A);
const at = (now: number) => instant(now);

function fold(peer: Peer, says: Says, now: number, link = 0): Peer {
  return foldPulse(peer, { pulse: pulseFrom("b", says), link }, SENT, A, at(now));
}

const echo = (number: number, counts = true) => [{ node: A.self, boot: 1, number, counts }];

test("a statement may be used until a usable lease after the pulse that it answers was sent", () => {
  const b = fold(B, { heard: echo(2) }, 180);
  assert.equal(statementOf(b, at(150 + USABLE - 1))?.number, 1);
  assert.equal(statementOf(b, at(150 + USABLE)), null);
});

test("of two pulses the older is ignored, and shows only that its link works", () => {
  const newer = fold(B, { number: 5, heard: echo(1), leads: null }, 160);
  const b = fold(newer, { number: 4, heard: echo(3), leads: 3 }, 220, 1);
  assert.equal(b.pulse?.number, 5);
  assert.deepEqual([b.heardAt, b.linkHeardAt], [160, [160, 220]]);
  assert.equal(b.acknowledgesUntil, 100 + USABLE);
});

test("a copy over another link says nothing new", () => {
  const once = fold(B, { number: 5, heard: echo(2) }, 160);
  const twice = fold(once, { number: 5, heard: echo(2) }, 170, 1);
  assert.deepEqual({ ...twice, linkHeardAt: once.linkHeardAt }, once);
});

test("a later life's pulses are newer, whatever their numbers", () => {
  const before = fold(B, { number: 5_000 }, 160);
  assert.equal(fold(before, { number: 1, session: { boot: 2, lapses: 0 } }, 170).pulse?.session.boot, 2);
});

test("what was stated before is gone with a newer pulse that answers nothing; what was acknowledged stays", () => {
  const usable = fold(B, { number: 1, heard: echo(2) }, 160);
  const b = fold(usable, { number: 2 }, 170);
  assert.equal(statementOf(b, at(170)), null);
  assert.equal(b.acknowledgesUntil, 150 + USABLE);
});

test("an acknowledgement of an older pulse shortens nothing", () => {
  const b = fold(fold(B, { number: 1, heard: echo(3) }, 210), { number: 2, heard: echo(1) }, 220);
  assert.equal(b.acknowledgesUntil, 200 + USABLE);
  assert.equal(b.usableUntil, 100 + USABLE, "but what the newer pulse states is only worth its own answer");
});

test("an acknowledgement that does not count carries statements and no right", () => {
  const b = fold(B, { heard: echo(2, false) }, 160);
  assert.equal(b.usableUntil, 150 + USABLE);
  assert.equal(b.acknowledgesUntil, NEVER);
});

test("a number that was never sent, or a life that was not ours, acknowledges nothing", () => {
  assert.equal(fold(B, { heard: echo(4) }, 210).usableUntil, NEVER);
  const elsewhere = [{ node: A.self, boot: 7, number: 2, counts: true }];
  assert.equal(fold(B, { heard: elsewhere }, 210).usableUntil, NEVER);
});

test("who counts other voters is shown, but neither heard nor used", () => {
  const b = fold(B, { heard: echo(2), voters: "others" }, 160);
  assert.equal(b.pulse?.voters, "others");
  assert.deepEqual([b.heardAt, b.usableUntil, b.acknowledgesUntil], [NEVER, NEVER, NEVER]);
  assert.deepEqual(b.linkHeardAt, [160, NEVER]);
});

test("silent is who was not heard for its own lease, strictly", () => {
  const b = fold(B, { lease: 2 * LEASE }, 160);
  assert.equal(isSilent(b, A, at(160 + 2 * LEASE)), false);
  assert.equal(isSilent(b, A, at(160.1 + 2 * LEASE)), true);
});

test("of who was never heard the longest lease is assumed", () => {
  assert.equal(leaseOf(B, A), MUTE);
  assert.equal(isSilent(B, A, at(0)), true);
});

test("a lease that outlives a voter's silence after its start fits nobody", () => {
  assert.equal(hasFittingLease(fold(B, { lease: MUTE }, 160), A), true);
  assert.equal(hasFittingLease(fold(B, { lease: MUTE + 1 }, 160), A), false);
});
