// `npm run build`: bundles the program into dist/, one file for each thread, with the packages inside.
//
// koffi stays outside: it finds its compiled part beside its own files.
//
// `--protocol N --out DIR`: a program that speaks protocol N, in DIR, for tests of rolling upgrades. One that is later
// than the present says what the present one cannot know (src/model/protocol.ts).

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { inPackage, ROOT } from "./step.ts";

const DIST = join(ROOT, "dist");
const BUNDLED = ["yaml", "zod", "saxes", "xmlchars"];
/** License texts of packages that come without one. */
const LICENSES = join(import.meta.dirname, "licenses");

const { protocol, out } = parseArgs({
  options: { protocol: { type: "string" }, out: { type: "string" } },
}).values;
if (protocol !== undefined && !/^[1-9][0-9]{0,2}$/.test(protocol))
  throw new Error("--protocol takes a number");
// Else it could end up in a package.
if (protocol !== undefined && out === undefined) throw new Error("--protocol goes with --out DIR");
const folder = out === undefined ? DIST : resolve(out);

// Elsewhere nothing is removed: the folder is not ours.
if (folder === DIST) rmSync(DIST, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: {
    understudy: "src/main.ts",
    "keeper-thread": "src/keeper-thread.ts",
    "config-thread": "src/config-thread.ts",
    "kernel-trial": "src/kernel-trial.ts",
  },
  outdir: folder,
  define: protocol === undefined ? {} : { UNDERSTUDY_PROTOCOL: protocol },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  external: ["koffi"],
  // Commands that print one line need not read what only the daemon uses.
  splitting: true,
  // Packages written for require() ask for node's modules with it, which a module file does not have.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  metafile: true,
  logLevel: "warning",
});
writeFileSync(join(folder, "LICENSES.txt"), BUNDLED.map(licenseOf).join("\n"));

for (const [file, { bytes }] of Object.entries(metafile.outputs)) {
  console.error(`${file}  ${Math.ceil(bytes / 1024)} kB`);
}

/** What is bundled carries its license along. */
function licenseOf(name: string): string {
  const file = readdirSync(inPackage(name)).find((entry) => /^licen[cs]e/i.test(entry));
  const kept = join(LICENSES, `${name}.txt`);
  if (file === undefined && !existsSync(kept))
    throw new Error(`${name} has no license file: look before it is bundled`);
  return `${name}\n\n${readFileSync(file === undefined ? kept : inPackage(name, file), "utf8")}`;
}
