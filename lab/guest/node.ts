// A node of a cluster whose host is a guest: the same files, the same small web service, the same daemon.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SOCKET_NAME } from "#api/protocol.ts";
import type { Cluster } from "../cluster.ts";
import { end } from "../world.ts";
import { bootMachine, type Machine, NODE, PROGRAM, type Watchdog } from "./machine.ts";

export type GuestNode = {
  readonly name: string;
  readonly machine: Machine;
  /** Of the daemon, in the guest. */
  readonly pid: number;
};

export type GuestNodeOptions = {
  readonly name: string;
  readonly watchdog: Watchdog;
  /** What the web service answers on. */
  readonly addresses: readonly string[];
  /** Files of this machine that the guest has at the same path, besides configuration and key. */
  readonly files?: readonly string[];
};

const STATE = "/var/lib/understudy";
const RUN = "/run/understudy";
const RESPONDER = `${PROGRAM}/responder.ts`;
/** Without hardware support a daemon needs some seconds to start, on a loaded machine many. */
const START_MS = 75_000;

/** Boots the guest in the host's place and starts the daemon in it; done when that can be asked. */
export async function startGuestNode(cluster: Cluster, options: GuestNodeOptions): Promise<GuestNode> {
  const { name, watchdog, addresses } = options;
  const { world, config } = cluster;
  const shared = [config, join(world.folder, "cluster.key"), ...(options.files ?? [])];
  const files = new Map(shared.map((path) => [path, readFileSync(path, "utf8")]));
  files.set(RESPONDER, readFileSync(fileURLToPath(new URL("../responder.ts", import.meta.url)), "utf8"));
  // Where the guest answers, the host itself must not.
  const responder = cluster.responders.get(name);
  if (responder !== undefined) await end(responder, "SIGKILL");
  const machine = await bootMachine(world, { host: name, watchdog, files });
  const bound = addresses.map((address) => `--address ${address}`).join(" ");
  const places = `--config ${config} --state-dir ${STATE} --run-dir ${RUN}`;
  const { code, output } = await machine.run(
    `mkdir -p -m 700 ${STATE} ${RUN}
     ${PROGRAM}/bin/understudy up --node ${name} ${places} > /tmp/understudy.log 2>&1 & echo $!
     until [ -S ${RUN}/${SOCKET_NAME} ] || [ ! -d /proc/$! ]; do sleep 0.1; done
     ${NODE} ${RESPONDER} --name ${name} ${bound} > /tmp/responder.log 2>&1 &
     [ -S ${RUN}/${SOCKET_NAME} ]`,
    START_MS,
  );
  const node = { name, machine, pid: Number(output) };
  if (code !== 0) throw new Error(`the daemon of ${name} did not start: ${await wordsOf(node)}`);
  return node;
}

/** For messages about what went wrong: what daemon and kernel printed, as far as the guest still tells. */
export async function wordsOf({ machine }: GuestNode): Promise<string> {
  const kernel = existsSync(machine.console) ? readFileSync(machine.console, "utf8").slice(-2_000) : "";
  try {
    return `${(await machine.run("tail -n 60 /tmp/understudy.log")).output}\n${kernel}`;
  } catch (error) {
    return `${error}\n${kernel}`;
  }
}
