// The joints of the schema: zod gives shapes, types and the JSON Schema; these give errors that help.

import { z } from "zod";
import { nearest } from "#lib/nearest.ts";
import type { Finding, Path } from "./problem.ts";

/** The hint of last resort. */
const SEE_DOCS = "docs/configuration.md lists what there is";

type Json = Record<string, unknown>;

/** What a reader of one value answers. */
export type Read<T> =
  | { readonly kind: "read"; readonly value: T }
  | { readonly kind: "refused"; readonly message: string; readonly hint: string };

export const read = <T>(value: T): Read<T> => ({ kind: "read", value });
export const refuse = (message: string, hint: string): Read<never> => ({
  kind: "refused",
  message,
  hint,
});

/** Schemas that zod cannot describe by itself, with what stands for them in the JSON Schema. */
const described = new Map<unknown, () => Json>();

/** A single value, read by `reader`; `json` describes what is accepted. */
export function leaf<T>(json: Json, reader: (value: unknown) => Read<T>): z.ZodType<T, unknown> {
  const schema = z.unknown().transform((value, ctx): T => {
    const answer = reader(value);
    if (answer.kind === "read") return answer.value;
    report(ctx, { path: [], at: "value", kind: "wrong", message: answer.message, hint: answer.hint });
    return z.NEVER;
  });
  described.set(schema._zod.def, () => json);
  return schema;
}

export interface Branch {
  /** True: the branch only refuses, and so has no place in the JSON Schema. */
  readonly refuses?: true;
  readonly when: (value: unknown) => boolean;
  readonly schema: z.ZodType;
}

/** One of several forms: the first whose `when` says yes reads the value. */
export function choice<const B extends readonly Branch[]>(
  expected: string,
  branches: B,
): z.ZodType<z.output<B[number]["schema"]>, unknown> {
  const schema = z.unknown().transform((value, ctx): z.output<B[number]["schema"]> => {
    const branch = branches.find(({ when }) => when(value));
    if (branch !== undefined) return forward(branch.schema as B[number]["schema"], value, ctx);
    report(ctx, wrong([], `expected ${expected}, found ${nameOf(value)}`, SEE_DOCS));
    return z.NEVER;
  });
  described.set(schema._zod.def, () => ({
    anyOf: branches.filter(({ refuses }) => refuses !== true).map((branch) => jsonOf(branch.schema)),
  }));
  return schema;
}

/** A key that people write, and why it is not taken. */
export type Refusals = Readonly<Record<string, { readonly message: string; readonly hint: string }>>;

/**
 * A map with fixed keys. `later` lists keys that are planned, with what they will do; `never` lists keys that
 * are refused in words of their own.
 */
export function map<S extends z.ZodRawShape>(
  shape: S,
  later: Readonly<Record<string, string>> = {},
  never: Refusals = {},
): z.ZodType<z.output<z.ZodObject<S, z.core.$strict>>, unknown> {
  const inner = z.strictObject(shape);
  const schema = z.unknown().transform((value, ctx): z.output<typeof inner> => {
    if (!isMap(value)) {
      report(ctx, wrong([], `expected a map of keys and values, found ${nameOf(value)}`, keysHint(shape)));
      return z.NEVER;
    }
    for (const finding of judgeKeys(value, shape, later, never)) report(ctx, finding);
    return forward(inner, value, ctx, (path) => path.length === 1 && isHandled(value[String(path[0])]));
  });
  described.set(schema._zod.def, () => jsonOf(inner));
  return schema;
}

/** A map whose one deciding key says which of `kinds` it is, as in `- http: URL`. */
export function kinds<B extends Readonly<Record<string, z.ZodType>>>(
  what: string,
  branches: B,
  later: Readonly<Record<string, string>>,
): z.ZodType<z.output<B[keyof B]>, unknown> {
  const names = Object.keys(branches);
  const schema = z.unknown().transform((value, ctx): z.output<B[keyof B]> => {
    const keys = isMap(value) ? Object.keys(value) : [];
    const [kind, other] = keys.filter((key) => Object.hasOwn(branches, key));
    const planned = keys.find((key) => Object.hasOwn(later, key));
    if (kind !== undefined && other === undefined) return forward(branches[kind] as B[keyof B], value, ctx);
    if (other !== undefined)
      report(
        ctx,
        keyed(
          [other],
          `one ${what} is one kind: this one is ${kind} already`,
          `start a new item with "- ${other}:"`,
        ),
      );
    else if (planned !== undefined) report(ctx, notYet([planned], planned, later[planned] ?? ""));
    else report(ctx, unknownKind(what, value, names));
    return z.NEVER;
  });
  described.set(schema._zod.def, () => ({ anyOf: names.map((name) => jsonOf(branches[name] as z.ZodType)) }));
  return schema;
}

/** A map with names of the operator's choosing as keys. */
export function named<T>(
  name: { readonly pattern: RegExp; readonly rule: string },
  values: z.ZodType<T, unknown>,
): z.ZodType<Record<string, T>, unknown> {
  const inner = z.record(z.string().regex(name.pattern), values).meta({ minProperties: 1 });
  const schema = z.unknown().transform((value, ctx): Record<string, T> => {
    if (!isMap(value)) {
      report(
        ctx,
        wrong([], `expected a map of keys and values, found ${nameOf(value)}`, "as in NAME: VALUE"),
      );
      return z.NEVER;
    }
    if (Object.keys(value).length === 0)
      report(ctx, wrong([], "the map is empty", "write at least one name with its value"));
    for (const key of Object.keys(value)) {
      if (!name.pattern.test(key)) report(ctx, keyed([key], `${JSON.stringify(key)} is no name`, name.rule));
    }
    return forward(inner, value, ctx, (_path, code) => code === "invalid_key");
  });
  described.set(schema._zod.def, () => jsonOf(inner));
  return schema;
}

/** A list with at least one item. */
export function list<T>(items: z.ZodType<T, unknown>): z.ZodType<T[], unknown> {
  const inner = z.array(items).min(1);
  const schema = z.unknown().transform((value, ctx): T[] => {
    if (Array.isArray(value) && value.length > 0) return forward(inner, value, ctx);
    const hint =
      typeof value === "string"
        ? `a list of one is written [${value}]`
        : "as in [a, b], or one item a line, each after a dash";
    const message = Array.isArray(value) ? "the list is empty" : `expected a list, found ${nameOf(value)}`;
    report(ctx, wrong([], message, hint));
    return z.NEVER;
  });
  described.set(schema._zod.def, () => jsonOf(inner));
  return schema;
}

/** A value of a fixed set of words. */
export function oneOf<const W extends string>(words: readonly W[]): z.ZodType<W, unknown> {
  return leaf({ type: "string", enum: words }, (value) => {
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return read(word);
    return refuse(
      `expected one of ${words.join(", ")}, found ${nameOf(value)}`,
      didYouMean(value, words) ?? SEE_DOCS,
    );
  });
}

/** What a schema of this kit finds wrong with a value. */
export function findingsOf(error: z.ZodError): readonly Finding[] {
  return error.issues.map((issue) => {
    const params = issue.code === "custom" ? (issue.params as FindingParams | undefined) : undefined;
    const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
    // An issue of zod's own is not expected here; if one comes all the same, its words must do.
    const { at, kind, hint } = params ?? { at: "value", kind: "wrong", hint: null };
    return { path, at, kind, hint, message: issue.message };
  });
}

/** The JSON Schema (2020-12) of what `schema` accepts. */
export function jsonOf(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      // Keyed by definition: a schema that gets a description is a copy with the same one.
      Object.assign(jsonSchema, described.get(zodSchema._zod.def)?.(), z.globalRegistry.get(zodSchema));
    },
  });
  return json;
}

export function didYouMean(value: unknown, words: readonly string[]): string | null {
  const word = typeof value === "string" ? nearest(value, words) : null;
  return word === null ? null : `did you mean "${word}"?`;
}

/** A value as people speak of it in an error. */
export function nameOf(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  const short = text.length > 60 ? `${text.slice(0, 57)}..."` : text;
  return typeof value === "string"
    ? short
    : `the ${typeof value === "boolean" ? "truth value" : "number"} ${short}`;
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type FindingParams = Pick<Finding, "at" | "kind" | "hint">;
type Context = z.core.$RefinementCtx;

function report(ctx: Context, finding: Finding): void {
  const { at, kind, hint } = finding;
  const path = [...finding.path];
  ctx.issues.push({
    code: "custom",
    path,
    message: finding.message,
    params: { at, kind, hint },
    input: undefined,
  });
}

/** Reads with another schema and hands its issues on, but for those that were reported better already. */
function forward<S extends z.ZodType>(
  schema: S,
  value: unknown,
  ctx: Context,
  isKnown: (path: Path, code: string) => boolean = () => false,
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const known = issue.code === "unrecognized_keys" || isKnown(issue.path as Path, issue.code);
    if (!known) ctx.issues.push({ ...issue, path: [...issue.path], input: value } as z.core.$ZodRawIssue);
  }
  return z.NEVER;
}

const wrong = (path: Path, message: string, hint: string | null): Finding => ({
  path,
  at: "value",
  kind: "wrong",
  message,
  hint,
});

const keyed = (path: Path, message: string, hint: string | null): Finding => ({
  ...wrong(path, message, hint),
  at: "key",
});

function notYet(path: Path, key: string, what: string): Finding {
  const message = `not yet: "${key}" (${what}) is not part of this version`;
  return {
    path,
    at: "key",
    kind: "later",
    message,
    hint: "remove it; docs/configuration.md lists what there is",
  };
}

/** Keys that are absent or empty were judged by `judgeKeys`. */
function isHandled(value: unknown): boolean {
  return value === undefined || value === null;
}

function judgeKeys(
  value: Json,
  shape: z.ZodRawShape,
  later: Readonly<Record<string, string>>,
  never: Refusals,
): readonly Finding[] {
  const findings: Finding[] = [];
  const meant = new Set<string | null>();
  for (const [key, given] of Object.entries(value)) {
    const refusal = Object.hasOwn(never, key) ? never[key] : undefined;
    if (refusal !== undefined) findings.push(keyed([key], refusal.message, refusal.hint));
    else if (Object.hasOwn(later, key)) findings.push(notYet([key], key, later[key] ?? ""));
    else if (!Object.hasOwn(shape, key)) {
      findings.push(unknownKey(key, shape));
      meant.add(nearest(key, Object.keys(shape)));
    } else if (given === null)
      findings.push(keyed([key], "nothing is written here", "give it a value or remove the key"));
  }
  for (const [key, schema] of Object.entries(shape)) {
    const isRequired = schema._zod.optin !== "optional";
    const isThere = Object.hasOwn(value, key) || meant.has(key);
    if (isRequired && !isThere) findings.push(missingKey(key, schema));
  }
  return findings;
}

function unknownKey(key: string, shape: z.ZodRawShape): Finding {
  const hint = didYouMean(key, Object.keys(shape)) ?? keysHint(shape);
  return keyed([key], `unknown key "${key}"`, hint);
}

function keysHint(shape: z.ZodRawShape): string {
  return `keys here are: ${Object.keys(shape).join(", ")}`;
}

/** The hint is the first example in the schema's description. */
function missingKey(key: string, schema: z.core.$ZodType): Finding {
  const [example] = (z.globalRegistry.get(schema as z.ZodType)?.examples as unknown[]) ?? [];
  const hint = example === undefined ? SEE_DOCS : `for example: ${key}: ${flow(example)}`;
  return { path: [], at: "key", kind: "missing", message: `"${key}" is missing`, hint };
}

function unknownKind(what: string, value: unknown, names: readonly string[]): Finding {
  const all = `kinds are: ${names.join(", ")}`;
  if (!isMap(value))
    return wrong([], `expected a ${what}, found ${nameOf(value)}`, `${all}; as in "- ${names[0]}: ..."`);
  const key = Object.keys(value)[0];
  if (key === undefined) return wrong([], `an empty ${what}`, all);
  return keyed([key], `unknown kind of ${what}: "${key}"`, didYouMean(key, names) ?? all);
}

/** A value as YAML in one line; enough for the examples of the schema. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (!isMap(value)) return String(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(", ")} }`;
}
