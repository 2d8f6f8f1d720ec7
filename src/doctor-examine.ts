// What the doctor does: gathers facts about this host with the real drivers, and has them judged (doctor/).

import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeClient } from "#api/client.ts";
import { SOCKET_NAME, type StatusDocument } from "#api/protocol.ts";
import { DEFAULT_STATE_DIR } from "#cli/command.ts";
import { readConfiguration } from "#cli/configuration.ts";
import type { DoctorOptions } from "#cli/doctor.ts";
import { EXIT, type ExitCode } from "#cli/exit.ts";
import { type Io, TIMES } from "#cli/io.ts";
import { judgeClock } from "#doctor/clock.ts";
import { judgeFences } from "#doctor/fencing.ts";
import { asUser, type Finding, findingsOf } from "#doctor/finding.ts";
import { readIptables, readNftables } from "#doctor/firewall.ts";
import { judgeOthers, judgeUnit } from "#doctor/host.ts";
import { judgeKernel, judgeRights } from "#doctor/kernel.ts";
import { judgeNetwork } from "#doctor/network.ts";
import { judgeState } from "#doctor/state.ts";
import { judgeTraffic } from "#doctor/traffic.ts";
import { judgeWatchdog } from "#doctor/watchdog.ts";
import { readClusterKey } from "#drivers/datagrams/key.ts";
import { readClocks } from "#drivers/host/clocks.ts";
import { tryDirectory } from "#drivers/host/directory.ts";
import { findOthers, readUnit } from "#drivers/host/others.ts";
import { listProcesses } from "#drivers/host/processes.ts";
import { readRights } from "#drivers/host/rights.ts";
import { readRulesets } from "#drivers/host/rulesets.ts";
import { readWatchdog } from "#drivers/host/watchdog-device.ts";
import { nearest } from "#lib/nearest.ts";
import type { Config, MemberConfig } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { KernelFacts, TrafficFacts, Tried } from "#ports/host.ts";
import { askFences } from "./doctor-fences.ts";
import { ownAddresses, readNetwork } from "./doctor-network.ts";
import { Prober, probeTraffic } from "./doctor-probe.ts";
import { report } from "./doctor-report.ts";
import { watchTraffic } from "./doctor-watch.ts";
import { threadFile } from "./prepare-daemon.ts";

/** Milliseconds over which the clock's rate is measured: an accuracy of some millionths. */
const MEASURE_FOR = 2_000;
/** Milliseconds for all that is tried of the kernel. */
const TRIAL_PATIENCE = 15_000;

const configuration = findingsOf("configuration");
const traffic = findingsOf("traffic");

/** Prints what it found; the exit code as documented. */
export async function examine(options: DoctorOptions, io: Io): Promise<ExitCode> {
  const read = readConfiguration(options.configFile);
  const config = read.kind === "ok" ? read.config : null;
  const status = await askDaemon(options.runDir);
  const found = config === null ? null : whoAmI(config, options.node, status);
  if (typeof found === "string" && options.node !== null) {
    io.err(`understudy: ${found}`);
    return EXIT.usage;
  }
  const self = found === null || typeof found === "string" ? null : found;
  if (options.listen) return listen(config, self, status, io);
  const cause = read.kind === "failed" ? read.text : typeof found === "string" ? found : null;
  const findings = [
    ...judgeConfiguration(options.configFile, read, found),
    ...(config === null || status === null ? [] : [judgeRunning(config, status)]),
    ...(await examineHost(config, self, status)),
    ...(await examineMember(options, config, self, { status, cause })),
  ];
  const isRoot = process.getuid?.() === 0;
  return report(
    isRoot ? findings : asUser(findings),
    { node: self?.id ?? null, daemon: status !== null, json: options.json },
    io,
  );
}

async function askDaemon(runDir: string): Promise<StatusDocument | null> {
  const answer = await makeClient(join(runDir, SOCKET_NAME), TIMES).status();
  return answer.kind === "ok" ? answer.value : null;
}

/** By --node, by the daemon that runs here, or by the addresses of this host; a sentence when that is not clear. */
function whoAmI(config: Config, node: string | null, status: StatusDocument | null): MemberConfig | string {
  const names = config.members.map(({ id }) => id as string);
  const name = node ?? status?.node ?? null;
  if (name !== null) {
    const near = nearest(name, names);
    const hint = near === null ? `known: ${names.join(", ")}` : `did you mean ${near}?`;
    return (
      config.members.find(({ id }) => id === name) ?? `the configuration has no member "${name}"; ${hint}`
    );
  }
  const own = ownAddresses();
  const fitting = config.members.filter(({ links }) => links.some((link) => own.includes(link)));
  const [member, ...others] = fitting;
  if (member !== undefined && others.length === 0) return member;
  return member === undefined
    ? "no member of the configuration has an address of this host: say --node NAME"
    : `this host has the addresses of ${fitting.map(({ id }) => id).join(" and ")}: say --node NAME`;
}

function judgeConfiguration(
  file: string,
  read: ReturnType<typeof readConfiguration>,
  self: MemberConfig | string | null,
): readonly Finding[] {
  if (read.kind === "failed") {
    const [first = ""] = read.text.split("\n");
    const text = read.found.length > 0 ? `${file} is invalid: ${first}` : first;
    return [configuration.problem("file", text, `understudy check ${file} shows everything`)];
  }
  const { keyFile, cluster, hash } = read.config;
  const count = read.found.length;
  const valid =
    count === 0
      ? configuration.ok("file", `${file} is valid: cluster ${cluster}, hash ${hash}`)
      : configuration.warning("file", `${file} is valid, with ${count} warnings`, `understudy check ${file}`);
  const key = readClusterKey(keyFile);
  const keyed =
    key.kind === "key"
      ? configuration.ok(
          "key",
          `${keyFile} is a key that only its owner can read; is it the same on every member? Traffic shows`,
        )
      : configuration.problem("key", key.problem, "copy the key of the other members, mode 0600");
  const member =
    typeof self === "string"
      ? configuration.warning("member", self, "run it as understudy doctor --node NAME")
      : configuration.ok("member", `this host is the ${self?.kind ?? "member"} ${self?.id ?? ""}`);
  return [valid, keyed, member];
}

function judgeRunning(config: Config, status: StatusDocument): Finding {
  if (status.config.hash === config.hash)
    return configuration.ok("running", "the daemon runs this configuration");
  const text = `the daemon runs another configuration, of ${status.config.file}`;
  return configuration.warning("running", text, "understudy reload, or say --config");
}

/** What every host has, whatever it is configured for. */
async function examineHost(
  config: Config | null,
  self: MemberConfig | null,
  status: StatusDocument | null,
): Promise<readonly Finding[]> {
  const processes = listProcesses();
  const [kernel, clocks] = await Promise.all([tryKernel(), readClocks(processes, MEASURE_FOR)]);
  const addresses = (config?.services ?? [])
    .flatMap(({ resources }) => resources)
    .flatMap((resource) => (resource.kind === "address" ? [resource.address.ip] : []));
  const isNode = self?.kind !== "witness";
  // A witness holds no addresses: nothing of the kernel's part concerns it.
  const features = isNode ? judgeKernel(kernel) : judgeKernel(kernel).filter(({ code }) => code === "koffi");
  return [
    ...features,
    ...judgeRights(readRights(), kernel.realtime, { isNode }),
    ...judgeClock(clocks, config?.timing.drift ?? null),
    ...judgeOthers(findOthers(processes, addresses)),
    judgeUnit(readUnit()),
    ...(config === null || !isNode
      ? []
      : judgeWatchdog(readWatchdog(config.watchdog.device), config.watchdog, status?.pid ?? null)),
  ];
}

/** In a process of its own, in a network namespace of its own where that is allowed. */
async function tryKernel(): Promise<KernelFacts> {
  const trial = [process.execPath, fileURLToPath(threadFile("kernel-trial"))];
  const isolated =
    process.getuid?.() === 0 ? await print(["unshare", "--net", ...trial, "--isolated"]) : null;
  const text = isolated ?? (await print(trial));
  try {
    return JSON.parse(text ?? "") as KernelFacts;
  } catch {
    const tried: Tried = { kind: "untried", why: "the process that tries it out ended without an answer" };
    return {
      koffi: tried,
      guard: tried,
      timedSets: tried,
      lifetimes: tried,
      packets: tried,
      monitor: tried,
      realtime: tried,
    };
  }
}

/** What it printed; null when it could not be started, failed or took too long. */
function print([program = "", ...args]: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: TRIAL_PATIENCE,
      killSignal: "SIGKILL",
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code === 0 ? text : null));
  });
}

interface Circumstances {
  readonly status: StatusDocument | null;
  /** Why this host's part in the configuration is not known. */
  readonly cause: string | null;
}

/** What depends on which member this host is. */
async function examineMember(
  options: DoctorOptions,
  config: Config | null,
  self: MemberConfig | null,
  { status, cause }: Circumstances,
): Promise<readonly Finding[]> {
  if (config === null || self === null) {
    const [why = ""] = (cause ?? "").split("\n");
    return (["state", "network", "traffic", "fencing"] as const).map((area) =>
      findingsOf(area).untested("all", why),
    );
  }
  const stateDir = options.stateDir ?? join(DEFAULT_STATE_DIR, self.id);
  const [network, passes, fences] = await Promise.all([
    readNetwork(config, self.id),
    examineTraffic(config, self.id, status),
    self.kind === "node" ? askFences(config, self.id) : null,
  ]);
  return [
    ...judgeState(tryDirectory(stateDir)),
    ...judgeNetwork(network, self),
    ...passes,
    // A witness fences nobody.
    ...(fences === null ? [] : judgeFences(fences)),
  ];
}

async function examineTraffic(
  config: Config,
  self: NodeId,
  status: StatusDocument | null,
): Promise<readonly Finding[]> {
  const key = readClusterKey(config.keyFile);
  if (key.kind === "problem")
    return [traffic.untested("passes", "the way to the other members: there is no key")];
  const tried = { config, self, key: key.key };
  const [facts, rulesets] = await Promise.all([
    status === null ? probeTraffic(tried) : watchTraffic({ ...tried, status }),
    readRulesets(),
  ]);
  if (typeof facts === "string")
    return [traffic.untested("passes", `the way to the other members: ${facts}`)];
  const ports = [config.port, config.port + 1];
  const rules = [
    ...(rulesets.nft === null ? [] : readNftables(rulesets.nft, ports)),
    ...rulesets.iptables.flatMap((text) => readIptables(text, ports)),
  ];
  return judgeTraffic(facts satisfies TrafficFacts, { self, port: config.port, rules });
}

/** `--listen`: answers the probes of other doctors until a signal comes. */
async function listen(
  config: Config | null,
  self: MemberConfig | null,
  status: StatusDocument | null,
  io: Io,
): Promise<ExitCode> {
  const refuse = (text: string): ExitCode => {
    io.err(`understudy: ${text}`);
    return EXIT.failed;
  };
  if (config === null || self === null)
    return refuse("it is not known which member this host is: say --config and --node");
  if (status !== null)
    return refuse("the daemon runs here and has the ports: run understudy doctor without --listen");
  const key = readClusterKey(config.keyFile);
  if (key.kind === "problem") return refuse(key.problem);
  const prober = new Prober({ config, self: self.id, key: key.key }, (text) => io.out(`${self.id} ${text}`));
  io.out(
    `${self.id} listens; run understudy doctor on another member, and interrupt this one when it is done`,
  );
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
  });
  prober.stop();
  return prober.problem === null ? EXIT.ok : refuse(prober.problem);
}
