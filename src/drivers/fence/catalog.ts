// Which fence agents this host has, and what each says of itself.

import { readdirSync } from "node:fs";
import { ms } from "#model/units.ts";
import type { ProgramPort, RunEnd } from "#ports/programs.ts";
import { AGENT_FOLDERS, agentProgram, findAgent } from "./agent.ts";
import { neededOptions } from "./check-options.ts";
import { type AgentMetadata, parseMetadata } from "./metadata.ts";

/** An agent starts an interpreter and prints; a loaded host may take its time. */
const DESCRIBE_DEADLINE = ms(15_000);
/** Agents described at once. */
const AT_ONCE = 4;

export type DescribedAgent =
  | {
      readonly kind: "described";
      readonly name: string;
      readonly metadata: AgentMetadata;
      /** Names of the options that must be configured. */
      readonly needed: readonly string[];
    }
  /** It is there, or should be, and says nothing that could be read. `problem` is a sentence. */
  | { readonly kind: "silent"; readonly name: string; readonly problem: string };

export interface FenceCatalog {
  /** Names of the installed agents, sorted. */
  names(): readonly string[];
  /** Asks one agent. `answer` comes exactly once, within 15 s. */
  describe(name: string, answer: (agent: DescribedAgent) => void): void;
  /** Asks all of them, a few at a time; sorted by name. */
  describeAll(answer: (agents: readonly DescribedAgent[]) => void): void;
}

export function createFenceCatalog(
  programs: ProgramPort,
  folders: readonly string[] = AGENT_FOLDERS,
): FenceCatalog {
  const names = () =>
    [...new Set(folders.flatMap(entriesOf))].filter((name) => findAgent(name, folders)).sort();

  const describe: FenceCatalog["describe"] = (name, answer) => {
    const file = findAgent(name, folders);
    if (file === null) {
      queueMicrotask(() => answer({ kind: "silent", name, problem: "it is not installed" }));
      return;
    }
    const program = agentProgram(file, ["-o", "metadata"]);
    programs.run(program, { deadline: DESCRIBE_DEADLINE, keep: "tail" }, (end) => answer(read(name, end)));
  };

  return {
    names,
    describe,
    describeAll(answer) {
      const waiting = [...names()];
      const found: DescribedAgent[] = [];
      let running = 0;
      const next = (): void => {
        const name = running < AT_ONCE ? waiting.shift() : undefined;
        if (name !== undefined) {
          running += 1;
          describe(name, (agent) => {
            running -= 1;
            found.push(agent);
            next();
          });
          next();
        } else if (running === 0 && waiting.length === 0) {
          answer(found.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
        }
      };
      queueMicrotask(next);
    },
  };
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(name: string, end: RunEnd): DescribedAgent {
  if (end.kind === "not-started") return { kind: "silent", name, problem: end.problem };
  if (end.kind === "deadline") return { kind: "silent", name, problem: "it did not describe itself in time" };
  const metadata = parseMetadata(end.output);
  if (typeof metadata === "string") return { kind: "silent", name, problem: metadata };
  const needed = neededOptions(metadata.parameters).map((parameter) => parameter.name);
  return { kind: "described", name, metadata, needed };
}
