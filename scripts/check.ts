// `npm run check`: types, style, unit tests and stories. Needs no root and no network; under 30 s.

import { biome, inPackage, node, step } from "./step.ts";

// --force: the compiler keeps old verdicts on unchanged files when only a tsconfig changed. It costs a second.
step("types (tsc -b)", node(inPackage("typescript", "bin", "tsc"), "-b", "--force"));
step("style (biome ci)", biome("ci", "--error-on-warnings", "."));
step(
  "unit tests and stories",
  node(
    "--test",
    "--test-timeout=30000",
    "--test-concurrency=2",
    "src/**/*.test.ts",
    "test/*.test.ts",
    "test/golden/**/*.test.ts",
  ),
);
