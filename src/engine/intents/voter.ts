// A voter's copy of the intents: on disk before it says so, and never of an older term than it has seen.

import type { NodeId } from "#model/ids.ts";
import type { Intents } from "#model/intents.ts";
import { isNewerVersion, sameVersion } from "#model/intents.ts";
import type { Term } from "#model/units.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";

export interface VoterIntents {
  /** As on disk; null: it could not be read, so this voter says nothing about intents. */
  readonly stored: Intents | null;
  readonly storing: { readonly intents: Intents; readonly for: NodeId; readonly term: Term } | null;
}

/** A leader asks to store a document. Older terms and older versions are ignored, the same one is confirmed. */
export function foldStore(
  state: WorkerState,
  from: NodeId,
  term: Term,
  asked: Intents,
  effects: WorkerEffect[],
): WorkerState {
  if (!state.identity.isVoter || term < state.node.term) return state;
  const next = { ...state, node: { ...state.node, term } };
  const { stored, storing } = state.intents;
  if (stored !== null && sameVersion(stored.version, asked.version)) {
    effects.push({
      kind: "send",
      to: from,
      message: { kind: "intents-stored", term, version: asked.version },
    });
    return next;
  }
  if (storing !== null || (stored !== null && !isNewerVersion(asked.version, stored.version))) return next;
  effects.push({ kind: "store-intents", intents: asked });
  return { ...next, intents: { stored, storing: { intents: asked, for: from, term } } };
}

/** The disk answered. A failure is silence to the leader: it asks again, or another voter stores. */
export function foldStoreEnd(
  state: WorkerState,
  intents: Intents,
  problem: string | null,
  effects: WorkerEffect[],
): WorkerState {
  const { storing } = state.intents;
  if (problem !== null) {
    const line = {
      area: "intent",
      subject: state.identity.self,
      what: "not stored",
      code: "store-failed",
    } as const;
    effects.push({ kind: "journal", line: { ...line, why: problem, term: state.node.term } });
    return { ...state, intents: { ...state.intents, storing: null } };
  }
  if (storing !== null && sameVersion(storing.intents.version, intents.version)) {
    // Said only while no newer term was seen: a newer leader has been told what was stored before.
    const message = { kind: "intents-stored", term: storing.term, version: intents.version } as const;
    if (storing.term >= state.node.term) effects.push({ kind: "send", to: storing.for, message });
  }
  return { ...state, intents: { stored: intents, storing: null } };
}
