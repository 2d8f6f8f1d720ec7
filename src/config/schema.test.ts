import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { isMap } from "./kit.ts";
import { configJsonSchema } from "./schema.ts";
import { readYaml } from "./source.ts";

const COMMITTED = new URL("../../schema/understudy.schema.json", import.meta.url);

test("the JSON Schema in the repository is the one of the code (node scripts/schema.ts writes it)", () => {
  assert.equal(readFileSync(COMMITTED, "utf8"), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
});

test("the JSON Schema names what is required, what is allowed and what holds otherwise", () => {
  const schema = configJsonSchema() as {
    required: string[];
    additionalProperties: boolean;
    properties: { port: object };
  };
  assert.deepEqual(schema.required, ["version", "cluster", "nodes", "services"]);
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(schema.properties.port, {
    description: "UDP port of the pulses; the next one is used too.",
    type: "integer",
    minimum: 1,
    maximum: 65534,
    default: 5407,
  });
});

type Json = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  object: isMap,
  array: Array.isArray,
};

/** The keywords that the schema uses, as JSON Schema 2020-12 defines them; one that is not here fails the test. */
const KEYWORDS: Readonly<Record<string, (rule: never, value: unknown, schema: Json) => boolean>> = {
  type: (rule: string | string[], value) => [rule].flat().some((type) => TYPES[type]?.(value)),
  const: (rule: unknown, value) => value === rule,
  enum: (rule: unknown[], value) => rule.includes(value),
  anyOf: (rule: Json[], value) => rule.some((one) => accepts(one, value)),
  pattern: (rule: string, value) => typeof value !== "string" || new RegExp(rule, "u").test(value),
  minLength: (rule: number, value) => typeof value !== "string" || value.length >= rule,
  minimum: (rule: number, value) => typeof value !== "number" || value >= rule,
  maximum: (rule: number, value) => typeof value !== "number" || value <= rule,
  exclusiveMaximum: (rule: number, value) => typeof value !== "number" || value < rule,
  minItems: (rule: number, value) => !Array.isArray(value) || value.length >= rule,
  items: (rule: Json, value) => !Array.isArray(value) || value.every((item) => accepts(rule, item)),
  minProperties: (rule: number, value) => !isMap(value) || Object.keys(value).length >= rule,
  propertyNames: (rule: Json, value) =>
    !isMap(value) || Object.keys(value).every((key) => accepts(rule, key)),
  required: (rule: string[], value) => !isMap(value) || rule.every((key) => Object.hasOwn(value, key)),
  properties: (rule: Record<string, Json>, value) =>
    !isMap(value) || Object.entries(rule).every(([key, one]) => !(key in value) || accepts(one, value[key])),
  additionalProperties: (rule: Json | false, value, schema) => {
    const known = isMap(schema.properties) ? schema.properties : {};
    const others = isMap(value) ? Object.entries(value).filter(([key]) => !Object.hasOwn(known, key)) : [];
    return others.every(([, other]) => rule !== false && accepts(rule, other));
  },
};

const NOTES = ["$schema", "title", "description", "default", "examples"];

function accepts(schema: Json, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, rule]) => {
    if (NOTES.includes(keyword)) return true;
    const judge = KEYWORDS[keyword];
    assert(judge, `a keyword that this test knows: ${keyword}`);
    return judge(rule as never, value, schema);
  });
}

function valuesIn(folder: string): readonly (readonly [string, unknown])[] {
  const at = new URL(`../../test/${folder}/`, import.meta.url);
  const files = readdirSync(at).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => {
    const reading = readYaml(new TextDecoder().decode(readFileSync(new URL(file, at))));
    return [file, reading.kind === "value" ? reading.value : undefined] as const;
  });
}

test("editors find nothing in a good file, and something in one whose parts are badly written", () => {
  const schema = configJsonSchema();
  for (const [file, value] of [...valuesIn("config-good"), ...valuesIn("config-warned")])
    assert.equal(accepts(schema, value), true, file);
  const bad = /^(41|43|44|45|46)-/;
  for (const [file, value] of valuesIn("config-broken").filter(([name]) => bad.test(name)))
    assert.equal(accepts(schema, value), false, file);
});

test("each badly written fence device is refused by the JSON Schema too", () => {
  const { properties } = configJsonSchema() as unknown as { properties: { fencing: Json } };
  const text = valuesIn("config-broken").find(([file]) => file.startsWith("41-"))?.[1];
  assert(isMap(text) && isMap(text.fencing));
  const devices = Object.values(text.fencing).flat();
  const refused = devices.filter((device) => !accepts(properties.fencing, { a: device }));
  // Which options are not the writer's, and which agent is none, is known by the program alone.
  const forProgram = devices
    .filter((device) => !refused.includes(device))
    .map((device) => JSON.stringify(device));
  assert.equal(devices.length, 20);
  assert.deepEqual(forProgram, [
    '{"agent":"fence_ack_manual"}',
    '{"agent":"fence_apc_snmp","options":{"ip":"10.9.7.1","snmp-priv-passwd":"secret","delay":5}}',
  ]);
});
