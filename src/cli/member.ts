// Which configured member a daemon is.

import { nearest } from "#lib/nearest.ts";
import type { Config } from "#model/config.ts";
import { type NodeId, nodeId } from "#model/ids.ts";
import { EXIT, type ExitCode } from "./exit.ts";

export type FoundMember =
  | { readonly kind: "ok"; readonly node: NodeId }
  | { readonly kind: "failed"; readonly code: ExitCode; readonly text: string };

/** Which configured member the daemon is; a witness need not be named when there is only one. */
export function findMember(
  config: Config,
  { role, node }: { readonly role: "node" | "witness"; readonly node: string | null },
): FoundMember {
  const names = config.members.filter((member) => member.kind === role).map((member) => member.id as string);
  const fail = (text: string): FoundMember => ({ kind: "failed", code: EXIT.usage, text });
  if (node === null) {
    const [only] = names;
    if (names.length === 1 && only !== undefined) return { kind: "ok", node: nodeId(only) };
    if (only === undefined) return fail(`the configuration has no ${role}`);
    return fail(`the configuration has several: say --node ${names.join(" or --node ")}`);
  }
  if (names.includes(node)) return { kind: "ok", node: nodeId(node) };
  const other = config.members.find((member) => member.id === node);
  if (other !== undefined) {
    const fitting = other.kind === "witness" ? "understudy witness" : "understudy up";
    return fail(`${node} is a ${other.kind}: use "${fitting} --node ${node}"`);
  }
  const near = nearest(node, names);
  const hint = near === null ? `known: ${names.join(", ") || "none"}` : `did you mean ${near}?`;
  return fail(`the configuration has no ${role} "${node}"; ${hint}`);
}
