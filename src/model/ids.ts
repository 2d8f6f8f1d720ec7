// Names of things. Branded so that a node's name is never taken for a service's.

declare const id: unique symbol;

/** The name of a member of the cluster: a node or a witness, as the configuration spells it. */
export type NodeId = string & { readonly [id]: "NodeId" };

/** The name of a service, as the configuration spells it. */
export type ServiceName = string & { readonly [id]: "ServiceName" };

export const nodeId = (name: string): NodeId => name as NodeId;
export const serviceName = (name: string): ServiceName => name as ServiceName;
