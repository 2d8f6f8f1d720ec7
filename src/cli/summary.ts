// The first line of `status` and its exit code: what the picture says, and what only this node's document knows
// beside it (how old the picture is, links, warnings).

import type { MemberStatus, StatusDocument } from "#api/protocol.ts";
import { type Summary, summarize } from "#engine/explain/summary.ts";
import { formatDuration } from "./duration.ts";
import { isDecided, leaseOf, pictureOf, provingOf } from "./picture.ts";

/** A picture older than this many leases is no news, and in any case not before OLD_AT_LEAST_MS. */
const OLD_LEASES = 8;
const OLD_AT_LEAST_MS = 10_000;
/** At most this many notes are spelled out; the tables have them all. */
const NOTES_SHOWN = 3;

export function summarizeDocument(document: StatusDocument): Summary {
  const summary = summarize(pictureOf(document), leaseOf(document), provingOf(document));
  if (summary.state === "unknown") return summary;
  const stale = whyStale(document);
  if (stale !== null) return { state: "unknown", exit: 3, text: `Unknown: ${stale}.` };
  const undecided = document.services.filter((service) => !isDecided(service));
  const notes = [
    ...undecided.map(({ name }) => `the leader does not know ${name} yet`),
    ...(document.voters?.problem == null ? [] : [votersText(document.voters) ?? ""]),
    ...document.members.flatMap(notesOn),
    ...document.warnings.map(withoutStop),
  ];
  if (summary.state !== "well" || notes.length === 0) return summary;
  const more = notes.length - NOTES_SHOWN;
  const shown = [...notes.slice(0, NOTES_SHOWN), ...(more > 0 ? [`and ${more} more`] : [])];
  return { state: "degraded", exit: 1, text: `Degraded: ${shown.join("; ")}.` };
}

/** Who votes, and who should by the file, without a full stop; null: the same. */
export function votersText(voters: StatusDocument["voters"]): string | null {
  if (voters === null || voters.in_effect.join() === voters.configured.join()) return null;
  const { in_effect, configured, problem } = voters;
  const change = problem ?? "being changed";
  return `voters in effect: ${in_effect.join(", ")}; the file names ${configured.join(", ")}: ${change}`;
}

function whyStale({ lease, picture, timing }: StatusDocument): string | null {
  if (picture === null) return null;
  const age = formatDuration(picture.age_ms);
  if (lease !== null && lease.leader !== null && picture.leader !== lease.leader) {
    return `${lease.leader} leads, but what is known here is from ${picture.leader}, ${age} ago`;
  }
  const isOld = picture.age_ms > Math.max(OLD_AT_LEAST_MS, OLD_LEASES * timing.lease_ms);
  return isOld ? `${picture.leader}, who leads, said nothing for ${age}` : null;
}

/** What this node sees of a member that the leader does not complain of. */
function notesOn(member: MemberStatus): string[] {
  const { name, heard, links, voters_differ, config_differs } = member;
  if (voters_differ) return [`${name} has another list of voters`];
  if (config_differs) return [`${name} has another configuration`];
  if (heard !== null && heard !== "alive") return [`${name} is ${heard} as heard here`];
  const lost = links.filter((link) => !link.up).map((link) => link.address);
  return lost.length === 0 ? [] : [`${name} is not heard on ${lost.join(", ")}`];
}

const withoutStop = (text: string): string => text.replace(/\.$/, "");
