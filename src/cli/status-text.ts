// The status document for people: a sentence, the services, the members, the rest.

import type { LinkStatus, MemberStatus, ServiceStatus, StatusDocument } from "#api/protocol.ts";
import { plain } from "#lib/plain.ts";
import { formatTable, wrap } from "#lib/table.ts";
import { formatDuration } from "./duration.ts";
import { devicesBlock, proofLines, protectionBlock } from "./proof-text.ts";
import { summarizeDocument, votersText } from "./summary.ts";

/** `width`: columns of the terminal; null: no terminal, lines are not wrapped. */
export function formatStatus(document: StatusDocument, width: number | null): string {
  const summary = summarizeDocument(document);
  const isKnown = summary.state !== "unknown";
  const lines = (...texts: readonly string[]) =>
    texts.map(plain).flatMap((text) => (width === null ? [text] : wrap(text, width)));
  const blocks = [
    lines(summary.text, ...(isKnown ? [] : pastLine(document))),
    servicesBlock(document, width),
    protectionBlock(document.services, width),
    membersBlock(document, { width, isKnown }),
    devicesBlock(document, width),
    lines(...proofLines(document)),
    lines(leaseLine(document), ...votersLine(document), configLine(document)),
    lines(...document.warnings.map((warning) => `Warning: ${warning}`)),
  ];
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join("\n"))
    .join("\n\n");
}

function pastLine({ picture, node }: StatusDocument): string[] {
  if (picture === null) return [];
  return [`Services are shown as ${node} last knew them, ${formatDuration(picture.age_ms)} ago.`];
}

function servicesBlock({ services }: StatusDocument, width: number | null): string[] {
  if (services.length === 0) return [];
  const head = ["SERVICE", "ACTIVE", "HEALTH", "WHY"];
  const row = (service: ServiceStatus) => [
    service.name,
    activeText(service),
    service.health,
    service.waiting === null
      ? (service.reasons[0]?.text ?? "")
      : `${service.reasons[0]?.text ?? ""}; waits: ${service.waiting.text}`.replace(/^; /, ""),
  ];
  return formatTable([head, ...services.map(row)], { width });
}

function activeText({ active, wanted, maintenance }: ServiceStatus): string {
  const from = active ?? "-";
  const text = wanted === null || wanted === active ? from : `${from} -> ${wanted}`;
  return maintenance ? `${text} (maintenance)` : text;
}

interface MembersOptions {
  readonly width: number | null;
  /** The leader's word on the members holds; otherwise only what is heard here. */
  readonly isKnown: boolean;
}

function membersBlock(document: StatusDocument, { width, isKnown }: MembersOptions): string[] {
  const head = ["MEMBER", "STANDING", "LINKS", "NOTES"];
  const row = (member: MemberStatus) => [
    member.name,
    (isKnown ? member.standing : null) ?? member.heard ?? "unknown",
    linksText(member.links),
    notesOn(member, document, isKnown).join(", "),
  ];
  return formatTable([head, ...document.members.map(row)], { width });
}

function linksText(links: readonly LinkStatus[]): string {
  return links.length === 0 ? "-" : `${links.filter((link) => link.up).length}/${links.length}`;
}

function notesOn(member: MemberStatus, { node, lease }: StatusDocument, isKnown: boolean): string[] {
  const is = (holds: boolean, note: string): string[] => (holds ? [note] : []);
  const differs =
    isKnown && member.heard !== null && member.standing !== null && member.heard !== member.standing;
  return [
    ...is(member.name === node, "this node"),
    ...is(member.name === lease?.leader, "leader"),
    ...is(member.kind === "witness", "witness"),
    ...is(!member.voter, "no vote"),
    ...is(differs, `${member.heard} as heard here`),
    ...is(member.drained, "drained"),
    ...is(member.maintenance, "maintenance"),
    ...is(member.leaving, "stopping"),
    ...is(member.reach === "none", "reaches no target"),
    ...is(member.voters_differ, "other list of voters"),
    ...is(member.config_differs && !member.voters_differ, "other configuration"),
    ...member.links.filter((link) => !link.up).map(lostLink),
  ];
}

const lostLink = ({ address, for_ms }: LinkStatus): string =>
  for_ms === null ? `${address} never heard` : `${address} silent for ${formatDuration(for_ms)}`;

function leaseLine({ cluster, lease, picture, node, timing, realtime }: StatusDocument): string {
  const leader = lease?.leader ?? null;
  const who = leader === null ? "no leader" : `leader ${leader}, term ${lease?.term ?? 0}`;
  const act = lease?.may_act === true ? "may act" : "may not act";
  const pulse = `lease ${timing.lease_ms} ms (${timing.profile})`;
  const age = picture === null ? "no picture yet" : `picture ${formatDuration(picture.age_ms)} old`;
  const priority = realtime.granted
    ? "real-time"
    : `not real-time: ${realtime.detail ?? "no reason was given"}`;
  return `Cluster ${cluster}: ${who}; ${node} ${act}; ${pulse}; ${age}; ${priority}.`;
}

/** Only while the file names others. */
function votersLine({ voters }: StatusDocument): string[] {
  const text = votersText(voters);
  return text === null ? [] : [`${text.replace(/^v/, "V")}.`];
}

function configLine({ version, up_ms, config }: StatusDocument): string {
  const read = `configuration ${config.hash} read ${formatDuration(config.age_ms)} ago from ${config.file}`;
  return `understudy ${version}, up ${formatDuration(up_ms)}; ${read}.`;
}
