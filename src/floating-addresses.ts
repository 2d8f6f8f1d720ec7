// Which floating addresses a node must guard: those of every service that may be placed on it.

import type { FloatingAddress } from "#model/address.ts";
import type { Config } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";

export function floatingAddresses(config: Config, node: NodeId): readonly FloatingAddress[] {
  return config.services
    .filter((service) => service.place.includes(node))
    .flatMap((service) => service.resources)
    .flatMap((resource) => (resource.kind === "address" ? [resource.address] : []));
}
