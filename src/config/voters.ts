// Who votes, and whether so many can decide anything.

import { isNode, type Judgement, unknownMember, wrongKey } from "./complaint.ts";
import { type Cursor, items, key, top } from "./cursor.ts";
import { VOTERS_MIN } from "./defaults.ts";
import { isMap } from "./kit.ts";
import type { FoundMember } from "./members.ts";
import type { Finding } from "./problem.ts";

export interface FoundVoters {
  /** Each once, in the order of the file. */
  readonly members: readonly FoundMember[];
  /** Where they are written: `voters`, or else `nodes`. */
  readonly place: Cursor;
  /** False: some are not well written, so nobody knows yet how many there will be. */
  readonly isKnown: boolean;
}

export function votersOf(config: unknown, members: readonly FoundMember[]): FoundVoters {
  const at = key(top(config), "voters");
  if (at.value === undefined)
    return { members, place: key(top(config), "nodes"), isKnown: isWellFilled(config, members) };
  const listed = items(at).map(({ value }) => value);
  const isKnown = listed.length > 0 && listed.every((id) => members.some((member) => member.id === id));
  return { members: members.filter(({ id }) => listed.includes(id)), place: at, isKnown };
}

/** Two nodes and nobody else decide: neither may take the other's services without a proof. */
export function isPair({ members, isKnown }: FoundVoters): boolean {
  return isKnown && members.length === 2 && members.every(isNode);
}

function isWellFilled(config: unknown, members: readonly FoundMember[]): boolean {
  const isWanted = !isMap(config) || Object.hasOwn(config, "witness");
  const kinds = members.map(({ kind }) => kind);
  return kinds.includes("node") && (kinds.includes("witness") || !isWanted);
}

export function judgeVoters(
  config: unknown,
  members: readonly FoundMember[],
  voters: FoundVoters,
): Judgement {
  const ids = members.map((member) => member.id);
  const unknown = items(key(top(config), "voters"))
    .filter((voter) => typeof voter.value === "string" && !ids.includes(voter.value))
    .map((voter) => unknownMember(voter, ids, "member", "Members"));
  const few = voters.isKnown && !isPair(voters) ? tooFew(voters, members) : null;
  const warnings: Finding[] = [];
  const count = voters.members.length;
  if (count > VOTERS_MIN && count % 2 === 0) {
    const message = `${count} voters survive the loss of no more than ${count - 1} would`;
    warnings.push(wrongKey(voters.place, message, oddHint(voters)));
  }
  for (const member of members.filter((one) => one.kind === "witness" && !voters.members.includes(one))) {
    warnings.push(
      wrongKey(member.at, `${member.id} does not vote, and a witness does nothing else`, "add it to voters"),
    );
  }
  return { findings: few === null ? unknown : [...unknown, few], warnings };
}

/** A tie can only come between an even number: one witness less is as good as one more, and is cheaper. */
function oddHint({ members }: FoundVoters): string {
  const hasWitness = members.some(({ kind }) => kind === "witness");
  return hasWitness
    ? "make the number odd: one witness less, or one more"
    : "make the number odd: add a witness, or list fewer voters";
}

const ALL_VOTE = "list three voters, or leave `voters` out: then all members vote";

function tooFew({ members: voters, place }: FoundVoters, members: readonly FoundMember[]): Finding | null {
  if (voters.length > VOTERS_MIN) return null;
  const hint = members.length > voters.length && members.length > VOTERS_MIN ? ALL_VOTE : "";
  if (voters.length < VOTERS_MIN)
    return wrongKey(
      place,
      "only one voter: no service could ever fail over by itself",
      hint || "add a second node, and a witness: witness: 192.0.2.5",
    );
  const nodes = voters.filter(isNode).length;
  const who = nodes === 1 ? "a node and a witness" : "two witnesses";
  return wrongKey(
    place,
    `only ${who} vote: without either of them nothing runs, and nothing could take over`,
    hint || "add a second node: two nodes and a witness survive the loss of any one",
  );
}
