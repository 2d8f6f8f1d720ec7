// What operators asked for: one small document, the same on a quorum of voters.

import type { NodeId, ServiceName } from "./ids.ts";
import type { Term } from "./units.ts";

/** Versions are compared by term, then number; there is never a merge. */
export interface IntentsVersion {
  readonly term: Term;
  readonly number: number;
}

/** The document. Lists are sorted by name, so that equal contents are equal texts. */
export interface Intents {
  readonly version: IntentsVersion;
  /** Observe everything, touch nothing. */
  readonly maintenanceAll: boolean;
  /** Nodes whose services are observed, not touched. */
  readonly maintenanceNodes: readonly NodeId[];
  readonly maintenanceServices: readonly ServiceName[];
  /** Nodes from which everything is moved away. */
  readonly drained: readonly NodeId[];
  /** Services that an operator moved: they stay there while that node can run them. */
  readonly switchovers: readonly Switchover[];
}

export interface Switchover {
  readonly service: ServiceName;
  readonly to: NodeId;
}

/** One wish of an operator; `applyIntent` turns the document into the next one. */
export type Intent =
  | { readonly kind: "switchover"; readonly service: ServiceName; readonly to: NodeId | null }
  | { readonly kind: "drain"; readonly node: NodeId }
  | { readonly kind: "undrain"; readonly node: NodeId }
  /** `target` null: the whole cluster. */
  | { readonly kind: "maintenance"; readonly on: boolean; readonly target: MaintenanceTarget | null };

export type MaintenanceTarget =
  | { readonly kind: "node"; readonly node: NodeId }
  | { readonly kind: "service"; readonly service: ServiceName };

export function isNewerVersion(a: IntentsVersion, b: IntentsVersion): boolean {
  return a.term > b.term || (a.term === b.term && a.number > b.number);
}

export function sameVersion(a: IntentsVersion, b: IntentsVersion): boolean {
  return a.term === b.term && a.number === b.number;
}
