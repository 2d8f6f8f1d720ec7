// A pulse as bytes and back. Sender and boot stand outside, in the sealed envelope of every datagram. Each
// node's name is spelled once, where it comes first; after that it is a number.
//
// What is added is an extension, at the end: a tag, a length, that many bytes. Whoever does not know the tag skips
// it, so the version before reads what this one writes; whoever misses it takes the default. Names are spelled in
// full there, unless they were spelled before. Everything before the extensions, flags included, is as it is for good.

import { assert } from "#lib/assert.ts";
import { ByteReader, ByteWriter } from "#lib/bytes.ts";
import { type NodeId, nodeId } from "#model/ids.ts";
import { IS_AHEAD, OWN, understands } from "#model/protocol.ts";
import type { Heard, Promised, Pulse, PulseList, Reset, ResetId, Vote } from "#model/pulse.ts";
import { type Ms, ms, type Term, term } from "#model/units.ts";
import { BODY_LIMIT } from "#ports/datagrams.ts";

/** Lines in each of a pulse's lists; extensions. */
export const LIST_LIMIT = 64;

/** Tags, in the order in which they stand. None is ever used for anything else. */
const EXTENSION = {
  /** `watchdog`, a real. Missing: null. */
  watchdog: 1,
  /** `list`: its id, the floor, and the voters. Missing: null. */
  list: 2,
  /** A text, from programs that are built to speak as a later version. */
  ahead: 100,
} as const;

const FLAG = { vote: 1, voteIsFree: 2, candidate: 4, leads: 8, resetDone: 16, left: 32, hurry: 64 } as const;
const ALL_FLAGS = 127;
const REAL_BYTES = 8;
const AHEAD = "what-only-a-later-version-knows";

const writer = new ByteWriter(BODY_LIMIT, "a pulse");
/** An extension whose length is known only when it is written. */
const part = new ByteWriter(BODY_LIMIT, "a part of a pulse");
/** Names already spelled in this pulse, with their numbers. */
const spelled = new Map<NodeId, number>();

/**
 * The bytes of a pulse: a view into memory that the next call overwrites. One that is too large (more than
 * BODY_LIMIT bytes, or LIST_LIMIT lines in a list) is a bug, for the configuration limits the members: 24 of
 * them fit, whatever is said of them, while their names have 25 characters on average.
 */
export function encodePulse(pulse: Pulse): Uint8Array {
  const { vote, candidate, leads, resetDone } = pulse;
  writer.reset();
  spelled.clear();
  writer.byte(OWN.protocol);
  writer.byte(OWN.oldest);
  writer.whole(pulse.number);
  writer.whole(pulse.session.lapses);
  writer.text(pulse.voters);
  writer.text(pulse.config);
  writer.real(pulse.lease);
  writer.whole(pulse.term);
  writer.whole(pulse.gaveUp);
  writer.byte(flagsOf(pulse));
  if (vote !== null) writeVote(vote);
  if (candidate !== null) writer.whole(candidate);
  if (leads !== null) writer.whole(leads);
  if (resetDone !== null) writeResetId(resetDone);
  writeList(pulse.heard, writeHeard);
  writeList(pulse.promises, writePromised);
  writeList(pulse.exclude, (node) => writeNode(node));
  writeList(pulse.reset, writeReset);
  writeList(pulse.readmit, (node) => writeNode(node));
  writeExtensions(pulse);
  return writer.written();
}

/**
 * Reads the bytes of a pulse; null when any field is not what it has to be, or the sender and this program do not
 * understand each other. Never throws.
 */
export function decodePulse(bytes: Uint8Array, from: NodeId, boot: number): Pulse | null {
  const reader = new PulseReader(bytes);
  if (!understands(OWN, reader.byte(), reader.byte())) return null;
  const number = reader.whole();
  const lapses = reader.whole();
  const voters = reader.text();
  const config = reader.text();
  const lease = ms(reader.real());
  const highest = readTerm(reader);
  const gaveUp = readTerm(reader);
  const flags = reader.byte();
  if (number === 0 || lease <= 0 || flags > ALL_FLAGS) return null;
  const pulse: Pulse = {
    from,
    number,
    session: { boot, lapses },
    voters,
    config,
    lease,
    term: highest,
    gaveUp,
    // Properties are evaluated in the order written, which is that of the bytes.
    vote: flags & FLAG.vote ? { term: readTerm(reader), for: reader.node() } : null,
    candidate: flags & FLAG.candidate ? readTerm(reader) : null,
    leads: flags & FLAG.leads ? readTerm(reader) : null,
    resetDone: flags & FLAG.resetDone ? readResetId(reader) : null,
    heard: readList(reader, readHeard),
    promises: readList(reader, readPromised),
    exclude: readList(reader, (names) => names.node()),
    reset: readList(reader, readReset),
    readmit: readList(reader, (names) => names.node()),
    voteIsFree: (flags & FLAG.voteIsFree) !== 0,
    left: (flags & FLAG.left) !== 0,
    hurry: (flags & FLAG.hurry) !== 0,
    ...readExtensions(reader),
  };
  return reader.isComplete ? pulse : null;
}

function flagsOf(pulse: Pulse): number {
  return (
    (pulse.vote === null ? 0 : FLAG.vote) |
    (pulse.voteIsFree ? FLAG.voteIsFree : 0) |
    (pulse.candidate === null ? 0 : FLAG.candidate) |
    (pulse.leads === null ? 0 : FLAG.leads) |
    (pulse.resetDone === null ? 0 : FLAG.resetDone) |
    (pulse.left ? FLAG.left : 0) |
    (pulse.hurry ? FLAG.hurry : 0)
  );
}

function writeExtensions({ watchdog, list }: Pulse): void {
  writer.byte((watchdog === null ? 0 : 1) + (list === null ? 0 : 1) + (IS_AHEAD ? 1 : 0));
  if (watchdog !== null) {
    writer.byte(EXTENSION.watchdog);
    writer.byte(REAL_BYTES);
    writer.real(watchdog);
  }
  if (list !== null) writeVoters(list);
  if (!IS_AHEAD) return;
  writer.byte(EXTENSION.ahead);
  writer.byte(1 + AHEAD.length);
  writer.text(AHEAD);
}

function writeVoters({ id, floor, voters }: PulseList): void {
  part.reset();
  for (const each of [id, floor]) {
    part.whole(each.term);
    part.whole(each.number);
  }
  part.whole(voters.length);
  for (const voter of voters) writeNode(voter, part);
  const bytes = part.written();
  writer.byte(EXTENSION.list);
  writer.whole(bytes.length);
  writer.raw(bytes);
}

function readVoters(reader: PulseReader, length: number): PulseList {
  const end = reader.position + length;
  const id = { term: readTerm(reader), number: reader.whole() };
  const floor = { term: readTerm(reader), number: reader.whole() };
  const voters = readList(reader, (names) => names.node());
  if (reader.position !== end) reader.refuse();
  return { id, floor, voters };
}

/** Tags grow, so none is there twice. */
function readExtensions(reader: PulseReader): Pick<Pulse, "watchdog" | "list"> {
  let watchdog: Ms | null = null;
  let list: PulseList | null = null;
  let last = 0;
  for (let count = reader.count(LIST_LIMIT); count > 0 && reader.ok; count--) {
    const tag = reader.whole();
    const length = reader.whole();
    if (tag <= last) reader.refuse();
    last = tag;
    if (tag === EXTENSION.watchdog) watchdog = readWatchdog(reader, length);
    else if (tag === EXTENSION.list) list = readVoters(reader, length);
    else for (let left = length; left > 0 && reader.ok; left--) reader.byte();
  }
  return { watchdog, list };
}

function readWatchdog(reader: PulseReader, length: number): Ms {
  const watchdog = ms(reader.real());
  if (length !== REAL_BYTES || watchdog <= 0) reader.refuse();
  return watchdog;
}

function writeList<T>(list: readonly T[], write: (line: T) => void): void {
  assert(list.length <= LIST_LIMIT, `a pulse has at most ${LIST_LIMIT} lines in a list`);
  writer.whole(list.length);
  for (const line of list) write(line);
}

function readList<T>(reader: PulseReader, read: (reader: PulseReader) => T): readonly T[] {
  const count = reader.count(LIST_LIMIT);
  const list: T[] = [];
  while (reader.ok && list.length < count) list.push(read(reader));
  return list;
}

function writeHeard({ node, boot, number, counts }: Heard): void {
  writeNode(node);
  writer.whole(boot);
  writer.whole(number);
  writer.byte(counts ? 1 : 0);
}

function readHeard(reader: PulseReader): Heard {
  const heard = { node: reader.node(), boot: reader.whole(), number: reader.whole(), counts: reader.byte() };
  if (heard.counts > 1) reader.refuse();
  return { ...heard, counts: heard.counts === 1 };
}

function writeVote(vote: Vote): void {
  writer.whole(vote.term);
  writeNode(vote.for);
}

function writePromised(promised: Promised): void {
  writeNode(promised.node);
  writer.whole(promised.term);
}

function readPromised(reader: PulseReader): Promised {
  return { node: reader.node(), term: readTerm(reader) };
}

function writeReset(reset: Reset): void {
  writeNode(reset.node);
  writeResetId(reset.id);
}

function readReset(reader: PulseReader): Reset {
  return { node: reader.node(), id: readResetId(reader) };
}

function writeResetId(id: ResetId): void {
  writer.whole(id.term);
  writer.whole(id.number);
}

function readResetId(reader: PulseReader): ResetId {
  return { term: readTerm(reader), number: reader.whole() };
}

const readTerm = (reader: PulseReader): Term => term(reader.whole());

/** The number of a name, or the next free number and the name. */
function writeNode(node: NodeId, out = writer): void {
  const number = spelled.get(node);
  out.whole(number ?? spelled.size);
  if (number !== undefined) return;
  spelled.set(node, spelled.size);
  out.text(node);
}

class PulseReader extends ByteReader {
  readonly #spelled: NodeId[] = [];

  node(): NodeId {
    const known = this.#spelled[this.count(this.#spelled.length)];
    if (known !== undefined) return known;
    const node = nodeId(this.name());
    if (this.#spelled.includes(node)) this.refuse();
    this.#spelled.push(node);
    return node;
  }
}
