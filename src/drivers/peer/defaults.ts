// What fields of messages are taken to be when their sender is too old to have them: each that was added after the
// first version, and nothing else. A line goes when no version that is understood lacks the field any more.

import type { DeathProof } from "#model/fencing.ts";
import type { ClusterPicture, NodeReport, Proving, ServiceReport } from "#model/order.ts";

const PICTURE = {
  /** Since protocol 3: it cannot prove a death. */
  proofs: [] as readonly DeathProof[],
  proving: [] as readonly Proving[],
} satisfies Partial<ClusterPicture>;

const REPORT = {
  /** Since protocol 3. */
  proofs: [] as readonly DeathProof[],
} satisfies Partial<NodeReport>;

const SERVICE_REPORT = {
  /** Since protocol 3: what failed to stop is merely not stopped. */
  stuck: false,
  /** Likewise: it is tried again there when its failure has aged, and never damped. */
  heldDown: false,
  flaps: 0,
} satisfies Partial<ServiceReport>;

/** The message, just read from JSON and nobody else's, with what it lacks. Anything else stays as it is. */
export function completed(message: unknown): unknown {
  if (!isRecord(message)) return message;
  complete(message.picture, PICTURE);
  complete(message.report, REPORT);
  if (isRecord(message.report) && Array.isArray(message.report.services))
    for (const service of message.report.services) complete(service, SERVICE_REPORT);
  return message;
}

function complete(value: unknown, defaults: Readonly<Record<string, unknown>>): void {
  if (!isRecord(value)) return;
  for (const [name, missing] of Object.entries(defaults))
    if (!Object.hasOwn(value, name)) value[name] = missing;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
