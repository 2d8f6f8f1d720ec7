// Fence agents of the Linux-HA world: which program, what it reads, what its end means.
// Source: ClusterLabs fence-agents, doc/FenceAgentAPI.md, and its library fencing.py (4.12).

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { AgentDevice } from "#model/fencing.ts";
import type { FenceAnswer, FenceVerb } from "#ports/fence.ts";
import type { Program } from "#ports/programs.ts";
import { failed, type Prepared, refuse } from "./prepared.ts";
import { createVeil, type Hide, sentenceOf } from "./said.ts";

/** Where distributions put them; the first that has it wins. */
export const AGENT_FOLDERS: readonly string[] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/** Agents are named so; anything else might be a path to elsewhere. */
const AGENT_NAME = /^fence_\w+$/;
/** Python's warnings about itself would stand before what the agent has to say. */
const AGENT_ENV = { LC_ALL: "C.UTF-8", PYTHONWARNINGS: "ignore" };
/** Options whose values never reach a sentence; the password of a file is always one. */
const IS_SECRET = /pass|secret|token/i;

export function prepareAgent(
  device: AgentDevice,
  verb: FenceVerb,
  folders: readonly string[] = AGENT_FOLDERS,
): Prepared {
  const file = findAgent(device.agent, folders);
  if (file === null)
    return refuse(
      `${device.agent} is not installed in ${folders.join(" or ")}; Debian has it in fence-agents`,
    );
  const password = device.passwordFile === null ? null : readPassword(device.passwordFile);
  if (password !== null && "problem" in password) return refuse(password.problem);
  const options = [...device.options, ...(password === null ? [] : [["password", password.secret] as const])];
  const hide = createVeil(options.filter(([name]) => IS_SECRET.test(name)).map(([, value]) => value));
  const input = formatInput(options, verb);
  if (input.kind === "refused") return refuse(hide(input.problem));
  return {
    kind: "run",
    program: agentProgram(file, [], input.text),
    judgeExit: (code, output) => judgeAgent({ verb, code, output, hide }),
    hide,
  };
}

export function agentProgram(file: string, args: readonly string[], input = ""): Program {
  return { argv: [file, ...args], user: null, directory: null, env: AGENT_ENV, input };
}

/** The path of an agent, null when it is not installed; never anything outside of these folders. */
export function findAgent(name: string, folders: readonly string[] = AGENT_FOLDERS): string | null {
  if (!AGENT_NAME.test(name)) return null;
  return folders.map((folder) => join(folder, name)).find(isFile) ?? null;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Not there, or nothing of ours: the next folder may have it.
    return false;
  }
}

/** The first line, without its end. Blanks count: a password may have them. */
function readPassword(file: string): { readonly secret: string } | { readonly problem: string } {
  try {
    const [secret = ""] = readFileSync(file, "utf8").split(/\r?\n/, 1);
    return secret === "" ? { problem: `the password file ${file} has an empty first line` } : { secret };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { problem: `the password file ${file} cannot be read: ${code}` };
  }
}

type Input =
  | { readonly kind: "input"; readonly text: string }
  | { readonly kind: "refused"; readonly problem: string };

/** `name=value` lines. The action comes last: agents take the last of two lines with one name. */
export function formatInput(options: readonly (readonly [string, string])[], verb: FenceVerb): Input {
  for (const [name, value] of options) {
    if (!/^[\w-]+$/.test(name)) return { kind: "refused", problem: `"${name}" is no name of an option` };
    if (name.toLowerCase() === "action")
      return { kind: "refused", problem: '"action" cannot be an option: it is what understudy asks for' };
    // A line break would begin another option.
    if (/[\r\n\0]/.test(value))
      return {
        kind: "refused",
        problem: `the option "${name}" has a line break or a zero byte in its value`,
      };
  }
  const lines = [...options.map(([name, value]) => `${name}=${quoted(value)}`), `action=${verb}`];
  return { kind: "input", text: `${lines.join("\n")}\n` };
}

/** fencing.py strips blanks at the end of a line, and then one pair of quotes around the value. */
function quoted(value: string): string {
  const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  return isQuoted || /\s$/.test(value) ? `"${value}"` : value;
}

/** What fencing.py prints with exit code 2. */
const SAYS_OFF = /^Status: OFF\s*$/im;

/**
 * Exit 0 is success, of `status` "on"; 2 of `status` is "off", but only with the words for it: Python ends with
 * 2 as well when it cannot open a script, and so do shells at a mistake in one.
 */
function judgeAgent(ended: {
  readonly verb: FenceVerb;
  readonly code: number;
  readonly output: string;
  readonly hide: Hide;
}): FenceAnswer {
  const { verb, code, output, hide } = ended;
  const detail = sentenceOf(output, hide);
  if (verb === "status") {
    if (code === 0) return { kind: "is-on", detail: detail ?? "exit code 0: on" };
    if (code === 2 && SAYS_OFF.test(output)) return { kind: "is-off", detail: "Status: OFF" };
    if (code === 2) return failed(`exit code 2, but it did not say "Status: OFF": ${detail ?? "no output"}`);
  } else if (code === 0) return { kind: "done", detail: detail ?? "exit code 0" };
  return failed(detail ?? `exit code ${code}`);
}
