import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeathProof } from "#model/fencing.ts";
import { nodeId } from "#model/ids.ts";
import { awake, type Bench, type BenchOptions, memberOf, PULSE, vote } from "../../../test/helpers/keeper.ts";

/** One of two voters whose daemon was restarted: an earlier life in this kernel boot heard its peer, this one did not. */
const restarted = (): Bench =>
  awake("b", { voters: ["a", "b"], pair: { kernelBoot: "k1", held: null, heard: 5 } });

const PAIR: BenchOptions = { voters: ["a", "b"] };

const proofOf = (boot: number, peer = "a"): DeathProof => ({
  node: nodeId(peer),
  boot,
  lapses: null,
  kind: "fenced",
  sentence: `${peer} is off`,
});

function proves(b: Bench, boot: number, peer = "a"): Bench {
  b.worker({ kind: "proof", proof: proofOf(boot, peer) });
  for (let i = 0; i < 40 && b.state.voter.storing === null; i += 1) b.until(b.now + PULSE);
  if (b.state.voter.storing !== null) b.stored();
  return b.until(b.now + PULSE);
}

test("a peer that was proved dead meanwhile is done without, also by a life that never heard it", () => {
  assert.equal(proves(restarted(), 0).leads, true);
});

test("an older proof about a peer that this life never heard says nothing about its last life", () => {
  assert.equal(proves(restarted(), 4).leads, false);
  const rebooted = awake("b", { voters: ["a", "b"], kernelBoot: "k2" });
  assert.equal(proves(rebooted, 4).leads, false);
});

test("a proof about whatever a peer was before ends when the peer is heard", () => {
  const b = restarted().hears("a", { session: { boot: 6, lapses: 0 } });
  assert.equal(proves(b, 0).leads, false);
});

test("what a peer said before its present life is no sign of which life that is", () => {
  // Both were rebooted; a pulse that was long on its way arrives. (Simulator, seed 4187 of 2026-11-20.)
  const late = () => awake("b", PAIR).hears("a", { session: { boot: 2, lapses: 0 } }, { echo: null });
  assert.equal(proves(late(), 2).leads, false);
  assert.equal(proves(late(), 0).leads, true, "whatever it was, it is over");
});

test("a proof about whatever a peer was before has ended for good, also when its links change", () => {
  const b = awake("b", PAIR).hears("a", {}, { echo: null });
  b.worker({ kind: "proof", proof: proofOf(0) }).hears("a");
  b.until(b.now + 20 * PULSE);
  const members = [memberOf("a", 2), memberOf("b", 2)];
  b.worker({ kind: "reconfigure", configHash: "other", grants: [], members });
  assert.equal(b.peer("a").answeredIn, null, "known no more");
  b.until(b.now + 40 * PULSE);
  assert.deepEqual([b.state.voter.storing, b.leads], [null, false]);
});

test("who takes over from a peer that it does not hear leads in a term that begins with the date", () => {
  const DATE = 1_767_225_600_000;
  const termOf = (self: string, stored: number) => {
    const options = { ...PAIR, boot: DATE, stored: vote(stored, self) };
    const peer = self === "a" ? "b" : "a";
    const { leading } = proves(awake(self, options), 0, peer).state;
    return leading.kind === "leads" ? leading.term : null;
  };
  assert.deepEqual([termOf("a", 2), termOf("b", 2)], [DATE, DATE + 1], "each its own");
  // Its clock is behind, or the other's was ahead: it leaves room for what the other one did meanwhile.
  assert.deepEqual([termOf("a", DATE + 5), termOf("b", DATE + 5)], [DATE + 1_006, DATE + 1_005]);
});

test("who asks in vain does not run ahead of the date", () => {
  const DATE = 1_767_225_600_000;
  const b = awake("b", { ...PAIR, boot: DATE });
  b.worker({ kind: "proof", proof: proofOf(0) });
  const asked: number[] = [];
  for (let tries = 0; tries < 3; tries += 1) {
    for (let i = 0; i < 60 && b.state.voter.storing === null; i += 1) b.until(b.now + PULSE);
    asked.push(b.state.voter.storing?.term ?? 0);
    b.stored(false);
  }
  assert.deepEqual(asked, [DATE + 1, DATE + 3, DATE + 5]);
});
