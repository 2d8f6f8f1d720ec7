// What the kernel lets go by itself when the lease ends: floating addresses, and guarded ports of a node's own
// addresses. Both are taken, renewed and released alike.

import { addressKey, type FloatingAddress, formatAddress } from "./address.ts";
import type { Config, GuardedPort, ResourceConfig } from "./config.ts";
import type { NodeId } from "./ids.ts";

export type Grant = FloatingAddress | GuardedPort;

export const isAddress = (grant: Grant): grant is FloatingAddress => "ip" in grant;

/** What tells two grants apart: the IP address alone, or protocol and port as `tcp/3306`. */
export const grantKey = (grant: Grant): string => (isAddress(grant) ? addressKey(grant) : formatPort(grant));

/** As people write it: `10.0.0.100/24`, `tcp/3306`. */
export const formatGrant = (grant: Grant): string =>
  isAddress(grant) ? formatAddress(grant) : formatPort(grant);

export const formatPort = ({ protocol, port }: GuardedPort): string => `${protocol}/${port}`;

/** The grants that a resource asks for; none when it is no matter of the kernel's. */
export function grantsOf(resource: ResourceConfig): readonly Grant[] {
  switch (resource.kind) {
    case "address":
      return [resource.address];
    case "ports":
      return resource.ports;
    default:
      return [];
  }
}

/** What a node must guard: the grants of every service that may be placed on it. */
export function grantsOn(config: Config, node: NodeId): readonly Grant[] {
  return config.services
    .filter((service) => service.place.includes(node))
    .flatMap((service) => service.resources)
    .flatMap(grantsOf);
}
