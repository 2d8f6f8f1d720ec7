declare const id: unique symbol;
/** The name of a member of the cluster: a node or a witness, as the configuration spells it. */
export type NodeId = string & {
    readonly [id]: "NodeId";
};
/** The name of a service, as the configuration spells it. */
export type ServiceName = string & {
    readonly [id]: "ServiceName";
};
export declare const nodeId: (name: string) => NodeId;
export declare const serviceName: (name: string) => ServiceName;
export {};
