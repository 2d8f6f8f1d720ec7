// The timed rule once more, by definition: slow, without any state but everything that happened to one node.
//
// It shares no line with the engine. Each function reads its sentence of docs/design.md ("The one timed rule")
// off the whole history, and forgets nothing on purpose: what may be forgotten is the engine's business.

import type { NodeId } from "#model/ids.ts";
import type { Pulse, Vote } from "#model/pulse.ts";

/** Something that happened to one node, at an instant of its own clock. */
export type Fact =
  | { readonly kind: "started"; readonly at: number; readonly boot: number }
  | { readonly kind: "sent"; readonly at: number; readonly pulse: Pulse }
  | { readonly kind: "received"; readonly at: number; readonly pulse: Pulse }
  | { readonly kind: "stored"; readonly at: number; readonly vote: Vote };

/** All of its lives, newest fact first. */
export interface Past {
  readonly fact: Fact;
  readonly earlier: Past | null;
}

export interface Rule {
  readonly self: NodeId;
  readonly voters: readonly NodeId[];
  readonly lease: number;
  readonly drift: number;
}

/** May the node act now: does a quorum of voters acknowledge what it sent within the usable lease? */
export function mayAct(rule: Rule, past: Past, now: number): boolean {
  const life = presentLife(past);
  return isQuorum(rule, (voter) =>
    voter === rule.self
      ? !isMute(rule, life, now)
      : inOrder(life, voter).some((pulse) => isFresh(rule, life, pulse, now, true)),
  );
}

/** Does a quorum state its vote for the node in that term now, each in its newest pulse, freshly? */
export function isElected(rule: Rule, past: Past, now: number, term: number): boolean {
  const life = presentLife(past);
  const isForSelf = (vote: Vote | null) => vote !== null && vote.term === term && vote.for === rule.self;
  return isQuorum(rule, (voter) => {
    if (voter === rule.self) {
      return !isMute(rule, life, now) && life.some((f) => f.kind === "stored" && isForSelf(f.vote));
    }
    const newest = inOrder(life, voter).at(-1);
    return newest !== undefined && isForSelf(newest.vote) && isFresh(rule, life, newest, now, false);
  });
}

/** What is wrong with what the node is about to say; null: nothing. */
export function judgeSpoken(rule: Rule, past: Past, pulse: Pulse, now: number): string | null {
  const life = presentLife(past);
  const before = life.findLast((f) => f.kind === "sent");
  const since = before?.at ?? Number.NEGATIVE_INFINITY;
  const complaints = [
    isMute(rule, life, now) ? judgeMute(pulse) : null,
    judgeHeard(rule, life, pulse, now),
    judgePromises(rule, life, before?.pulse ?? null, pulse, { since, now }),
    judgeVote(rule, past, life, before?.pulse ?? null, pulse, { since, now }),
    judgeLeading(rule, past, pulse, now),
  ];
  return complaints.find((complaint) => complaint !== null) ?? null;
}

/** After a start a voter acknowledges, votes and promises nothing for a lease. */
function judgeMute(pulse: Pulse): string | null {
  if (pulse.heard.some((h) => h.counts)) return "acknowledges right after its start";
  if (pulse.vote !== null || pulse.voteIsFree) return "votes right after its start";
  return pulse.promises.length > 0 ? "promises right after its start" : null;
}

/** What it acknowledges is the newest that it heard, within a lease, and nothing that it promised not to. */
function judgeHeard(rule: Rule, life: readonly Fact[], pulse: Pulse, now: number): string | null {
  for (const { node, boot, number, counts } of pulse.heard) {
    const newest = inOrder(life, node).at(-1);
    if (newest?.number !== number || newest.session.boot !== boot)
      return `acknowledges an old pulse of ${node}`;
    if (isUnheardAt(rule, life, node, now)) return `acknowledges ${node}, which is silent`;
    const isPromised = pulse.promises.some((p) => p.node === node);
    if (counts && isPromised) return `acknowledges ${node} against its promise`;
  }
  return null;
}

interface Span {
  readonly since: number;
  readonly now: number;
}

/** It promises only about who is silent, and takes a promise back only when a leader readmits. */
function judgePromises(
  rule: Rule,
  life: readonly Fact[],
  before: Pulse | null,
  pulse: Pulse,
  span: Span,
): string | null {
  for (const { node } of pulse.promises) {
    const isNew = before?.promises.every((p) => p.node !== node) ?? true;
    if (isNew && !wasUnheard(rule, life, node, span)) return `promises about ${node}, which it hears`;
  }
  for (const { node, term } of before?.promises ?? []) {
    if (pulse.promises.some((p) => p.node === node)) continue;
    const said = life.filter((f) => f.kind === "received").map((f) => f.pulse);
    const readmits = (by: Pulse) => by.leads !== null && by.leads >= term && by.readmit.includes(node);
    // A leader takes its own back with the word it gives to the others, or alone when none of them promised.
    const leadsItself = [pulse.leads, before?.leads ?? null].some((leads) => leads !== null && leads >= term);
    if (!leadsItself && !said.some(readmits))
      return `takes back its promise about ${node}, which nobody readmits`;
  }
  return null;
}

/** One vote a term over all lives, stored first, and changed only when its holder gave up or was silent. */
function judgeVote(
  rule: Rule,
  past: Past,
  life: readonly Fact[],
  before: Pulse | null,
  pulse: Pulse,
  span: Span,
): string | null {
  const { vote } = pulse;
  if (vote === null) return null;
  const all = everything(past);
  for (const fact of all) {
    const other = fact.kind === "sent" ? fact.pulse.vote : null;
    if (other?.term === vote.term && other.for !== vote.for) return `votes twice in term ${vote.term}`;
    if (other !== null && other.term > vote.term) return `votes in term ${vote.term} after ${other.term}`;
  }
  const isStored = all.some(
    (f) => f.kind === "stored" && f.vote.term === vote.term && f.vote.for === vote.for,
  );
  if (!isStored) return `votes in term ${vote.term} before that is stored`;
  const held = before?.vote ?? null;
  if (held === null || (held.for === vote.for && held.term === vote.term)) return null;
  const hasGivenUp =
    held.for === rule.self
      ? pulse.gaveUp >= held.term
      : inOrder(life, held.for).some((p) => p.gaveUp >= held.term);
  if (hasGivenUp || wasUnheard(rule, life, held.for, span)) return null;
  return `takes its vote from ${held.for}, which it hears and which did not give up`;
}

/** It says that it leads only while it is elected, in a term that it never gave up, in no life. */
function judgeLeading(rule: Rule, past: Past, pulse: Pulse, now: number): string | null {
  const asked = pulse.leads ?? pulse.candidate;
  if (asked === null) return null;
  if (pulse.leads !== null && !isElected(rule, past, now, pulse.leads)) return `leads unelected in ${asked}`;
  for (const fact of everything(past)) {
    if (fact.kind !== "sent") continue;
    if (fact.pulse.gaveUp >= asked) return `asks or leads in term ${asked}, which it gave up`;
    const isOfThisLife = fact.pulse.session.boot === pulse.session.boot;
    const earlier = fact.pulse.leads ?? fact.pulse.candidate;
    if (!isOfThisLife && earlier !== null && earlier >= asked) return `term ${asked} again after a restart`;
  }
  return null;
}

function isQuorum(rule: Rule, says: (voter: NodeId) => boolean): boolean {
  return rule.voters.filter(says).length * 2 > rule.voters.length;
}

function everything(past: Past): readonly Fact[] {
  const facts: Fact[] = [];
  for (let at: Past | null = past; at !== null; at = at.earlier) facts.push(at.fact);
  return facts.reverse();
}

/** Since the daemon's last start, oldest first. */
function presentLife(past: Past): readonly Fact[] {
  const facts = everything(past);
  return facts.slice(facts.findLastIndex((f) => f.kind === "started"));
}

function isMute(rule: Rule, life: readonly Fact[], now: number): boolean {
  const [start] = life;
  return start === undefined || now - start.at <= rule.lease;
}

/** What came from one sender, without what a newer pulse had overtaken. */
function inOrder(life: readonly Fact[], from: NodeId): readonly Pulse[] {
  return heardFrom(life, from).map((f) => f.pulse);
}

function heardFrom(life: readonly Fact[], from: NodeId): readonly Extract<Fact, { kind: "received" }>[] {
  const all = life.filter((f) => f.kind === "received").filter((f) => f.pulse.from === from);
  return all.filter((f, i) => all.slice(0, i).every((earlier) => isAfter(f.pulse, earlier.pulse)));
}

function isAfter(a: Pulse, b: Pulse): boolean {
  const [boot, other] = [a.session.boot, b.session.boot];
  return boot > other || (boot === other && a.number > b.number);
}

/** Does the pulse acknowledge one that this node sent within the usable lease? */
function isFresh(rule: Rule, life: readonly Fact[], pulse: Pulse, now: number, mustCount: boolean): boolean {
  const echo = pulse.heard.find((h) => h.node === rule.self);
  if (echo === undefined || (mustCount && !echo.counts)) return false;
  const sent = life.find(
    (f) => f.kind === "sent" && f.pulse.number === echo.number && f.pulse.session.boot === echo.boot,
  );
  return sent !== undefined && now < sent.at + rule.lease * (1 - rule.drift);
}

function isUnheardAt(rule: Rule, life: readonly Fact[], node: NodeId, now: number): boolean {
  return heardFrom(life, node).every((f) => f.at > now || now - f.at > rule.lease);
}

/** Was there a moment in the span at which the node had not been heard for a lease? */
function wasUnheard(rule: Rule, life: readonly Fact[], node: NodeId, { since, now }: Span): boolean {
  const [start] = life;
  const times = heardFrom(life, node).map((f) => f.at);
  const gaps = [...times, now];
  return gaps.some((end, i) => {
    const from = i === 0 ? (start?.at ?? now) : (times[i - 1] ?? now) + rule.lease;
    // Several things happen in one instant: silent before a pulse of this instant came is silent still.
    return from < end && since <= end;
  });
}
