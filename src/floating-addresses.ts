// The floating addresses that a node may come to have: those of every service that may be placed on it.

import type { FloatingAddress } from "#model/address.ts";
import type { Config } from "#model/config.ts";
import { grantsOn, isAddress } from "#model/grant.ts";
import type { NodeId } from "#model/ids.ts";

export function floatingAddresses(config: Config, node: NodeId): readonly FloatingAddress[] {
  return grantsOn(config, node).filter(isAddress);
}
