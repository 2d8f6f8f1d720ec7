import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "#model/ids.ts";
import { awake, type Bench, PULSE } from "../../../test/helpers/keeper.ts";

/** One of two voters whose daemon was restarted: an earlier life in this kernel boot heard its peer, this one did not. */
const restarted = (): Bench =>
  awake("b", { voters: ["a", "b"], pair: { kernelBoot: "k1", held: null, heard: 5 } });

function proves(b: Bench, boot: number): Bench {
  const proof = { node: nodeId("a"), boot, lapses: null, kind: "fenced", sentence: "a is off" } as const;
  b.worker({ kind: "proof", proof });
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
