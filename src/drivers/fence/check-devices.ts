// The fence devices of a configuration against this host, before they are needed.

import { accessSync, constants } from "node:fs";
import type { AgentDevice, FencingConfig } from "#model/fencing.ts";
import type { DescribedAgent, FenceCatalog } from "./catalog.ts";
import { checkDevice } from "./check-options.ts";

/**
 * Answers once with a sentence for each thing that is wrong, none of which keeps the daemon from starting: a
 * package may be installed, or a password written, later. Each agent is asked once.
 */
export function checkFenceDevices(
  catalog: FenceCatalog,
  fencing: FencingConfig,
  answer: (problems: readonly string[]) => void,
): void {
  const devices = fencing.nodes.flatMap(({ node, levels }) =>
    levels.flat().flatMap((device) => (device.kind === "agent" ? [{ node, device }] : [])),
  );
  const names = [...new Set(devices.map(({ device }) => device.agent))];
  const found = new Map<string, DescribedAgent>();
  const judge = () =>
    devices.flatMap(({ node, device }) =>
      problemsOf(device, found.get(device.agent)).map((problem) => `${node}, ${device.id}: ${problem}`),
    );
  if (names.length === 0) queueMicrotask(() => answer([]));
  for (const name of names) {
    catalog.describe(name, (agent) => {
      found.set(name, agent);
      if (found.size === names.length) answer(judge());
    });
  }
}

function problemsOf(device: AgentDevice, agent: DescribedAgent | undefined): readonly string[] {
  const password = device.passwordFile === null ? [] : passwordProblem(device.passwordFile);
  if (agent === undefined || agent.kind === "silent")
    return [`${device.agent}: ${agent?.problem ?? "it did not answer"}`, ...password];
  return [...checkDevice(agent.metadata, device), ...password];
}

function passwordProblem(file: string): string[] {
  try {
    accessSync(file, constants.R_OK);
    return [];
  } catch {
    return [`the password file ${file} does not exist or may not be read`];
  }
}
