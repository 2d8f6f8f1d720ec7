// The device that is a person: says what is to be typed, and never does anything itself.

import type { NodeId } from "#model/ids.ts";
import { type Prepared, refuse } from "./prepared.ts";

export function askOperator(node: NodeId): Prepared {
  return refuse(
    `an operator has to make sure that ${node} is off, and then type: understudy confirm-dead ${node}`,
  );
}
