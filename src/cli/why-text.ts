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
  if (picture === null) return [`${document.node} has not heard from a leader yet, so it cannot tell.`];
  const age = document.picture?.age_ms ?? 0;
  return [
    ...explainService(picture, serviceName(name)),
    ...ownSentence(document, name),
    ...(age < FRESH_MS ? [] : [`This is what ${document.node} knew ${formatDuration(age)} ago.`]),
  ].map(plain);
}

/** What the asked node has to say of it beyond the leader's picture: the output of a check that fails, say. */
function ownSentence({ node, services }: StatusDocument, name: string): string[] {
  const here = services.find((each) => each.name === name)?.here ?? null;
  if (here === null || (here.detail === null && here.failures === 0)) return [];
  const failures = here.failures === 0 ? "" : `, ${here.failures} failures counted`;
  const detail = here.detail === null ? "" : `: ${here.detail}`;
  return [`On ${node} it is ${here.standing}${failures}${detail}.`];
}
