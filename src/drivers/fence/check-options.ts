// Options of the configuration against what the agent says it takes: mistakes that would show only in need.

import { nearest } from "#lib/nearest.ts";
import type { AgentDevice } from "#model/fencing.ts";
import type { AgentMetadata, AgentParameter } from "./metadata.ts";

type Options = readonly (readonly [string, string])[];

/** What fencing.py takes for yes and no, in any case; it ignores an option with anything else. */
const BOOLEANS = ["1", "yes", "on", "true", "0", "no", "off", "false"];
/** Without them the rule for power cannot be kept. */
const NEEDED_ACTIONS = ["off", "status"];

/** A device with what it is handed in the end, the password among it. */
export function checkDevice(metadata: AgentMetadata, device: AgentDevice): readonly string[] {
  const password = device.passwordFile === null ? [] : [["password", "(of the file)"] as const];
  return checkOptions(metadata, [...device.options, ...password]);
}

/** Sentences for people, none of them with a value that may be secret; empty: nothing is wrong. */
export function checkOptions(metadata: AgentMetadata, options: Options): readonly string[] {
  return [
    ...missingActions(metadata),
    ...options.flatMap((option) => checkOption(metadata, option)),
    ...missingOptions(metadata, options),
  ];
}

function missingActions({ name, actions }: AgentMetadata): string[] {
  return NEEDED_ACTIONS.filter((action) => !actions.includes(action)).map(
    (action) => `${name} has no action "${action}": it can never prove that a node is off`,
  );
}

function checkOption(
  { name: agent, parameters }: AgentMetadata,
  [name, value]: readonly [string, string],
): string[] {
  if (key(name) === "action")
    return ['"action" is not for you to set: understudy asks for off, status and on'];
  const parameter = parameters.find((each) => key(each.name) === key(name));
  if (parameter === undefined) {
    const names = parameters.filter(({ deprecated }) => !deprecated).map((each) => each.name);
    const near = nearest(name, names);
    return [`${agent} has no option "${name}"${near === null ? "" : `; did you mean "${near}"?`}`];
  }
  const wrong = wrongForm(parameter, value);
  return wrong === null ? [] : [`"${name}" of ${agent} ${wrong}`];
}

function wrongForm({ type, options }: AgentParameter, value: string): string | null {
  switch (type) {
    case "boolean":
      return BOOLEANS.includes(value.toLowerCase()) ? null : "is yes or no: 1 or 0";
    case "integer":
      return /^[-+]?\d+$/.test(value) ? null : "is a whole number";
    case "second":
      return /^\d+$/.test(value) ? null : "is a whole number of seconds, without a unit";
    case "select":
      return options.length === 0 || options.includes(value) ? null : `is one of ${options.join(", ")}`;
    default:
      return null;
  }
}

/** An old name counts for the one that replaced it; old names themselves are never asked for. */
function missingOptions({ name, parameters }: AgentMetadata, options: Options): string[] {
  const given = new Set(options.map(([option]) => key(option)));
  return neededOptions(parameters)
    .filter((parameter) => !given.has(key(parameter.name)) && !given.has(key(parameter.obsoletes ?? "")))
    .map((parameter) => `${name} needs the option "${parameter.name}" (${parameter.shortdesc})`);
}

/** What must be configured for an agent. */
export function neededOptions(parameters: readonly AgentParameter[]): readonly AgentParameter[] {
  return parameters.filter(
    (each) => each.required && !each.deprecated && each.default === null && key(each.name) !== "action",
  );
}

/** Agents take `-` and `_` for each other. */
const key = (name: string): string => name.replaceAll("-", "_");
