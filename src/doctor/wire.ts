// From what was seen on the wire to which ways are open: next to running daemons, and among doctors.

import type { NodeId } from "#model/ids.ts";
import type { WayFacts } from "#ports/host.ts";

/** What two running daemons were seen to say to each other for some seconds. */
export interface Watched {
  readonly peer: NodeId;
  /** The port of pulses. */
  readonly port: number;
  readonly links: readonly WatchedLink[];
  /** Pulses of the peer that came in and could be read, over whichever link. */
  readonly pulses: number;
  /** The number of ours that the first and the last of them acknowledged; null: none. */
  readonly firstHeard: number | null;
  readonly lastHeard: number | null;
  /** The peer is heard by another member meanwhile: it runs and speaks. */
  readonly isHeardElsewhere: boolean;
  /** Messages and their acknowledgements on the next port, in both directions. */
  readonly fragmentsIn: number;
  readonly acksIn: number;
  readonly fragmentsOut: number;
  readonly acksOut: number;
}

export interface WatchedLink {
  readonly own: string;
  readonly theirs: string;
  /** Pulses that arrived at a device, readable or not. */
  readonly arrived: number;
  /** The daemon says that it hears the peer on this link. */
  readonly isUp: boolean;
}

/** Fragments without any acknowledgement after which the way counts as blocked: each is sent several times. */
const UNANSWERED = 4;

type Seen = Pick<WayFacts, "seen" | "why">;
const PASSES: Seen = { seen: "passes", why: null };
const BLOCKED: Seen = { seen: "blocked", why: null };
const SILENT: Seen = { seen: "silent", why: null };
const DROPPED: Seen = { seen: "dropped-here", why: null };
const unknown = (why: string): Seen => ({ seen: "unknown", why });

export function waysWatched(watched: Watched): readonly WayFacts[] {
  const { peer, port, links } = watched;
  const isAlive =
    watched.isHeardElsewhere ||
    watched.fragmentsIn + watched.acksIn > 0 ||
    links.some(({ arrived }) => arrived > 0);
  return [
    ...links.map((link) => ({
      ...{ peer, port, direction: "in" as const, link: { own: link.own, theirs: link.theirs } },
      ...pulsesIn(link, watched, isAlive),
    })),
    { peer, port, direction: "out", link: null, ...pulsesOut(watched) },
    { peer, port: port + 1, direction: "in", link: null, ...messagesIn(watched) },
    { peer, port: port + 1, direction: "out", link: null, ...messagesOut(watched) },
  ];
}

function pulsesIn({ arrived, isUp }: WatchedLink, { peer, pulses }: Watched, isAlive: boolean): Seen {
  if (isUp) return PASSES;
  if (arrived > 0 && pulses === 0)
    return unknown(`${peer} speaks a protocol that this program does not read`);
  if (arrived > 0) return DROPPED;
  return isAlive ? BLOCKED : SILENT;
}

/** By what the peer acknowledges: the number of our newest pulse must grow. */
function pulsesOut({ peer, pulses, firstHeard, lastHeard }: Watched): Seen {
  if (pulses < 2) return unknown(`what ${peer} hears is not known while nothing comes from it`);
  if (lastHeard === null) return BLOCKED;
  return firstHeard === null || lastHeard > firstHeard ? PASSES : BLOCKED;
}

function messagesIn({ fragmentsIn, acksOut, acksIn, fragmentsOut }: Watched): Seen {
  if (fragmentsIn > 0 && acksOut > 0) return PASSES;
  if (fragmentsIn >= UNANSWERED) return DROPPED;
  // Were its acknowledgements dropped here, each fragment would go out many times.
  if (acksIn > 0 && fragmentsOut <= 3 * acksIn) return PASSES;
  return unknown(QUIET);
}

function messagesOut({ fragmentsIn, fragmentsOut, acksIn, acksOut }: Watched): Seen {
  if (acksIn > 0) return PASSES;
  if (fragmentsOut >= UNANSWERED) return BLOCKED;
  if (acksOut > 0 && fragmentsIn <= 3 * acksOut) return PASSES;
  return unknown(QUIET);
}

const QUIET = "nobody had anything to say there meanwhile";

/** What came of probing one peer over one link and port. */
export interface Probed {
  readonly peer: NodeId;
  readonly port: number;
  readonly link: { readonly own: string; readonly theirs: string };
  /** Why this end could not be used; null: it could. */
  readonly problem: string | null;
  /** A datagram of the peer, its doctor's or its daemon's, came through to the socket; or only to the device. */
  readonly heard: "socket" | "device" | "nothing";
  /** The peer's doctor says that it heard us here; null: it said nothing at all. */
  readonly answers: boolean | null;
  /** What of the peer was heard anywhere. */
  readonly peerRuns: "doctor" | "daemon" | "nothing";
}

export function waysProbed(probed: Probed): readonly WayFacts[] {
  const { peer, port, link } = probed;
  const way = (direction: "in" | "out", seen: Seen): WayFacts => ({ peer, port, direction, link, ...seen });
  return [way("in", probedIn(probed)), way("out", probedOut(probed))];
}

function probedIn({ problem, heard, peerRuns, peer }: Probed): Seen {
  if (problem !== null) return unknown(problem);
  if (heard === "socket") return PASSES;
  if (heard === "device") return DROPPED;
  return peerRuns === "doctor" ? BLOCKED : unknown(absentText(peer, peerRuns));
}

function probedOut({ problem, answers, peerRuns, peer }: Probed): Seen {
  if (problem !== null) return unknown(problem);
  if (answers !== null) return answers ? PASSES : BLOCKED;
  return unknown(absentText(peer, peerRuns));
}

function absentText(peer: NodeId, peerRuns: Probed["peerRuns"]): string {
  return peerRuns === "daemon"
    ? `${peer} runs its daemon, which answers no probes: start the daemon here and ask again`
    : `nobody answers there: run understudy doctor --listen on ${peer}`;
}
