// The network of this host, for the doctor: devices, addresses, and who answers for floating addresses.

import { findDevice } from "#drivers/net/find-device.ts";
import { probe } from "#drivers/net/frames.ts";
import { ClaimListener, FrameSender } from "#drivers/net/packet-sockets.ts";
import { type Device, formatMac, Rtnetlink } from "#drivers/net/rtnetlink.ts";
import { type FloatingAddress, formatIp, ipBytes } from "#model/address.ts";
import type { Config } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { ClaimFacts, FloatingFacts, NetworkFacts } from "#ports/host.ts";
import { floatingAddresses } from "./floating-addresses.ts";

/** Each question is asked this often, ms apart: one that is lost must not make a stranger. */
const QUESTIONS = 3;
const PAUSE = 300;
const CLAIMS_LIMIT = 1_000;

interface Target {
  readonly ip: string;
  readonly device: Device;
}

/** All addresses of this host; empty when the kernel does not say. */
export function ownAddresses(): readonly string[] {
  const netlink = Rtnetlink.open();
  if (!(netlink instanceof Rtnetlink)) return [];
  const addresses = netlink.addresses();
  netlink.close();
  return typeof addresses === "number" ? [] : addresses.map(({ ip }) => ip);
}

/** Takes about a second when there are floating addresses to ask for. */
export async function readNetwork(config: Config, self: NodeId): Promise<NetworkFacts> {
  const floating = floatingAddresses(config, self);
  const network = readDevices(floating);
  if (typeof network === "string") {
    const none = (problem: string) => floating.map(({ ip }) => ({ ...NOTHING, ip, problem }));
    return { own: [], floating: none(network) };
  }
  const { devices, addresses, own } = network;
  const found = floating.map((address) => ({ address, at: findDevice(address, { devices, addresses }) }));
  const homes = found.flatMap(({ address, at }) =>
    at.kind === "found" ? [{ ip: address.ip, device: at.device }] : [],
  );
  const peers = peersNear(config, self, homes);
  const claims = await askFor([...homes, ...peers.map(({ target }) => target)], devices);
  return {
    own,
    floating: found.map(({ address, at }): FloatingFacts => {
      if (at.kind !== "found")
        return { ...NOTHING, ip: address.ip, problem: at.kind === "failed" ? at.detail : null };
      const { name, up, index } = at.device;
      const near = peers.filter(({ target }) => target.device.index === index);
      const macsOf = (ip: string) => claims.get(ip) ?? [];
      const owner = (mac: string) =>
        near.find(({ target }) => macsOf(target.ip).includes(mac))?.member ?? null;
      const heard = near.filter(({ target }) => macsOf(target.ip).length > 0).map(({ member }) => member);
      const others = config.members.filter(({ id }) => id !== self);
      return {
        ip: address.ip,
        device: { name, up },
        problem: null,
        claims: macsOf(address.ip).map((mac): ClaimFacts => ({ mac, member: owner(mac) })),
        knowsAll: others.every(({ id }) => heard.includes(id)),
      };
    }),
  };
}

const NOTHING = { device: null, problem: null, claims: [], knowsAll: false } as const;

function readDevices(floating: readonly FloatingAddress[]) {
  const netlink = Rtnetlink.open();
  if (!(netlink instanceof Rtnetlink)) return "the network devices cannot be read";
  const devices = netlink.devices();
  const all = netlink.addresses();
  netlink.close();
  if (typeof devices === "number" || typeof all === "number") return "the network devices cannot be read";
  const ips = new Set(floating.map(({ ip }) => ip));
  return { devices, addresses: all.filter(({ ip }) => !ips.has(ip)), own: all.map(({ ip }) => ip) };
}

/** The other members' links, on each device where a floating address belongs: their hardware addresses are asked for. */
function peersNear(config: Config, self: NodeId, homes: readonly Target[]) {
  const devices = [...new Map(homes.map(({ device }) => [device.index, device])).values()];
  return config.members
    .filter(({ id }) => id !== self)
    .flatMap(({ id, links }) =>
      links.flatMap((ip) => devices.map((device) => ({ member: id, target: { ip, device } }))),
    );
}

/** Hardware addresses of others that claim each address, by address. */
async function askFor(
  targets: readonly Target[],
  devices: readonly Device[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const claims = new Map<string, string[]>();
  const asked = targets.filter(({ device }) => device.ethernet && device.up);
  if (asked.length === 0) return claims;
  const listener = ClaimListener.open([...new Set(asked.map(({ ip }) => ip))]);
  const sender = FrameSender.open();
  if (!("poll" in listener) || !("send" in sender)) return claims;
  const own = new Set(devices.map(({ mac }) => formatMac(mac)));
  for (let question = 0; question < QUESTIONS; question++) {
    for (const { ip, device } of asked) {
      sender.send(probe(ipBytes(ip), [...device.mac]), device.index);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    listener.poll(({ ip, mac }) => {
      const text = formatIp(ip);
      const from = formatMac(mac);
      if (own.has(from)) return;
      claims.set(text, [...new Set([...(claims.get(text) ?? []), from])]);
    }, CLAIMS_LIMIT);
  }
  for (const each of [listener, sender]) each.close();
  return claims;
}
