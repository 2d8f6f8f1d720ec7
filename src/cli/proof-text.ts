// The parts of `status` that are about proofs: what protects each service, fence devices, tenure, watchdog.

import type { DeviceStatus, ServiceStatus, StatusDocument } from "#api/protocol.ts";
import { formatTable } from "#lib/table.ts";
import { formatDuration } from "./duration.ts";

/** More services than that with one text are counted, not named. */
const NAMES_SHOWN = 3;

/** A row for each text: most services of a cluster are protected alike. */
export function protectionBlock(
  services: readonly Pick<ServiceStatus, "name" | "protection">[],
  width: number | null,
): string[] {
  if (services.length === 0) return [];
  const byText = new Map<string, string[]>();
  for (const { name, protection } of services)
    byText.set(protection.text, [...(byText.get(protection.text) ?? []), name]);
  const rows = [...byText].map(([text, names]) => [
    names.length > NAMES_SHOWN ? `${names.length} services` : names.join(", "),
    text,
  ]);
  return formatTable([["SERVICE", "IF ITS NODE DIES, HANGS OR IS CUT OFF"], ...rows], { width });
}

export function devicesBlock({ node, kind, fencing }: StatusDocument, width: number | null): string[] {
  if (fencing.devices.length === 0) return [];
  const rows = fencing.devices.map((device) => [
    device.node,
    String(device.level),
    device.device,
    answerText(device, kind === "node" && device.node !== node),
  ]);
  return formatTable([["FENCING", "LEVEL", "DEVICE", "LAST TEST"], ...rows], { width });
}

function answerText(
  { proves, problem, asked_ago_ms, answered_ago_ms }: DeviceStatus,
  isAsker: boolean,
): string {
  if (!proves) return "never asked: it proves nothing";
  const asked = asked_ago_ms === null ? null : `${formatDuration(asked_ago_ms)} ago`;
  if (asked === null) return isAsker ? "not asked yet" : "asked by the other nodes";
  if (problem === null) return `answered ${asked}`;
  const last = answered_ago_ms === null ? "" : `; it answered last ${formatDuration(answered_ago_ms)} ago`;
  return `no answer ${asked}: ${problem}${last}`;
}

/** What is being proved or was, tenure and watchdog; sentences. */
export function proofLines(document: StatusDocument): string[] {
  const { proving, proofs, members, fencing } = document;
  const isAlive = (node: string) => members.find(({ name }) => name === node)?.heard === "alive";
  return [
    ...proving.map(({ node, text }) => `${node} has to be proved dead: ${text}.`),
    ...(fencing.running === null ? [] : [`Fencing ${fencing.running.node}: ${fencing.running.text}.`]),
    // Proofs are kept; about a node that is back they say nothing that anybody needs.
    ...proofs
      .filter(({ node }) => !isAlive(node))
      .map(({ node, text }) => `${node} is proved dead: ${text}.`),
    ...pairLine(document),
    ...watchdogLine(document),
  ];
}

function pairLine({ pair }: StatusDocument): string[] {
  if (pair === null) return [];
  const { peer, tenure, leads_eagerly, knows_peer, silent_for_ms } = pair;
  const holder = leads_eagerly
    ? "this node leads without a proof, for services with split: eager"
    : tenure === null
      ? "nobody is known to hold the tenure"
      : `${tenure} holds the tenure`;
  const silence =
    silent_for_ms === null ? "is heard" : `has been silent for ${formatDuration(silent_for_ms)}`;
  const stranger = knows_peer ? "" : ", and was not heard since this host booted";
  return [`Two voters: ${holder}; ${peer} ${silence}${stranger}.`];
}

const STAGE_TEXT = {
  none: "not armed",
  waiting: "not armed yet",
  arming: "being armed",
  armed: "armed",
  failed: "not armed",
} as const;

function watchdogLine({ watchdog: { mode, stage, timeout_ms, problem } }: StatusDocument): string[] {
  if (mode === "none") return [];
  const timeout =
    timeout_ms === null ? "" : `, resets this node when it is not fed for ${timeout_ms / 1000} s`;
  return [`Watchdog (${mode}): ${STAGE_TEXT[stage]}${timeout}${problem === null ? "" : `: ${problem}`}.`];
}
