// Makes the daemons' datagrams late, doubled, shuffled or lost. The kernel's own means for it (netem) is not in every
// kernel, so the switch drops these datagrams and a program carries them instead (relay.ts).
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { heal } from "../faults.ts";
import { until } from "../shell.ts";
import { hostOf, mustIn, type World } from "../world.ts";

/** UDP ports of the daemons: pulses, and messages. */
export const DAEMON_PORTS = [5407, 5408] as const;

export type Weather = {
  /** Whose cables are bad: hosts, and of each these links. */
  readonly hosts: readonly string[];
  readonly links: readonly (0 | 1)[];
  /** Probabilities for each datagram on such a cable. */
  readonly loss?: number;
  readonly duplicate?: number;
  readonly delayMs?: number;
  /** Added at random, up to this: what differs by more than the pace arrives in another order. */
  readonly jitterMs?: number;
  readonly seed: number;
};

const READY_WITHIN_MS = 5_000;

/**
 * The daemons' datagrams go through the relay from now until the answered function is called; it answers what the
 * relay did, in a few words.
 */
export async function beginWeather(world: World, weather: Weather): Promise<() => Promise<string>> {
  const members = ["chip", "dale", "witness"].filter((name) => world.hosts.has(name));
  const cables = members.flatMap((name) =>
    hostOf(world, name).ports.map((port, link) => ({ name, port, link, mac: macOf(world, name, link) })),
  );
  const worse = cables.filter(
    ({ name, link }) => weather.hosts.includes(name) && weather.links.includes(link === 0 ? 0 : 1),
  );
  const relay = spawn(
    "ip",
    [
      ...["netns", "exec", world.switchNamespace],
      ...[process.execPath, fileURLToPath(new URL("relay.ts", import.meta.url))],
      ...["--ports", JSON.stringify(cables.map(({ port, mac }) => [port, mac]))],
      ...["--worse", JSON.stringify(worse.map(({ port }) => port)), "--seed", String(weather.seed)],
      ...["--loss", String(weather.loss ?? 0), "--duplicate", String(weather.duplicate ?? 0)],
      ...["--delay-ms", String(weather.delayMs ?? 0), "--jitter-ms", String(weather.jitterMs ?? 0)],
    ],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  let words = "";
  for (const stream of [relay.stdout, relay.stderr]) {
    stream.on("data", (text: Buffer) => {
      words += text.toString();
    });
  }
  const isReady = await until(() => words.includes("ready"), { withinMs: READY_WITHIN_MS, everyMs: 10 });
  if (isReady === null) {
    relay.kill("SIGKILL");
    throw new Error(`the relay does not start: ${words.trim()}`);
  }
  const ports = cables.map(({ port }) => `"${port}"`).join(", ");
  const drop = `add rule bridge lab loss_in iifname { ${ports} } udp dport { ${DAEMON_PORTS.join(", ")} } drop\n`;
  await mustIn(world, "switch", ["nft", "-f", "-"], { input: drop });
  return async () => {
    await heal(world);
    relay.stdin.end();
    await until(() => relay.exitCode !== null, { withinMs: 3_000, everyMs: 10 });
    relay.kill("SIGKILL");
    return words.trim().split("\n").at(-1) ?? "";
  };
}

function macOf(world: World, name: string, link: number): string {
  const { mac } = hostOf(world, name);
  return link === 0 ? mac : mac.replace(":77:", ":78:");
}
