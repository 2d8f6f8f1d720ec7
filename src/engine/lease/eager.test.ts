import assert from "node:assert/strict";
import { test } from "node:test";
import { ADDRESS, awake, type Bench, PULSE, vote } from "../../../test/helpers/keeper.ts";

/** One of two voters that leads for eager services: its peer was heard, and is silent now. */
function leadingEagerly(): Bench {
  const b = awake("b", { voters: ["a", "b"], pair: { kernelBoot: "k1", held: null, heard: 1 } });
  b.hears("a").worker({ kind: "eager", isEager: true });
  for (let i = 0; i < 40 && b.state.voter.storing === null; i += 1) b.until(b.now + PULSE);
  b.stored().until(b.now + PULSE);
  assert.ok(b.leads && b.state.pair?.leadsEagerly === true && b.acts);
  b.worker({ kind: "take", id: 1, session: b.state.acting.session, grants: [ADDRESS] });
  return b;
}

test("of two actives the one that stays announces its addresses again when the other one follows", () => {
  const b = leadingEagerly();
  // Past the announcements that follow a start: the next one would come half a minute later.
  b.until(b.now + 10_000);
  const { term } = b.state;
  const announced = () => b.did("announce").flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  b.at(b.now + PULSE).hears("a", { term });
  assert.deepEqual(announced(), [], "heard again, but it may not have let go");
  b.at(b.now + PULSE).hears("a", { term, vote: vote(term, "b") });
  assert.equal(b.state.pair?.leadsEagerly, false);
  assert.deepEqual(announced(), [ADDRESS.ip]);
});
