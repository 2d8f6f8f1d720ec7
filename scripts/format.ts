// `npm run format [-- paths]`: lays files out and applies the linter's safe fixes.

import { biome, step } from "./step.ts";

const paths = process.argv.slice(2);
step("format (biome)", biome("check", "--write", ...(paths.length > 0 ? paths : ["."])));
