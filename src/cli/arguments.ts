// Fits what was typed to a command, or says what does not fit.

import { parseArgs } from "node:util";
import { nearest } from "#lib/nearest.ts";
import {
  type Arguments,
  type Command,
  HELP_OPTION,
  type OptionSpec,
  type UsageProblem,
  usage,
} from "./command.ts";

export function parseArguments(command: Command, argv: readonly string[]): Arguments | UsageProblem {
  const specs: Readonly<Record<string, OptionSpec>> = { ...command.options, help: HELP_OPTION };
  const { tokens, positionals } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, toParseArgs(spec)])),
    allowPositionals: true,
    // Strict mode throws at the first mistake, in words of its own.
    strict: false,
    tokens: true,
  });
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (spec === undefined) return unknownOption(token.rawName, Object.keys(specs));
    const { value } = token;
    if (spec.value === null) {
      if (value !== undefined) return usage(`${token.rawName} takes no value`);
    } else if (value === undefined || (token.inlineValue !== true && /^-./.test(value))) {
      return usage(`${token.rawName} needs a value: ${token.rawName} ${spec.value}`);
    } else if (value === "") {
      return usage(`${token.rawName} has an empty value`);
    }
    if (spec.value !== null && values.has(token.name)) return usage(`${token.rawName} is given twice`);
    values.set(token.name, value ?? "");
  }
  const args: Arguments = {
    words: positionals,
    has: (option) => values.has(option),
    get: (option) => values.get(option) ?? null,
  };
  // Whoever asks for help need not know what else to type.
  return args.has("help") ? args : (judgeWords(command, positionals) ?? args);
}

export function isProblem(value: object): value is UsageProblem {
  return "kind" in value && value.kind === "usage";
}

function judgeWords({ name, usage: form, words }: Command, given: readonly string[]): UsageProblem | null {
  const hint = `usage: understudy ${name}${form === "" ? "" : ` ${form}`}`;
  if (given.length < words.least) return usage(`${name} needs more words`, hint);
  const extra = given[words.most];
  if (extra !== undefined) return usage(`${name} takes no "${extra}"`, hint);
  if (given.includes("")) return usage(`${name} got an empty word`, hint);
  return null;
}

function unknownOption(rawName: string, names: readonly string[]): UsageProblem {
  const near = nearest(rawName.replace(/^-+/, ""), names);
  return usage(`unknown option ${rawName}`, near === null ? null : `did you mean --${near}?`);
}

function toParseArgs(spec: OptionSpec): { type: "string" | "boolean"; short?: string } {
  const type = spec.value === null ? "boolean" : "string";
  return spec.short === undefined ? { type } : { type, short: spec.short };
}
