// Names of services and nodes, as they were typed and as the configuration has them.

import type { StatusDocument } from "#api/protocol.ts";
import { nearest } from "#lib/nearest.ts";
import { plain } from "#lib/plain.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";

export const serviceNames = (document: StatusDocument): string[] =>
  document.services.map((service) => service.name);

/** Members that can run services. */
export const nodeNames = (document: StatusDocument): string[] =>
  document.members.filter((member) => member.kind === "node").map((member) => member.name);

/** Null: it is one of them. Otherwise says so, with the one that was probably meant. */
export function complainName(
  { kind, name, names }: { readonly kind: string; readonly name: string; readonly names: readonly string[] },
  io: Io,
): ExitCode | null {
  if (names.includes(name)) return null;
  const near = nearest(name, names);
  io.err(`understudy: there is no ${kind} "${plain(name)}"`);
  io.err(near === null ? `known: ${names.join(", ") || "none"}` : `did you mean ${near}?`);
  return EXIT.usage;
}
