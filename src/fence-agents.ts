// The fence agents of this host, for the command line; loaded only when it asks.

import type { FenceAgents } from "#cli/fence-agents.ts";

export async function fenceAgents(): Promise<FenceAgents> {
  const [{ createFenceCatalog }, { createPrograms }] = await Promise.all([
    import("#drivers/fence/catalog.ts"),
    import("#drivers/programs/programs.ts"),
  ]);
  return createFenceCatalog(createPrograms());
}
