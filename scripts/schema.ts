// `node scripts/schema.ts`: writes the JSON Schema of the configuration file, for editors.
// src/config/schema.test.ts compares the file in the repository with what this would write.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configJsonSchema } from "#config/schema.ts";
import { ROOT } from "./step.ts";

const folder = join(ROOT, "schema");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "understudy.schema.json"), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
