// What can go wrong with a host: each fault is undone by `heal` (the network) or `thaw` (the processes).
import { pidsIn, signal, stateOf } from "./namespaces.ts";
import { until } from "./shell.ts";
import { hostOf, mustIn, runIn, type World } from "./world.ts";

/** Silent death as the network sees it: every frame from and to the host is dropped, its carrier stays up. */
export async function cut(world: World, host: string): Promise<void> {
  await fault(
    world,
    hostOf(world, host).ports.map((port) => `add element bridge lab cut { "${port}" }`),
  );
}

/** Cuts one link of a host: 0 is eth0, 1 is eth1. */
export async function cutLink(world: World, host: string, link: 0 | 1): Promise<void> {
  const port = hostOf(world, host).ports[link];
  if (port === undefined) throw new Error(`${host} has no link ${link}`);
  await fault(world, [`add element bridge lab cut { "${port}" }`]);
}

/** Two hosts lose each other while all others reach both; one way: only what `from` sends is dropped. */
export async function cutPair(
  world: World,
  { from, to, oneWay = false }: { readonly from: string; readonly to: string; readonly oneWay?: boolean },
): Promise<void> {
  const ways: readonly (readonly [string, string])[] = oneWay
    ? [[from, to]]
    : [
        [from, to],
        [to, from],
      ];
  const lines = ways.flatMap(([a, b]) =>
    hostOf(world, a).ports.map(
      (port, link) => `add element bridge lab pairs { "${port}" . "${portOf(world, b, link)}" }`,
    ),
  );
  await fault(world, lines);
}

/** Random loss in both directions on every link of a host; 0 to 100 percent, in steps of a tenth. */
export async function loss(world: World, host: string, percent: number): Promise<void> {
  if (!(percent >= 0 && percent <= 100)) throw new Error(`loss is 0 to 100 percent, not ${percent}`);
  const perMille = Math.round(percent * 10);
  // nftables refuses a comparison that is always true.
  const chance = perMille === 1000 ? "" : `numgen random mod 1000 < ${perMille} `;
  const lines = hostOf(world, host).ports.flatMap((port) => [
    `add rule bridge lab loss_in iifname "${port}" ${chance}drop`,
    `add rule bridge lab loss_out oifname "${port}" ${chance}drop`,
  ]);
  if (perMille > 0) await fault(world, lines);
}

/** Undoes every cut, pair and loss in one atomic step. Links taken down inside a host stay down. */
export async function heal(world: World): Promise<void> {
  await fault(world, [
    "flush set bridge lab cut",
    "flush set bridge lab pairs",
    "flush chain bridge lab loss_in",
    "flush chain bridge lab loss_out",
  ]);
}

/**
 * Stops every process of a host (SIGSTOP), as a paused machine would. The host's kernel goes on: it
 * answers ARP and runs its timers, which is what tells a safe address from an unsafe one.
 */
export async function freeze(world: World, host: string): Promise<void> {
  const { namespace } = hostOf(world, host);
  // A process may start another while the list is read, hence until all of them are found stopped.
  const frozen = await until(
    () => {
      const moving = pidsIn(namespace).filter((pid) => !["T", "t", "Z", "X", null].includes(stateOf(pid)));
      for (const pid of moving) signal(pid, "SIGSTOP");
      return moving.length === 0;
    },
    { withinMs: 2_000, everyMs: 2 },
  );
  if (frozen === null) throw new Error(`${host}: processes that do not stop`);
}

/** Lets every process of a host go on. */
export function thaw(world: World, host: string): void {
  for (const pid of pidsIn(hostOf(world, host).namespace)) signal(pid, "SIGCONT");
}

/** What a careless operator or a firewall's restart does: every nftables rule of the host is gone. */
export async function flushRuleset(world: World, host: string): Promise<void> {
  await mustIn(world, host, ["nft", "flush", "ruleset"]);
}

/** Takes an address away from under the daemon; not there is no error. */
export async function deleteAddress(
  world: World,
  host: string,
  address: string,
  link: 0 | 1 = 0,
): Promise<void> {
  await runIn(world, host, ["ip", "address", "delete", address, "dev", `eth${link}`]);
}

/** Takes a link down inside the host, or up again (the kernel forgets its routes and IPv6 addresses). */
export async function setLink(world: World, host: string, link: 0 | 1, state: "up" | "down"): Promise<void> {
  await mustIn(world, host, ["ip", "link", "set", `eth${link}`, state]);
}

async function fault(world: World, lines: readonly string[]): Promise<void> {
  await mustIn(world, "switch", ["nft", "-f", "-"], { input: `${lines.join("\n")}\n` });
}

function portOf(world: World, host: string, link: number): string {
  const port = hostOf(world, host).ports[link];
  if (port === undefined) throw new Error(`${host} has no link ${link}`);
  return port;
}
