// Why a service is where it is, as lines for people.

import type { StatusDocument } from "#api/protocol.ts";
import { explainService } from "#engine/explain/why.ts";
import { plain } from "#lib/plain.ts";
import { serviceName } from "#model/ids.ts";
import { formatDuration } from "./duration.ts";
import { pictureOf } from "./picture.ts";

/** A younger picture is as good as now. */
const FRESH_MS = 2_000;

export function explain(document: StatusDocument, name: string): string[] {
  const picture = pictureOf(document);
  if (picture === null)
    return [
      `${document.node} has not heard from a leader yet, so it cannot tell.`,
      ...aloneSentence(document),
    ];
  const age = document.picture?.age_ms ?? 0;
  return [
    ...explainService(picture, serviceName(name)),
    ...ownSentence(document, name),
    ...protectionSentence(document, name),
    ...aloneSentence(document),
    ...(age < FRESH_MS ? [] : [`This is what ${document.node} knew ${formatDuration(age)} ago.`]),
  ].map(plain);
}

function protectionSentence({ services }: StatusDocument, name: string): string[] {
  const service = services.find((each) => each.name === name);
  // Active nowhere: what it waits for says it all.
  if (service === undefined || service.active === null) return [];
  return [`If ${service.active} dies, hangs or is cut off: ${service.protection.text}.`];
}

/** Without a leader (one of two voters, say) nobody but this node can tell what has to happen. */
function aloneSentence({ lease, proving }: StatusDocument): string[] {
  if (lease === null || lease.leader !== null) return [];
  return proving.map(
    ({ node, text }) => `No node leads, for ${node} is silent and not proved dead: ${text}.`,
  );
}

/** What the asked node has to say of it beyond the leader's picture: the output of a check that fails, say. */
function ownSentence({ node, services }: StatusDocument, name: string): string[] {
  const here = services.find((each) => each.name === name)?.here ?? null;
  if (here === null || (here.detail === null && here.failures === 0)) return [];
  const failures = here.failures === 0 ? "" : `, ${here.failures} failures counted`;
  const detail = here.detail === null ? "" : `: ${here.detail}`;
  return [`On ${node} it is ${here.standing}${failures}${detail}.`];
}
