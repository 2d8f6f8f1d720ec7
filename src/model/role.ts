// What a service is on a node, and what its resources are.

/** stopped: nothing of it runs. standby: started, not promoted. active: serves. */
export type Role = "stopped" | "standby" | "active";

/**
 * What a node reports of a service.
 *
 * `stopped` and `standby` are promises: it is not active here, nor will be until an order says so. `changing`:
 * on the way between two roles. `unknown`: an op did not answer in time, so it may or may not be active.
 */
export type Standing = Role | "changing" | "unknown";

/** What checks say. `unknown`: no result yet (grace after a start). */
export type HealthVerdict = "healthy" | "failing" | "unknown";

export type OpVerb = "start" | "stop" | "probe" | "promote" | "demote";

/**
 * What a service holds decides which proof a takeover needs: floating addresses are revoked by the kernel
 * when the lease ends (`grants`); processes, mounts and disks are not (`exclusive`).
 */
export type Holds = "grants" | "exclusive";
