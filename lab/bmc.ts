// Management boards for hosts of the lab: ipmi_sim (OpenIPMI) speaks IPMI 2.0 over the lab's network, and its
// chassis program really takes the power of a host: it kills what runs there, by process id, and its links go
// down. A board stands in a host of its own, as the management network does, or in the host itself: then it
// dies with it.

import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signal } from "./namespaces.ts";
import { must, type Outcome, until } from "./shell.ts";
import {
  BOOT_ID,
  end,
  type Host,
  hostOf,
  isRunning,
  type Running,
  runIn,
  startIn,
  type World,
} from "./world.ts";

export type BmcOptions = {
  /** The host whose power it switches. */
  readonly of: string;
  /** The host in which it listens; several may share one, each with a port of its own. */
  readonly at: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  /** Where it listens; otherwise the first address of `at`. */
  readonly address?: string;
  /** File that gets a line when the host has lost its power (`off chip`), and when it has it again (`on chip`). */
  readonly events?: string | null;
};

export type Bmc = Required<BmcOptions> & {
  readonly world: World;
  /** Holds its configuration, the state of the power and what it was asked. */
  readonly folder: string;
  running: Running;
};

export type Power = "on" | "off";

/** honest: does what it is asked. deaf: says that it will, and does nothing. */
export type Manner = "honest" | "deaf";

const IPMI_PORT = 623;
const READY_WITHIN_MS = 15_000;
const CHASSIS_DEADLINE_MS = 10_000;

/** Starts a board and waits until it answers; the power is on. It ends with the world, or by `stopBmc`. */
export async function startBmc(world: World, options: BmcOptions): Promise<Bmc> {
  const { of, at, port = IPMI_PORT, user = "admin", password = "secret", events = null } = options;
  const { address = hostOf(world, at).address } = options;
  const host = hostOf(world, of);
  const folder = join(hostOf(world, at).folder, `bmc-${of}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "state"), { recursive: true });
  writeFileSync(join(folder, "lan.conf"), lanConf(host, { address, port, user, password, folder }));
  writeFileSync(join(folder, "sim.emu"), EMULATION);
  writeFileSync(join(folder, "chassis"), chassisProgram(host, folder, events));
  chmodSync(join(folder, "chassis"), 0o755);
  writeFileSync(join(folder, "power"), "1\n");
  writeFileSync(join(host.folder, BOOT_ID), `${randomUUID()}\n`);
  const bmc: Bmc = {
    of,
    at,
    port,
    user,
    password,
    world,
    address,
    events,
    folder,
    running: run(world, at, of, folder),
  };
  await untilReady(bmc);
  return bmc;
}

/** Starts a board again that was stopped or killed; the power is as it was left. */
export async function restartBmc(bmc: Bmc): Promise<void> {
  await stopBmc(bmc);
  bmc.running = run(bmc.world, bmc.at, bmc.of, bmc.folder);
  await untilReady(bmc);
}

export async function stopBmc(bmc: Bmc): Promise<void> {
  // A stopped process takes the signal only once it runs again.
  thawBmc(bmc);
  await end(bmc.running, "SIGKILL");
}

/** From now on it answers nothing, and what it is sent waits in its socket. */
export function freezeBmc({ running }: Bmc): void {
  if (isRunning(running)) signal(running.pid, "SIGSTOP");
}

export function thawBmc({ running }: Bmc): void {
  if (isRunning(running)) signal(running.pid, "SIGCONT");
}

export function setManner(bmc: Bmc, manner: Manner): void {
  writeFileSync(join(bmc.folder, "manner"), manner);
}

export function powerOf(bmc: Bmc): Power {
  return readFileSync(join(bmc.folder, "power"), "utf8").trim() === "1" ? "on" : "off";
}

/** Switches the power as a hand at the button does, whatever state the board is in. */
export async function pressPower(bmc: Bmc, power: Power): Promise<void> {
  const value = power === "on" ? "1" : "0";
  await must([join(bmc.folder, "chassis"), "set", "power", value], { timeoutMs: CHASSIS_DEADLINE_MS });
}

/** What the board had its chassis do, in order: `power on`, `power off`, `reset`; reading it is not listed. */
export function deedsOf(bmc: Bmc): readonly string[] {
  const log = join(bmc.folder, "deeds");
  return existsSync(log)
    ? readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== "")
    : [];
}

/** Asks it with ipmitool from a host of the world. */
export function askBmc(bmc: Bmc, from: string, ...words: readonly string[]): Promise<Outcome> {
  const { address, port, user, password } = bmc;
  const to = ["-H", address, "-p", String(port), "-U", user, "-E"];
  // Without -C 3 every call first asks for cipher suites, which the simulator does not answer, for 14 s.
  const argv = ["ipmitool", "-I", "lanplus", "-C", "3", "-N", "1", "-R", "1", ...to, ...words];
  return runIn(bmc.world, from, argv, { timeoutMs: 5_000, env: { IPMI_PASSWORD: password } });
}

// --- making it -----------------------------------------------------------------------------------

async function untilReady(bmc: Bmc): Promise<void> {
  const isReady = async (): Promise<boolean> => (await askBmc(bmc, bmc.at, "power", "status")).code === 0;
  if ((await until(isReady, { withinMs: READY_WITHIN_MS })) !== null) return;
  const end = isRunning(bmc.running) ? "does not answer" : "has ended";
  throw new Error(`the board of ${bmc.of} ${end}: ${readFileSync(bmc.running.log, "utf8").slice(-500)}`);
}

function run(world: World, at: string, of: string, folder: string): Running {
  // -n: no console on standard input.
  const files = ["-c", join(folder, "lan.conf"), "-f", join(folder, "sim.emu"), "-s", join(folder, "state")];
  return startIn(world, at, ["ipmi_sim", ...files, "-n"], { name: `bmc-${of}` });
}

type Listening = Pick<Bmc, "address" | "port" | "user" | "password" | "folder">;

/** See ipmi_lan(5). */
function lanConf(host: Host, { address, port, user, password, folder }: Listening): string {
  return `name "${host.name}"
set_working_mc 0x20
  startlan 1
    addr ${address} ${port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa1234567${host.number.toString(16).padStart(8, "0")}
  endlan
  chassis_control "${join(folder, "chassis")}"
  user 1 true  ""      "test" user  10 none md2 md5 straight
  user 2 true  "${user}" "${password}" admin 10 none md2 md5 straight
`;
}

/** See ipmi_sim_cmd(5). */
const EMULATION = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 50 0x0a
mc_enable 0x20
`;

/**
 * What ipmi_sim calls as `chassis get power boot ...` and `chassis set power 0 ...`. A host without power has
 * lost its processes, its links, its guards, what was in /run and every address that it did not have when the lab
 * made it; with power its kernel boots anew.
 */
function chassisProgram(host: Host, folder: string, events: string | null): string {
  const inside = `ip netns exec ${host.namespace}`;
  const own = (link: number): readonly string[] => [
    `ip -n ${host.namespace} link set eth${link} up`,
    `ip -n ${host.namespace} addr replace 10.${77 + link}.0.${host.number}/24 broadcast + dev eth${link}`,
    `ip -n ${host.namespace} addr replace fd${77 + link}::${host.number.toString(16)}/64 dev eth${link} nodad`,
  ];
  const lost = (link: number): readonly string[] => [
    `ip -n ${host.namespace} link set eth${link} down`,
    `ip -n ${host.namespace} addr flush dev eth${link}`,
  ];
  const block = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join("\n");
  const links = host.ports.map((_, link) => link);
  const note = (what: string): string =>
    events === null ? ":" : `echo "${what} ${host.name}" >> '${events}'`;
  return `#!/bin/sh
cd '${folder}' || exit 1
off() {
  # Again and again: one of them may just be starting another. Not this one, where the board is in the host.
  for round in 1 2 3 4 5 6 7 8 9 10; do
    left=$(ip netns pids ${host.namespace} | grep -vx $$)
    [ -n "$left" ] || break
    kill -9 $left 2>/dev/null
  done
${block(links.flatMap(lost))}
  ${inside} nft flush ruleset
  echo 0 > power
  rm -rf '${join(host.folder, "run")}'
  ${note("off")}
}
on() {
  [ "$(cat power)" = 0 ] || return
${block(links.flatMap(own))}
  cat /proc/sys/kernel/random/uuid > '${join(host.folder, BOOT_ID)}'
  ${note("on")}
  echo 1 > power
}
set_power() {
  [ "$(cat manner 2>/dev/null)" != deaf ] || return
  if [ "$1" = 1 ]; then echo "power on" >> deeds; on; else echo "power off" >> deeds; off; fi
}
what=$1
shift
case $what in
  get)
    for each in "$@"; do
      case $each in
        power) echo "power:$(cat power)" ;;
        boot) echo "boot:default" ;;
        *) exit 1 ;;
      esac
    done ;;
  set)
    while [ $# -gt 1 ]; do
      case $1 in
        power) set_power "$2" ;;
        shutdown) set_power 0 ;;
        reset) echo reset >> deeds; off; on ;;
        boot | identify) ;;
        *) exit 1 ;;
      esac
      shift 2
    done ;;
  outlet)
    case $1 in
      off) off ;;
      on) on ;;
      status) [ "$(cat power)" = 1 ] || exit 2 ;;
    esac ;;
  check) ;;
  *) exit 1 ;;
esac 2>> chassis.err
`;
}
