import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { configJsonSchema } from "./schema.ts";

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
