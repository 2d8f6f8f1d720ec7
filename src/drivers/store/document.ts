// The form of a stored document: one line that tells its length and checksum, then the text itself.

import { createHash } from "node:crypto";

const MAGIC = "understudy-document";
const VERSION = 1;

/** `understudy-document 1 <bytes> <sha256>`, a line feed, the text as UTF-8. */
export function formatDocument(text: string): Uint8Array {
  const body = Buffer.from(text, "utf8");
  return Buffer.concat([Buffer.from(`${MAGIC} ${VERSION} ${body.length} ${checksum(body)}\n`), body]);
}

export type Document =
  | { readonly kind: "whole"; readonly text: string }
  /** `what` completes "the file ...". */
  | { readonly kind: "damaged"; readonly what: string };

/** Finds every cut, every added and every changed byte. */
export function parseDocument(bytes: Uint8Array): Document {
  const damaged = (what: string): Document => ({ kind: "damaged", what });
  if (bytes.length === 0) return damaged("is empty");
  const lineEnd = bytes.indexOf(0x0a);
  const head = Buffer.from(bytes.subarray(0, Math.max(0, lineEnd))).toString("latin1");
  const fields = /^understudy-document (\d+) (\d+) ([0-9a-f]{64})$/.exec(head);
  if (fields === null) return damaged("does not begin like a stored document");
  const [, version, length, sum] = fields;
  if (Number(version) !== VERSION) return damaged(`has version ${version}; this program knows ${VERSION}`);
  const body = bytes.subarray(lineEnd + 1);
  if (body.length !== Number(length)) return damaged(`has ${body.length} bytes of ${length}`);
  if (checksum(body) !== sum) return damaged("does not match its checksum");
  return { kind: "whole", text: Buffer.from(body).toString("utf8") };
}

function checksum(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}
