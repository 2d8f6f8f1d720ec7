import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "#model/ids.ts";
import { term } from "#model/units.ts";
import { type ListId, sameList } from "#model/voters.ts";
import { type Bench, leading, MUTE, PULSE, vote } from "../../../test/helpers/keeper.ts";

const FOUR = ["a", "b", "w", "x"].map(nodeId);
const listId = (inTerm: number, number: number): ListId => ({ term: term(inTerm), number });

/** While the leader a changes the list; b is down, w votes for it and has every list at once. */
interface Others {
  readonly isXThere: boolean;
  readonly xVotes: boolean;
  /** It gave its vote of this term to somebody else, and would vote again in another term. */
  readonly isXFree?: boolean;
}

/** Pulse by pulse; whatever a has stored is on its disk at once. */
function goOn(a: Bench, duration: number, { isXThere, xVotes, isXFree = false }: Others): void {
  const own = vote(a.state.leading.kind === "leads" ? a.state.leading.term : 0, "a");
  for (const end = a.now + duration; a.now < end; ) {
    store(a.at(a.now + PULSE).wake());
    const { list, floor } = a.state.identity;
    const says = {
      term: own.term,
      list: { id: list.id, floor, voters: [] },
      voters: a.state.identity.votersHash,
    };
    store(a.hears("w", { ...says, vote: own }));
    if (isXThere) {
      const voteIsFree = xVotes || isXFree;
      store(a.hears("x", { ...says, vote: xVotes ? own : null, voteIsFree }, { counts: xVotes || isXFree }));
    }
  }
}

function store(a: Bench): void {
  const { storing } = a.state.lists;
  if (storing !== null) a.handle({ kind: "list-stored", record: storing, ok: true });
}

/** The leader a, by its own vote and that of w; b is down, x comes and is no voter yet. */
function leaderOfTwo(): Bench {
  const a = leading("a", { others: ["x"], by: ["w"] });
  a.worker({ kind: "voters", wanted: FOUR });
  return a;
}

/** x has started, and may not vote yet. */
const THERE: Others = { isXThere: true, xVotes: false };
const votersOf = (a: Bench): string => a.state.identity.voters.join(" ");

test("the present list is issued anew in the leader's own term, becomes the floor, and a lease passes before the next", () => {
  const a = leaderOfTwo();
  const inTerm = a.state.term;
  const isFloor = () => sameList(a.state.identity.floor, listId(inTerm, 0));
  while (!isFloor() && a.now < 10 * MUTE) goOn(a, PULSE, THERE);
  assert.deepEqual(a.state.identity.list, { id: listId(inTerm, 0), voters: ["a", "b", "w"] });
  goOn(a, MUTE - PULSE, THERE);
  assert.equal(votersOf(a), "a b w");
  goOn(a, 4 * PULSE, THERE);
  assert.equal(votersOf(a), "a b w x");
  assert.deepEqual(a.state.identity.list.id, listId(inTerm, 1));
});

test("while too few of the new voters are there the list stays", () => {
  const a = leaderOfTwo();
  goOn(a, 6 * MUTE, { isXThere: false, xVotes: false });
  assert.equal(votersOf(a), "a b w");
  assert.ok(a.leads && a.acts);
});

test("a newcomer that does not vote yet unseats nobody, and the list before counts until it does", () => {
  const a = leaderOfTwo();
  goOn(a, 6 * MUTE, THERE);
  assert.equal(votersOf(a), "a b w x");
  assert.ok(a.leads && a.acts, "by the three voters before");
  assert.deepEqual(a.state.identity.floor, listId(a.state.term, 0), "the new list does not count alone yet");
  goOn(a, MUTE, { isXThere: true, xVotes: true });
  assert.deepEqual(a.state.identity.floor, listId(a.state.term, 1));
  assert.equal(a.state.lists.before, null);
  goOn(a, 2 * MUTE, { isXThere: false, xVotes: false });
  assert.ok(!a.leads && !a.acts, "now three of four are needed");
});

test("a leader whose list is there and never counts, for want of votes of its term, gives up for another term", () => {
  const a = leaderOfTwo();
  const inTerm = a.state.term;
  goOn(a, 6 * MUTE, THERE);
  assert.equal(votersOf(a), "a b w x");
  const free: Others = { isXThere: true, xVotes: false, isXFree: true };
  goOn(a, 2 * MUTE, free);
  assert.ok(a.leads && a.acts, "not at once: a vote takes its time");
  goOn(a, 4 * MUTE, free);
  assert.ok(a.state.leading.gaveUp >= inTerm);
});

test("time in which the list was not there does not count towards giving up", () => {
  const a = leaderOfTwo();
  const inTerm = a.state.term;
  goOn(a, 6 * MUTE, THERE);
  const free: Others = { isXThere: true, xVotes: false, isXFree: true };
  goOn(a, 3 * MUTE, free);
  goOn(a, 2 * MUTE, { isXThere: false, xVotes: false });
  goOn(a, 2 * MUTE, free);
  assert.ok(a.leads && a.state.term === inTerm);
});
