// What the planner may know about nodes that are gone: which are proved dead, and what is being done about others.

import type { NodeId } from "#model/ids.ts";
import type { Proving } from "#model/order.ts";
import type { Instant } from "#model/units.ts";
import type { Proof } from "../planner/takeover.ts";
import type { WorkerState } from "../worker.ts";
import { fencingOf, isLimitReached } from "./decide.ts";
import { firesBy } from "./fired.ts";
import { isProvedDead, proofOf } from "./proofs.ts";

export interface Outlook {
  readonly proofs: ReadonlyMap<NodeId, Proof>;
  /** What is being done about a node that is gone and not proved dead, or has to be done. */
  readonly remedies: ReadonlyMap<NodeId, Proving>;
  /** Between two voters: services with `split: eager` may start without a proof now. */
  readonly eager: boolean;
}

/** The same object while nothing in it changed: the plan rests on it. */
export function outlookOf(state: WorkerState, before: Outlook | null, now: Instant): Outlook {
  const proofs = new Map<NodeId, Proof>();
  const remedies = new Map<NodeId, Proving>();
  for (const { id, kind } of state.config.members) {
    if (kind === "witness") continue;
    if (id === state.identity.self) {
      // Of itself it proves nothing; but it may be what cannot stop something, and has to be fenced.
      remedies.set(id, remedyOf(state, id, now));
      continue;
    }
    const proof = proofOf(state.fencing.proofs, id);
    if (proof !== undefined && isProvedDead(state, id))
      proofs.set(id, { kind: proof.kind, sentence: proof.sentence });
    else remedies.set(id, remedyOf(state, id, now));
  }
  const eager = state.news?.pair?.leadsEagerly === true;
  const next = { proofs, remedies, eager };
  return before !== null && sameOutlook(before, next) ? before : next;
}

function remedyOf(state: WorkerState, node: NodeId, now: Instant): Proving {
  const { running, failed } = state.fencing;
  const confirm = `type \`understudy confirm-dead ${node}\` once you made certain that it is off`;
  if (running?.node === node) return { node, state: "under-way", text: "it is being fenced" };
  if (node !== state.identity.self && state.news?.pair?.knowsPeer === false)
    return {
      node,
      state: "blocked",
      text: `this node was not in touch with it since it booted, so it fences nobody; ${confirm}`,
    };
  if (fencingOf(state, node) !== null) {
    const again = failed.get(node);
    if (again !== undefined)
      return { node, state: "blocked", text: `it could not be fenced (${again.why}); ${confirm}` };
    if (isLimitReached(state, now))
      return {
        node,
        state: "blocked",
        text: `the limit of nodes fenced within an hour is reached; ${confirm}`,
      };
    return { node, state: "waiting", text: "it will be fenced" };
  }
  if (firesBy(state, node) !== null) {
    const timeout = state.news?.members.find((each) => each.node === node)?.watchdog ?? 0;
    return { node, state: "waiting", text: `its watchdog resets it within ${timeout / 1000} s` };
  }
  return { node, state: "blocked", text: confirm };
}

function sameOutlook(a: Outlook, b: Outlook): boolean {
  return (
    a.eager === b.eager &&
    a.proofs.size === b.proofs.size &&
    [...a.proofs].every(([node, proof]) => b.proofs.get(node)?.sentence === proof.sentence) &&
    a.remedies.size === b.remedies.size &&
    [...a.remedies].every(([node, remedy]) => {
      const other = b.remedies.get(node);
      return other?.text === remedy.text && other.state === remedy.state;
    })
  );
}
