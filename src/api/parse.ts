// Reads what came over the socket. Whoever may open the socket is trusted, but not to be free of mistakes.

import { plain } from "#lib/plain.ts";
import type { Deed } from "#model/deeds.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import type { Intent } from "#model/intents.ts";
import type { JournalQuery } from "#ports/journal.ts";

export type Parsed<T> =
  | { readonly kind: "ok"; readonly value: T }
  /** `problem` is a sentence for whoever sent it. */
  | { readonly kind: "wrong"; readonly problem: string };

/** How many journal entries one answer holds at most; as many as are kept. */
export const JOURNAL_LIMIT = 10_000;

/** Longer than any name the configuration allows. */
const NAME_LIMIT = 255;

/** Reads an intent from parsed JSON; whether its names exist is for the leader to say. */
export function parseIntent(value: unknown): Parsed<Intent> {
  if (!isObject(value)) return wrong("an intent is a JSON object");
  switch (value.kind) {
    case "switchover": {
      const { service, to } = value;
      if (!isName(service)) return wrong("switchover needs `service`, a name");
      if (to !== null && !isName(to)) return wrong("switchover needs `to`, a name or null");
      return ok({
        kind: "switchover",
        service: serviceName(service),
        to: to === null ? null : nodeId(to),
      });
    }
    case "drain":
    case "undrain":
      if (!isName(value.node)) return wrong(`${value.kind} needs \`node\`, a name`);
      return ok({ kind: value.kind, node: nodeId(value.node) });
    case "maintenance":
      return parseMaintenance(value);
    default:
      return wrong("`kind` is one of switchover, drain, undrain, maintenance");
  }
}

function parseMaintenance(value: Readonly<Record<string, unknown>>): Parsed<Intent> {
  const { on, target } = value;
  if (typeof on !== "boolean") return wrong("maintenance needs `on`, true or false");
  if (target === null) return ok({ kind: "maintenance", on, target: null });
  if (isObject(target) && target.kind === "node" && isName(target.node)) {
    return ok({ kind: "maintenance", on, target: { kind: "node", node: nodeId(target.node) } });
  }
  if (isObject(target) && target.kind === "service" && isName(target.service)) {
    return ok({ kind: "maintenance", on, target: { kind: "service", service: serviceName(target.service) } });
  }
  return wrong("maintenance needs `target`: null, a node or a service");
}

/** Reads a deed from parsed JSON; whether its node exists is for the daemon to say. */
export function parseDeed(value: unknown): Parsed<Deed> {
  if (!isObject(value)) return wrong("a deed is a JSON object");
  const { kind, node, who } = value;
  switch (kind) {
    case "confirm-dead":
    case "fence":
      if (!isName(node)) return wrong(`${kind} needs \`node\`, a name`);
      if (!isName(who)) return wrong(`${kind} needs \`who\`, the name of whoever says so`);
      return ok({ kind, node: nodeId(node), who: plain(who) });
    case "fence-test":
      if (node !== null && !isName(node)) return wrong("fence-test needs `node`, a name or null");
      return ok({ kind, node: node === null ? null : nodeId(node) });
    default:
      return wrong("`kind` is one of confirm-dead, fence, fence-test");
  }
}

/** Reads `since_number`, `since_ms` and `limit` of a query string; what is absent does not limit. */
export function parseJournalQuery(params: URLSearchParams): Parsed<JournalQuery> {
  const query: { sinceNumber?: number; sinceMs?: number; limit: number } = { limit: JOURNAL_LIMIT };
  for (const [name, text] of params) {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : null;
    if (value === null) return wrong(`${name} is a whole number`);
    if (name === "since_number") query.sinceNumber = value;
    else if (name === "since_ms") query.sinceMs = value;
    else if (name === "limit") query.limit = Math.min(JOURNAL_LIMIT, Math.max(1, value));
    else return wrong(`there is no ${name}; known are since_number, since_ms, limit`);
  }
  return ok(query);
}

const ok = <T>(value: T): Parsed<T> => ({ kind: "ok", value });
const wrong = (problem: string): Parsed<never> => ({ kind: "wrong", problem });

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= NAME_LIMIT;
}
