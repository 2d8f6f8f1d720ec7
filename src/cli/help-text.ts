// Commands to help texts.

import type { Command } from "./command.ts";
import { HELP_OPTION } from "./command.ts";

export function formatHelp(command: Command): string {
  const options = Object.entries({ ...command.options, help: HELP_OPTION }).map(([name, spec]) => {
    const short = spec.short === undefined ? "    " : `-${spec.short}, `;
    return [`${short}--${name}${spec.value === null ? "" : ` ${spec.value}`}`, spec.about] as const;
  });
  return [
    `${formatUsage(command)}`,
    "",
    `${command.summary}.`,
    ...command.about,
    "",
    "Options:",
    ...aligned(options),
    "",
    "Examples:",
    ...aligned(command.examples.map((example) => [example.line, example.about] as const)),
  ].join("\n");
}

export function formatOverview(
  commands: readonly Pick<Command, "name" | "summary">[],
  version: string,
): string {
  return [
    `understudy ${version}: keeps services running across a few servers, never two at once`,
    "",
    "Usage: understudy COMMAND ...",
    "",
    "Commands:",
    ...aligned(commands.map((command) => [command.name, command.summary] as const)),
    "",
    "Examples:",
    ...aligned([
      ["understudy check /etc/understudy/understudy.yaml", "before anything else"],
      ["understudy up --node chip", "the daemon, in the foreground"],
      ["understudy status", "who is active, and is all well?"],
      ["understudy help switchover", "one command, with examples"],
    ]),
    "",
    "Exit codes: 0 done or healthy, 1 degraded but serving, 2 down or failed, 3 unknown,",
    "64 wrong command line, 65 invalid configuration, 77 not allowed.",
  ].join("\n");
}

export const formatUsage = ({ name, usage }: Command): string =>
  `Usage: understudy ${name}${usage === "" ? "" : ` ${usage}`}`;

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
