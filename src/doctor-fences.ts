// The fence devices that this node would call, for the doctor: asked for their status, and nothing else.

import { createFenceCatalog, type FenceCatalog } from "#drivers/fence/catalog.ts";
import { checkDevice } from "#drivers/fence/check-options.ts";
import { createFences } from "#drivers/fence/fences.ts";
import { createPrograms } from "#drivers/programs/programs.ts";
import type { Config } from "#model/config.ts";
import type { FenceDevice } from "#model/fencing.ts";
import type { NodeId } from "#model/ids.ts";
import type { FencePort } from "#ports/fence.ts";
import type { FenceFacts } from "#ports/host.ts";

/** Those of the other nodes; each call ends by the device's own timeout. */
export function askFences(config: Config, self: NodeId): Promise<readonly FenceFacts[]> {
  const programs = createPrograms();
  const drivers = { fences: createFences(programs), catalog: createFenceCatalog(programs) };
  const devices = config.fencing.nodes
    .filter(({ node }) => node !== self)
    .flatMap(({ node, levels }) => levels.flat().map((device) => ({ node, device })));
  return Promise.all(devices.map(({ node, device }) => askFence(node, device, drivers)));
}

interface Drivers {
  readonly fences: FencePort;
  readonly catalog: FenceCatalog;
}

async function askFence(
  node: NodeId,
  device: FenceDevice,
  { fences, catalog }: Drivers,
): Promise<FenceFacts> {
  const misfits = await misfitsOf(device, catalog);
  const facts = { node, id: device.id, kind: device.kind, misfits };
  if (device.kind === "operator") return { ...facts, answer: null };
  return new Promise((resolve) => {
    fences.call({ device, node, verb: "status" }, (answer) => resolve({ ...facts, answer }));
  });
}

/** One that is not installed or does not describe itself says so when it is asked for its status. */
function misfitsOf(device: FenceDevice, catalog: FenceCatalog): Promise<readonly string[]> {
  if (device.kind !== "agent") return Promise.resolve([]);
  return new Promise((resolve) => {
    catalog.describe(device.agent, (agent) =>
      resolve(agent.kind === "described" ? checkDevice(agent.metadata, device) : []),
    );
  });
}
