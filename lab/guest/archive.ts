// The guest's file system as the kernel unpacks it at boot: an archive in cpio's "newc" format.
// Linux: Documentation/driver-api/early-userspace/buffer-format.rst.

import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";

/** A file of the guest: its bytes and its permissions. */
export type Entry =
  | { readonly kind: "file"; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly kind: "link"; readonly target: string };

/** By the path in the guest, which begins with a slash. */
export type Tree = Map<string, Entry>;

const DIRECTORY = 0o040755;
const REGULAR = 0o100000;
const LINK = 0o120777;

/** Puts a file of this machine into the tree; links are followed. */
export function addFile(tree: Tree, path: string, from: string): void {
  tree.set(path, { kind: "file", mode: 0o755, bytes: readFileSync(from) });
}

export function addText(tree: Tree, path: string, text: string, mode = 0o644): void {
  tree.set(path, { kind: "file", mode, bytes: Buffer.from(text) });
}

/** Puts what is in a folder of this machine into the tree, as far as `wants` says so of the path below it. */
export function addFolder(tree: Tree, path: string, from: string, wants = (_: string) => true): void {
  for (const name of readdirSync(from, { recursive: true, encoding: "utf8" }).sort()) {
    const source = join(from, name);
    const stat = lstatSync(source);
    if (stat.isDirectory() || !wants(name)) continue;
    if (stat.isSymbolicLink()) tree.set(join(path, name), { kind: "link", target: readlinkSync(source) });
    else addFile(tree, join(path, name), source);
  }
}

/** The archive, in pieces that belong one behind the other. */
export function packTree(tree: Tree): Uint8Array[] {
  const folders = new Set<string>();
  for (const path of tree.keys()) {
    for (let folder = dirname(path); folder !== "/"; folder = dirname(folder)) folders.add(folder);
  }
  // A folder before what is in it: shorter paths sort first.
  const pieces = [...folders].sort().flatMap((path) => packEntry(path, DIRECTORY, Buffer.alloc(0)));
  for (const [path, entry] of tree) {
    if (entry.kind === "link") pieces.push(...packEntry(path, LINK, Buffer.from(entry.target)));
    else pieces.push(...packEntry(path, REGULAR | entry.mode, entry.bytes));
  }
  return [...pieces, ...packEntry("/TRAILER!!!", 0, Buffer.alloc(0))];
}

/** Header, name and content, each padded to a multiple of four bytes. */
function packEntry(path: string, mode: number, content: Uint8Array): Uint8Array[] {
  const name = Buffer.from(`${path.slice(1)}\0`);
  const hex = (n: number) => n.toString(16).padStart(8, "0");
  // Inode 0 with one link: no two names are one file. Owner and group are root.
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map(hex).join("")}`);
  return [
    header,
    name,
    Buffer.alloc(-(header.length + name.length) & 3),
    content,
    Buffer.alloc(-content.length & 3),
  ];
}
