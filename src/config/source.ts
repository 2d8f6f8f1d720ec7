// YAML text to plain values, with the way back: from a path in the value to its place in the text.
// The one parser package of this folder is `yaml`; `zod` counts as the schema package.

import type { Alias, Document, Node, YAMLError } from "yaml";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from "yaml";
import type { Finding, Path, Problem } from "./problem.ts";
import { formatPath } from "./problem.ts";

export type Reading =
  /** The text is YAML; `problems` may still hold doubled keys and the like. */
  | {
      readonly kind: "value";
      readonly value: unknown;
      readonly place: Locator;
      readonly problems: readonly Problem[];
    }
  /** There is no telling what was meant. */
  | { readonly kind: "unreadable"; readonly problems: readonly Problem[] };

/** Puts a finding at its place in the text. */
export type Locator = (finding: Finding) => Problem;

/** The largest file accepted, in characters. */
export const MAX_CHARACTERS = 1024 * 1024;
/** Aliases may be followed this often: a few lines of nested ones could otherwise fill the memory. */
const MAX_ALIASES = 100;

/**
 * YAML 1.2, core schema: only true and false are booleans, doubled keys are errors. Never throws.
 * The text must have been decoded as UTF-8; what was none shows as U+FFFD, which is refused.
 */
export function readYaml(text: string): Reading {
  const broken = judgeText(text);
  if (broken !== null) return { kind: "unreadable", problems: [broken] };
  const lineCounter = new LineCounter();
  const options = {
    lineCounter,
    version: "1.2",
    schema: "core",
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: "error",
  } as const;
  const documents = parseAllDocuments(text, options);
  const [first, second] = documents as Document.Parsed[];
  const position = (start: number, end: number) => positionOf(text, lineCounter, start, end);
  if (first === undefined || first.contents === null)
    return unreadable(1, 1, "the file is empty", EMPTY_HINT);
  const complaints = [...first.errors, ...first.warnings];
  const problems = complaints.map((error) => {
    const opened = openedAt(error, first);
    return problemOf(error, position(opened ?? error.pos[0], opened === null ? error.pos[1] : opened + 1));
  });
  for (const { range, message, hint } of odditiesOf(first)) {
    problems.push({ ...position(...range), path: "", message, hint });
  }
  if (second !== undefined) {
    const at = position(second.range[0], second.range[0] + 1);
    problems.push({ ...at, path: "", message: "a second document starts here", hint: "remove the line ---" });
  }
  const isReadable = complaints.every((error) => error.code === "DUPLICATE_KEY");
  if (!isReadable || problems.length > complaints.length)
    return { kind: "unreadable", problems: firstPerLine(problems) };
  const value = plainValue(first);
  if (value.kind === "failed")
    return unreadable(1, 1, value.message, "write the parts out rather than repeat them by alias");
  const place: Locator = (finding) => {
    const [start, end] = rangeOf(first, finding.path, finding.at);
    const { message, hint } = finding;
    return { ...position(start, end), path: formatPath(finding.path), message, hint };
  };
  return { kind: "value", value: value.value, place, problems };
}

const EMPTY_HINT = "the smallest file names version, cluster, nodes, witness and services";

function unreadable(line: number, column: number, message: string, hint: string | null): Reading {
  return { kind: "unreadable", problems: [{ path: "", line, column, length: 1, message, hint }] };
}

function judgeText(text: string): Problem | null {
  const at = (offset: number, message: string, hint: string | null): Problem => {
    const before = text.slice(0, offset).split("\n");
    const column = Array.from(before.at(-1) ?? "").length + 1;
    return { path: "", line: before.length, column, length: 1, message, hint };
  };
  if (text.length > MAX_CHARACTERS) return at(0, "the file is larger than 1 MiB", "is this the right file?");
  const foreign = text.indexOf("\uFFFD");
  if (foreign >= 0) return at(foreign, "the file is not UTF-8", "save it as UTF-8; iconv -t UTF-8 converts");
  const control = text.search(/(?![\t\n\r])\p{Cc}/u);
  return control < 0 ? null : at(control, "a control character", "remove it; is this a text file?");
}

/** One slip makes the parser stumble several times in a line; only the first complaint helps. */
function firstPerLine(problems: readonly Problem[]): readonly Problem[] {
  const isFirst = (problem: Problem, index: number) =>
    problems.findIndex((other) => other.line === problem.line) === index;
  return problems.filter(isFirst);
}

/**
 * Where the quote or bracket opens that is never closed; null for all other errors.
 * The parser reports it where it gives up, often at the end of the file; people look where it opens.
 */
function openedAt(error: YAMLError, document: Document.Parsed): number | null {
  const isQuote = error.code === "MISSING_CHAR" && error.message.includes("quote");
  const isBracket = isOpenBracket(error);
  if (!isQuote && !isBracket) return null;
  let start: number | null = null;
  visit(document, (_key, node) => {
    const isQuoted = isScalar(node) && (node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE");
    const [from] = (isQuote ? isQuoted : isFlow(node)) ? (rangeOfNode(node) ?? []) : [];
    if (from !== undefined && from < Math.max(error.pos[0], 1) && from > (start ?? -1)) start = from;
  });
  return start;
}

function isOpenBracket(error: YAMLError): boolean {
  const isFlowError = /flow (map|seq)/i.test(error.message);
  return (error.code === "BAD_INDENT" || error.code === "MISSING_CHAR") && isFlowError;
}

interface Oddity {
  readonly range: [number, number];
  readonly message: string;
  readonly hint: string;
}

/** What YAML allows and no configuration needs: aliases that lead nowhere or in a circle, lists as keys. */
function odditiesOf(document: Document.Parsed): readonly Oddity[] {
  const found: Oddity[] = [];
  visit(document, {
    Alias(_key, alias: Alias, above) {
      const target: Node | undefined = alias.resolve(document);
      const range = rangeOfNode(alias) ?? [0, 1];
      const hint = `write &${alias.source} before the part that *${alias.source} repeats`;
      const isCircle = target !== undefined && above.includes(target);
      if (isCircle) found.push({ range, message: "this alias contains itself", hint });
      if (target === undefined)
        found.push({ range, message: `no anchor "${alias.source}" before this`, hint });
    },
    Pair(_key, { key }) {
      if (isScalar(key)) return;
      const range = rangeOfNode(key) ?? [0, 1];
      found.push({ range, message: "a key must be a plain word", hint: "write it as KEY: VALUE" });
    },
  });
  return found;
}

type Value =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "failed"; readonly message: string };

function plainValue(document: Document): Value {
  try {
    return { kind: "value", value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (error) {
    // The package reports aliases without anchor, or too many of them, by throwing.
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

type Position = Pick<Problem, "line" | "column" | "length">;

/** `end` is cut off at the end of the line. */
function positionOf(text: string, lines: LineCounter, start: number, end: number): Position {
  const { line } = lines.linePos(start);
  const lineStart = lines.lineStarts[line - 1] ?? 0;
  const newline = text.indexOf("\n", start);
  const lineEnd = newline < 0 ? text.length : newline;
  const meant = text.slice(start, Math.max(start, Math.min(end, lineEnd))).trimEnd();
  const before = text.slice(lineStart, start).replace(/^\uFEFF/, "");
  return {
    line: Math.max(1, line),
    column: Array.from(before).length + 1,
    length: Math.max(1, Array.from(meant).length),
  };
}

/** From and to as offsets; of the nearest thing above when the path itself is not in the text. */
function rangeOf(document: Document.Parsed, path: Path, at: "key" | "value"): [number, number] {
  let node: unknown = document.contents;
  let best = rangeOfNode(node) ?? [0, 1];
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const isLast = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => keyText(item.key) === String(step));
      if (pair === undefined) return best;
      const key = rangeOfNode(pair.key) ?? best;
      node = pair.value;
      // Of a map or list that fills lines of its own the key is what people look for.
      const value = isScalar(node) || isAlias(node) || isFlow(node) ? rangeOfNode(node) : null;
      best = isLast && at === "key" ? key : (value ?? key);
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      best = rangeOfNode(node) ?? best;
    } else return best;
  }
  return best;
}

function isFlow(node: unknown): boolean {
  return (isMap(node) || isSeq(node)) && node.flow === true;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function rangeOfNode(node: unknown): [number, number] | null {
  const range = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range : null;
  return range === null || range === undefined ? null : [range[0], Math.max(range[1], range[0] + 1)];
}

function problemOf(error: YAMLError, at: Position): Problem {
  const { message, hint } = inOurWords(error);
  return { ...at, path: "", message, hint };
}

/** The usual mistakes in words that help; the others in those of the parser. */
function inOurWords(error: YAMLError): { readonly message: string; readonly hint: string } {
  switch (error.code) {
    case "TAB_AS_INDENT":
      return { message: "a tab at the start of a line", hint: "indent with spaces, two for each level" };
    case "DUPLICATE_KEY":
      return { message: "this key is there twice", hint: "put both parts under one key, or rename one" };
    case "BAD_INDENT":
      if (isOpenBracket(error)) return NOT_CLOSED;
      return {
        message: "the indentation does not fit the lines above",
        hint: "keys of one map start in one column",
      };
    case "BLOCK_AS_IMPLICIT_KEY":
      return {
        message: 'a second ": " in one line',
        hint: "put the value in quotes if the colon belongs to it",
      };
    case "BAD_SCALAR_START":
      return { message: lowerFirst(error.message), hint: "put the value in quotes" };
    case "MULTILINE_IMPLICIT_KEY":
    case "MISSING_CHAR":
      if (isOpenBracket(error) || error.message.includes("quote")) return NOT_CLOSED;
      return { message: lowerFirst(error.message), hint: 'a key needs ": " after it' };
    case "TAG_RESOLVE_FAILED":
      return { message: lowerFirst(error.message), hint: "tags are not used here: remove the !word" };
    case "BAD_DIRECTIVE":
      return { message: lowerFirst(error.message), hint: "remove the line that starts with %" };
    default:
      return { message: lowerFirst(error.message), hint: "quotes help where YAML reads more than was meant" };
  }
}

const NOT_CLOSED = { message: "what opens here is not closed", hint: "write the closing quote or bracket" };

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
