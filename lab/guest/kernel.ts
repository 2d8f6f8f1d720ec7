// The kernel of the guest: Debian's package for this machine, downloaded once and never installed.
// Run by itself it fetches what is missing: `node lab/guest/kernel.ts`.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { must, run } from "../shell.ts";

export type Kernel = {
  /** Such as 6.1.0-56-amd64. */
  readonly release: string;
  /** The compressed image that a boot loader starts. */
  readonly image: string;
  /** Holds the modules that a guest may want, one file each, named as `insmod` is given them. */
  readonly modules: string;
};

/** Depends on the newest kernel of this Debian release. */
const META_PACKAGE = "linux-image-amd64";
/** Every module that some guest loads, apart from those that these need. */
const WANTED = [
  "softdog",
  "i6300esb",
  "virtio_pci",
  "virtio_net",
  "virtio_console",
  // libcrc32c asks for it by a name that only a module loader with an index could answer.
  "crc32c_generic",
  "nf_tables",
  "nft_fib_inet",
];
/** Not in version control. */
const CACHE = fileURLToPath(new URL("../../tmp/guest-kernel", import.meta.url));
const DOWNLOAD_MS = 300_000;

/** The kernel on this machine's disk; downloads it (70 MB) when there is none yet. */
export async function fetchKernel(): Promise<Kernel> {
  return findKernel() ?? (await downloadKernel());
}

/** The modules to load for `names`, those they need first. */
export function loadOrder(kernel: Kernel, names: readonly string[]): readonly string[] {
  const ordered: string[] = [];
  const visit = (name: string): void => {
    if (ordered.includes(name)) return;
    for (const needed of needsOf(readFileSync(join(kernel.modules, `${name}.ko`)))) visit(needed);
    ordered.push(name);
  };
  for (const name of names) visit(name);
  return ordered;
}

function findKernel(): Kernel | null {
  if (!existsSync(CACHE)) return null;
  const [release] = readdirSync(CACHE).filter((name) => !name.startsWith("."));
  if (release === undefined) return null;
  const kernel = describe(join(CACHE, release));
  // One that an older checkout fetched may lack what is wanted now.
  return WANTED.every((name) => existsSync(join(kernel.modules, `${name}.ko`))) ? kernel : null;
}

function describe(folder: string): Kernel {
  return { release: basename(folder), image: join(folder, "vmlinuz"), modules: join(folder, "modules") };
}

async function downloadKernel(): Promise<Kernel> {
  mkdirSync(CACHE, { recursive: true });
  // Beside its place, so that it gets there in one step, whole.
  const folder = mkdtempSync(join(CACHE, ".new-"));
  try {
    const name = await packageName();
    await must(["apt-get", "-q", "download", name], { cwd: folder, timeoutMs: DOWNLOAD_MS });
    const [file = ""] = readdirSync(folder);
    await must(["dpkg-deb", "--extract", join(folder, file), join(folder, "all")], { timeoutMs: 60_000 });
    const release = name.replace("linux-image-", "");
    keepWanted(folder, release);
    rmSync(join(folder, "all"), { recursive: true });
    rmSync(join(folder, file));
    rmSync(join(CACHE, release), { recursive: true, force: true });
    renameSync(folder, join(CACHE, release));
    return describe(join(CACHE, release));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function packageName(): Promise<string> {
  const ask = ["apt-cache", "depends", "--important", META_PACKAGE];
  let { stdout } = await run(ask);
  if (!stdout.includes("Depends:")) {
    await must(["apt-get", "-q", "update"], { timeoutMs: DOWNLOAD_MS });
    stdout = await must(ask);
  }
  const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
  if (name === undefined) throw new Error(`no kernel package behind ${META_PACKAGE}: ${stdout}`);
  return name;
}

/** Copies the image, the wanted modules and what these need out of the unpacked package. */
function keepWanted(folder: string, release: string): void {
  const all = join(folder, "all");
  const tree = join(all, "lib", "modules", release);
  const found = new Map<string, string>();
  for (const path of readdirSync(tree, { recursive: true, encoding: "utf8" })) {
    if (path.endsWith(".ko")) found.set(moduleName(basename(path, ".ko")), join(tree, path));
  }
  const modules = join(folder, "modules");
  mkdirSync(modules);
  cpSync(join(all, "boot", `vmlinuz-${release}`), join(folder, "vmlinuz"));
  const keep = (name: string): void => {
    const source = found.get(name);
    if (source === undefined) throw new Error(`${release} has no module ${name}`);
    const target = join(modules, `${name}.ko`);
    if (existsSync(target)) return;
    cpSync(source, target);
    for (const needed of needsOf(readFileSync(target))) keep(needed);
  };
  for (const name of WANTED) keep(name);
}

/** The modules that one needs, as it says itself in its section .modinfo. */
function needsOf(module: Buffer): readonly string[] {
  const start = module.indexOf("\0depends=");
  if (start < 0) return [];
  const from = start + "\0depends=".length;
  const names = module.toString("latin1", from, module.indexOf(0, from));
  return names === "" ? [] : names.split(",").map(moduleName);
}

const moduleName = (name: string): string => name.replaceAll("-", "_");

if (import.meta.main) {
  const { release } = await fetchKernel();
  console.error(`guest kernel ${release}`);
}
