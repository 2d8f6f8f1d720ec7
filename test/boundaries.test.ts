// The guards of the import table are themselves tried: a guard that reads no file reports success too.
//
// The table is written here once more, apart from tsconfig and Biome's rules. Files that keep it and files
// that break it are planted in an empty copy of the project, and each guard must complain of exactly those
// that break it. The real tree is only read.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { after, before, test } from "node:test";

const ROOT = dirname(import.meta.dirname);
const SRC = join(ROOT, "src");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
const BIOME = join(ROOT, "node_modules/@biomejs/cli-linux-x64/biome");
const TOOL_DEADLINE_MS = 25_000;

const DRIVERS = foldersIn(join(SRC, "drivers")).map((name) => `drivers/${name}`);
/** The system calls that drivers share: behind no port, so no driver itself. */
const SYS = "drivers/sys";
const DRIVER_MAY = ["ports", "model", "lib"];

/** Folder to the folders it may import from. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  model: ["lib"],
  config: ["model", "lib"],
  engine: ["model", "lib"],
  ports: ["model", "lib"],
  daemon: ["engine", "ports", "model", "lib"],
  doctor: ["ports", "model", "lib"],
  api: ["ports", "model", "lib"],
  cli: ["api", "config", "sim", "engine/explain", "model", "lib"],
  sim: ["daemon", "engine", "ports", "config", "model", "lib"],
  ...Object.fromEntries(
    DRIVERS.map((driver) => [driver, driver === SYS ? DRIVER_MAY : [SYS, ...DRIVER_MAY]]),
  ),
};
const FOLDERS = Object.keys(TABLE);
const TARGETS = [...FOLDERS, "engine/explain"];
/** These compile without Node and without a browser. */
const PURE = ["lib", "model", "config", "engine", "ports", "daemon", "doctor", "sim"];
/** What the compiler says of a file that no reference reaches. */
const UNREACHED = "TS6307";

type Complaint = { readonly file: string; readonly rule: string; readonly text: string };
type Planted = { readonly folder: string; readonly target: string; readonly file: string };

const IMPORTS: readonly Planted[] = FOLDERS.flatMap((folder) =>
  TARGETS.filter((target) => target !== folder && !target.startsWith(`${folder}/`)).map((target) => ({
    folder,
    target,
    file: `src/${folder}/imports-${target.replaceAll("/", "-")}.ts`,
  })),
);

const SWITCH_AND_PROMISE = `
type Light = "red" | "amber" | "green";
export async function wait(): Promise<void> {}
export function mayGo(light: Light): boolean {
  wait();
  switch (light) {
    case "red":
      return false;
    case "green":
      return true;
  }
  return false;
}
`;

const OTHER_FILES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(TARGETS.map((target) => [`src/${target}/planted.ts`, "export const planted = 1;\n"])),
  ...Object.fromEntries(IMPORTS.map(({ file, target }) => [file, importOf(`#${target}/planted.ts`)])),
  ...Object.fromEntries(
    FOLDERS.map((folder) => [`src/${folder}/node.ts`, importOf("node:fs", "existsSync")]),
  ),
  ...Object.fromEntries(
    PURE.map((folder) => [`src/${folder}/world.ts`, "setTimeout(() => fetch(process.title), 1);\n"]),
  ),
  "src/main.ts": TARGETS.map((target, index) => importOf(`#${target}/planted.ts`, "planted", index)).join(""),
  "src/api/server.ts": importOf("node:http", "request"),
  "src/api/client.ts": importOf("node:net", "connect"),
  "src/sim/run.ts": importOf("node:fs", "existsSync"),
  "src/drivers/net/sideways.ts": importOf("../clock/planted.ts"),
  "src/engine/lease/upwards.ts": importOf("../planted.ts"),
  // The compiler complains once of each file: this one is reached from nowhere else.
  "src/engine/lease/outwards.ts": importOf("../../daemon/lazy.ts", "lazy"),
  "src/engine/time.ts":
    "export const all = [Date.now(), new Date(), performance.now(), Math.random(), new Date(0)];\n",
  "src/daemon/lazy.ts": 'export const lazy = () => import("#drivers/net/planted.ts");\n',
  "src/lib/round.ts": 'import { about } from "./about.ts";\nexport const round = (): unknown => about;\n',
  "src/lib/about.ts": 'import { round } from "./round.ts";\nexport const about = (): unknown => round;\n',
  "src/model/careless.ts": SWITCH_AND_PROMISE,
};

let copy = "";
let said: { readonly compiler: readonly Complaint[]; readonly biome: readonly Complaint[] };

before(() => {
  copy = mkdtempSync(join(tmpdir(), "understudy-boundaries-"));
  for (const file of [
    "package.json",
    "tsconfig.base.json",
    "tsconfig.json",
    "biome.json",
    "scripts",
    "src",
  ]) {
    cpSync(join(ROOT, file), join(copy, file), { recursive: true, filter: isConfiguration });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  for (const folder of ["lab", "test"]) mkdirSync(join(copy, folder));
  writeFileSync(join(copy, "lab/tsconfig.json"), '{ "files": [], "compilerOptions": { "composite": true } }');
  writeFileSync(
    join(copy, "test/tsconfig.json"),
    '{ "files": [], "compilerOptions": { "composite": true } }',
  );
  for (const [file, text] of Object.entries(OTHER_FILES)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), text);
  }
  said = { compiler: compile(copy), biome: lint(copy) };
});

after(() => rmSync(copy, { recursive: true, force: true }));

test("the tree as it is keeps the import table", () => {
  const isOfTable = ({ rule }: Complaint): boolean =>
    [
      "TS6307",
      "TS6059",
      "lint/style/noRestrictedImports",
      "lint/suspicious/noImportCycles",
      "plugin",
    ].includes(rule);
  assert.deepEqual([...compile(ROOT), ...lint(ROOT)].filter(isOfTable), []);
});

test("each source folder is a project that the check reaches", () => {
  const unreached = (solution: string, folders: readonly string[]): readonly string[] => {
    const references = readFileSync(join(ROOT, solution), "utf8");
    return folders.filter((folder) => !references.includes(`"./${folder}"`));
  };
  const folders = foldersIn(SRC);
  assert.deepEqual(
    unreached(
      "tsconfig.json",
      folders.map((folder) => `src/${folder}`),
    ),
    [],
  );
  assert.deepEqual(unreached("src/drivers/tsconfig.json", foldersIn(join(SRC, "drivers"))), []);
  const projects = [...folders.filter((folder) => folder !== "drivers"), ...DRIVERS];
  assert.deepEqual(
    projects.filter((folder) => !(folder in TABLE)),
    [],
  );
  assert.deepEqual(
    projects.filter((folder) => !existsSync(join(SRC, folder, "tsconfig.json"))),
    [],
  );
});

test("Biome complains of exactly the imports that the table does not allow", () => {
  const forbidden = IMPORTS.filter(({ folder, target }) => !mayImport(folder, target)).map(
    ({ file }) => file,
  );
  const complained = filesOf(said.biome, "lint/style/noRestrictedImports");
  assert.ok(forbidden.length > FOLDERS.length);
  assert.deepEqual(complained.filter((file) => file.includes("/imports-")).sort(), forbidden.sort());
});

test("the compiler complains of exactly the folders that no reference reaches", () => {
  // A driver that needs no system call need not refer to them: that pair is Biome's alone.
  const pairs = IMPORTS.filter(({ folder, target }) => !(target === SYS && DRIVERS.includes(folder)));
  const unreached = pairs.filter(({ folder, target }) => !isReached(folder, target)).map(({ file }) => file);
  const complained = filesOf(said.compiler, UNREACHED);
  assert.ok(unreached.length > FOLDERS.length);
  assert.deepEqual(
    pairs
      .map(({ file }) => file)
      .filter((file) => complained.includes(file))
      .sort(),
    unreached.sort(),
  );
});

test("only drivers, the simulator's run.ts and the api's two ends import node modules", () => {
  const complained = filesOf(said.biome, "lint/style/noRestrictedImports");
  const isDriver = (folder: string): boolean => folder.startsWith("drivers/");
  const others = FOLDERS.filter((folder) => !isDriver(folder)).map((folder) => `src/${folder}/node.ts`);
  assert.deepEqual(complained.filter((file) => file.endsWith("/node.ts")).sort(), others.sort());
  assert.ok(!complained.includes("src/sim/run.ts"));
  assert.ok(!complained.includes("src/api/server.ts"));
  assert.ok(complained.includes("src/api/client.ts"), "node:net is not node:http");
});

test("the pure folders know no process, no fetch, no timer and no node module", () => {
  for (const folder of PURE) {
    const names = said.compiler
      .filter(({ file }) => file === `src/${folder}/world.ts`)
      .map(({ text }) => text);
    for (const name of ["setTimeout", "fetch", "process"]) {
      assert.ok(
        names.some((text) => text.includes(`Cannot find name '${name}'`)),
        `${name} in ${folder}`,
      );
    }
    const node = said.compiler.filter(({ file }) => file === `src/${folder}/node.ts`);
    assert.ok(
      node.some(({ text }) => text.includes("node:fs")),
      `node:fs in ${folder}`,
    );
  }
});

test("paths and late imports are no way round the table", () => {
  const complained = filesOf(said.biome, "lint/style/noRestrictedImports");
  assert.ok(complained.includes("src/drivers/net/sideways.ts"));
  assert.ok(complained.includes("src/daemon/lazy.ts"));
  assert.ok(filesOf(said.compiler, UNREACHED).includes("src/engine/lease/outwards.ts"));
});

test("what is allowed raises no complaint", () => {
  const complained = [...said.biome, ...said.compiler].map(({ file }) => file);
  assert.ok(!complained.includes("src/engine/lease/upwards.ts"));
  assert.ok(!complained.includes("src/main.ts"));
  assert.ok(!complained.includes("src/sim/run.ts"));
});

test("clock and chance have no place in the engine", () => {
  const complaints = said.biome.filter(
    ({ file, rule }) => file === "src/engine/time.ts" && rule === "plugin",
  );
  // Four: a date made from a number it was given is no clock.
  assert.equal(complaints.length, 4);
});

test("import cycles, forgotten promises and missing cases are complained of", () => {
  assert.deepEqual(filesOf(said.biome, "lint/suspicious/noImportCycles").sort(), [
    "src/lib/about.ts",
    "src/lib/round.ts",
  ]);
  assert.deepEqual(filesOf(said.biome, "lint/nursery/noFloatingPromises"), ["src/model/careless.ts"]);
  assert.deepEqual(filesOf(said.biome, "lint/nursery/useExhaustiveSwitchCases"), ["src/model/careless.ts"]);
});

function mayImport(folder: string, target: string): boolean {
  const allowed = TABLE[folder] ?? [];
  return allowed.some((name) => target === name || target.startsWith(`${name}/`));
}

/** The compiler follows references further: a folder behind an allowed one is reached as well. */
function isReached(folder: string, target: string): boolean {
  const project = (name: string): string => (name === "engine/explain" ? "engine" : name);
  const reached = new Set<string>();
  const visit = (name: string): void => {
    for (const next of (TABLE[name] ?? []).map(project)) {
      if (!reached.has(next)) visit(next);
      reached.add(next);
    }
  };
  visit(folder);
  return reached.has(project(target));
}

function importOf(from: string, name = "planted", index = 0): string {
  return `import { ${name} as it${index} } from "${from}";\nexport const used${index} = it${index};\n`;
}

function compile(folder: string): readonly Complaint[] {
  const output = runTool(folder, [process.execPath, TSC, "-b", "--pretty", "false"]);
  const line = /^(\S+?)\(\d+,\d+\): error (TS\d+): (.*)$/gm;
  return [...output.matchAll(line)].map(([, file = "", rule = "", text = ""]) => ({ file, rule, text }));
}

function lint(folder: string): readonly Complaint[] {
  const options = ["--reporter=github", "--max-diagnostics=none"];
  const output = runTool(folder, [BIOME, "lint", ...options, "."]);
  const line = /^::error title=([^,]+),file=([^,]+),[^:]*::(.*)$/gm;
  return [...output.matchAll(line)].map(([, rule = "", file = "", text = ""]) => ({
    file: relative(folder, file),
    rule,
    text,
  }));
}

function runTool(folder: string, [tool = "", ...args]: readonly string[]): string {
  const { stdout, stderr, error } = spawnSync(tool, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: TOOL_DEADLINE_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.equal(error, undefined);
  assert.doesNotMatch(
    stderr,
    /configuration|TS5\d\d\d/i,
    "a guard that cannot read its rules guards nothing",
  );
  return stdout;
}

function filesOf(complaints: readonly Complaint[], rule: string): string[] {
  return [...new Set(complaints.filter((complaint) => complaint.rule === rule).map(({ file }) => file))];
}

function isConfiguration(path: string): boolean {
  return !/\.(ts|mjs)$/.test(path);
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
