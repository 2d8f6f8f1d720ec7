// Which protocol this program speaks with the others, and whose words it may use: docs/decisions/0007-versions.md.

/** Put in by the build of a program that is to speak as another version, for tests (scripts/build.ts). */
declare const UNDERSTUDY_PROTOCOL: number | undefined;

/** Grows by one with every change of what pulses or messages mean; a new field alone is no such change. */
const PRESENT = 3;
/** The first one whose pulses and packets begin with the two numbers of `Spoken`. */
const FIRST = 3;

/** What stands first in every pulse and every packet of messages, a byte each, in this and all later versions. */
export interface Spoken {
  /** The version that the sender speaks. */
  readonly protocol: number;
  /** The oldest version that the sender understands. */
  readonly oldest: number;
}

const protocol = typeof UNDERSTUDY_PROTOCOL === "undefined" ? PRESENT : UNDERSTUDY_PROTOCOL;

export const OWN: Spoken = { protocol, oldest: oldestFor(protocol) };
/** Built to speak as a later version: then it also says what the present one cannot know. */
export const IS_AHEAD = protocol > PRESENT;

/** A program understands the version before its own. */
export function oldestFor(version: number): number {
  return Math.max(FIRST, version - 1);
}

/** Each understands the other: not more than one version apart, and nothing older than either says it can read. */
export function understands(own: Spoken, protocol: number, oldest: number): boolean {
  const isNear = protocol - own.protocol <= 1 && own.protocol - protocol <= 1;
  return isNear && protocol >= own.oldest && own.protocol >= oldest;
}

/**
 * For a datagram's body whose sender and receiver do not understand each other: the version that the sender speaks.
 * Null: they do, or the body does not begin as one.
 */
export function foreignProtocol(body: Uint8Array): number | null {
  const theirs = body[0];
  if (theirs === undefined || theirs === 0) return null;
  // Before FIRST something else stood there.
  const oldest = theirs < FIRST ? theirs : body[1];
  return oldest === undefined || understands(OWN, theirs, oldest) ? null : theirs;
}

/** The sentence for people, of a member that is not understood. */
export function foreignText(member: string, theirs: number): string {
  return `${member} speaks protocol ${theirs}, this one speaks ${OWN.protocol}: upgrade one version at a time`;
}
