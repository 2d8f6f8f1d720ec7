// Floating addresses on Linux: rtnetlink to add and remove them, packet sockets to announce them and to hear
// strangers who claim them, netlink notifications to notice what others do to them.

import { monotonicNow } from "#drivers/sys/clock.ts";
import { sysFailure } from "#drivers/sys/errno.ts";
import { SocketSet } from "#drivers/sys/libc.ts";
import type { Message } from "#drivers/sys/message.ts";
import { NetlinkSocket } from "#drivers/sys/netlink.ts";
import { addressKey, type FloatingAddress, formatIp, ipBytes } from "#model/address.ts";
import type { Instant } from "#model/units.ts";
import type { AddressEvent, AddressPort, Swept } from "#ports/addresses.ts";
import { DONE, failed, type Outcome } from "#ports/outcome.ts";
import { type Found, findDevice, keepSecondaries, type Network } from "./find-device.ts";
import { announcement, probe } from "./frames.ts";
import { ClaimListener, FrameSender } from "./packet-sockets.ts";
import {
  type Device,
  formatMac,
  openMonitor,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  Rtnetlink,
  readAddress,
  readDevice,
} from "./rtnetlink.ts";

/** Datagrams and frames read per poll and socket: more wait for the next one. */
const POLL_LIMIT = 128;

interface Sockets {
  readonly rtnetlink: Rtnetlink;
  /** For `refresh`: used by another thread while a call is under way. */
  readonly refresher: Rtnetlink;
  readonly monitor: NetlinkSocket;
  readonly sender: FrameSender;
}

export class KernelAddresses implements AddressPort {
  readonly #now: () => Instant;
  #sockets: Sockets | null = null;
  #listener: ClaimListener | null = null;
  /** Those that tell what others do: the monitor and the listener. */
  #tellingFds: readonly number[] = [];
  #telling = new SocketSet([]);
  /** Sockets that are closed when the refresh under way has returned; null: none is. */
  #refreshing: { closed: boolean } | null = null;
  /** Notifications were lost, and what they would have said is not yet known. */
  #mustResync = false;
  /** By address key: what `prepare` was told. */
  #known: ReadonlyMap<string, FloatingAddress> = new Map();
  /** By address key: where `add` put it, by index of the device. */
  readonly #added = new Map<string, number>();
  /** By address key: where it belongs. Forgotten when devices or addresses change. */
  readonly #found = new Map<string, Found>();
  /** By address key: index of the device where it was last found to belong. */
  readonly #home = new Map<string, number>();
  /** By address and index: notifications to come about our own removals. */
  readonly #expected = new Map<string, number>();
  /** By index, as of the last notification. */
  #devices: ReadonlyMap<number, Device> = new Map();

  constructor(options: { readonly now?: () => Instant } = {}) {
    this.#now = options.now ?? monotonicNow;
  }

  /** Descriptors that are readable when `poll` has something to say; another array after each change. */
  get tellingFds(): readonly number[] {
    return this.#tellingFds;
  }

  prepare(addresses: readonly FloatingAddress[]): Outcome {
    this.#known = new Map(addresses.map((address) => [addressKey(address), address]));
    this.#found.clear();
    const opened = this.#open();
    if (!("rtnetlink" in opened)) return opened;
    const listener = ClaimListener.open([...this.#known.keys()]);
    if (!(listener instanceof ClaimListener)) return listener;
    this.#listener?.close();
    this.#listener = listener;
    this.#tellingFds = [opened.monitor.fd, ...listener.fds];
    this.#telling = new SocketSet(this.#tellingFds);
    const devices = opened.rtnetlink.devices();
    if (typeof devices === "number") return sysFailure(devices, "reading the network devices");
    this.#devices = byIndex(devices);
    const failures = addresses
      .map((address) => this.#find(address))
      .filter((found) => found.kind !== "found");
    return failures[0] ?? DONE;
  }

  add(address: FloatingAddress, lifetimeSeconds: number): Outcome {
    const found = this.#find(address);
    if (found.kind !== "found") return found;
    const { device } = found;
    const rtnetlink = this.#sockets?.rtnetlink;
    if (rtnetlink === undefined) return notPrepared;
    const outcome = rtnetlink.add(address, { device, lifetimeSeconds, noPrefixRoute: found.hasSubnet });
    if (outcome.kind === "failed") {
      // The device may have been replaced by another of its name since.
      this.#found.delete(addressKey(address));
      return outcome;
    }
    this.#added.set(addressKey(address), device.index);
    return this.#devices.get(device.index)?.up === false
      ? failed("link-down", `${device.name} is down or has no carrier: ${address.ip} is not reachable`)
      : DONE;
  }

  refresh(addresses: readonly FloatingAddress[], lifetimeSeconds: number): void {
    const refresher = this.#sockets?.refresher;
    // One at a time: while the kernel keeps one waiting, the next would wait behind it.
    if (refresher === undefined || this.#refreshing !== null) return;
    const items = addresses.flatMap((address) => {
      const found = this.#find(address);
      if (found.kind !== "found" || !this.#added.has(addressKey(address))) return [];
      return [
        { address, options: { device: found.device, lifetimeSeconds, noPrefixRoute: found.hasSubnet } },
      ];
    });
    if (items.length === 0) return;
    const refreshing = { closed: false };
    this.#refreshing = refreshing;
    refresher.refresh(items, () => {
      this.#refreshing = null;
      if (refreshing.closed) refresher.close();
      // What was removed while the refresh was waiting has been added again by it.
      const back = addresses.filter((address) => !this.#added.has(addressKey(address)));
      if (back.length > 0 && !refreshing.closed) this.sweep(back);
    });
  }

  remove(address: FloatingAddress): Outcome {
    this.#added.delete(addressKey(address));
    const swept = this.sweep([address]);
    return swept.kind === "done" ? DONE : swept;
  }

  announce(addresses: readonly FloatingAddress[], until: Instant): Outcome {
    const outcomes = addresses.map((address) =>
      this.#now() < until
        ? this.#sendFrames(address, announcement)
        : failed("late", `${address.ip} is not announced: this node may no longer act`),
    );
    return outcomes.find((outcome) => outcome.kind === "failed") ?? DONE;
  }

  probe(address: FloatingAddress): Outcome {
    return this.#sendFrames(address, (ip, mac) => [probe(ip, mac)]);
  }

  poll(): readonly AddressEvent[] {
    const sockets = this.#sockets;
    if (sockets === null || (!this.#mustResync && !this.#telling.hasNews())) return [];
    const events: AddressEvent[] = [];
    const state = sockets.monitor.poll(
      (message) => events.push(...this.#foldNotification(message)),
      POLL_LIMIT,
    );
    if (state === "lost") this.#mustResync = true;
    if (this.#mustResync) events.push(...this.#resync(sockets.rtnetlink));
    events.push(...this.#claims());
    return events;
  }

  sweep(addresses: readonly FloatingAddress[]): Swept {
    const opened = this.#open();
    if (!("rtnetlink" in opened)) return opened as Swept;
    const there = opened.rtnetlink.addresses();
    if (typeof there === "number") return sysFailure(there, "reading the addresses");
    const ips = new Set(addresses.map(({ ip }) => ip));
    const found = there.filter(({ ip }) => ips.has(ip));
    for (const address of found) {
      const outcome = opened.rtnetlink.remove(address);
      if (typeof outcome !== "string") return outcome as Swept;
      this.#added.delete(address.ip);
      if (outcome === "removed") this.#expectNotice(address);
    }
    return { kind: "done", ips: [...new Set(found.map(({ ip }) => ip))] };
  }

  stop(): void {
    if (this.#sockets === null) return;
    const { rtnetlink, refresher, monitor, sender } = this.#sockets;
    for (const socket of [rtnetlink, monitor, sender, this.#listener]) socket?.close();
    if (this.#refreshing === null) refresher.close();
    else this.#refreshing.closed = true;
    this.#sockets = null;
    this.#listener = null;
    this.#tellingFds = [];
    this.#telling = new SocketSet([]);
    this.#found.clear();
    this.#expected.clear();
  }

  #open(): Sockets | Outcome {
    if (this.#sockets !== null) return this.#sockets;
    const monitor = openMonitor();
    if (!(monitor instanceof NetlinkSocket)) return monitor;
    const rtnetlink = Rtnetlink.open();
    const refresher = Rtnetlink.open();
    const sender = FrameSender.open();
    const isOpen = rtnetlink instanceof Rtnetlink && refresher instanceof Rtnetlink;
    if (isOpen && sender instanceof FrameSender) {
      this.#sockets = { monitor, rtnetlink, refresher, sender };
      return this.#sockets;
    }
    const opened = [monitor, rtnetlink, refresher, sender];
    for (const each of opened) if ("close" in each) each.close();
    return opened.find((each): each is Outcome => !("close" in each)) ?? DONE;
  }

  /** From memory while nothing changed. */
  #find(address: FloatingAddress): Found | Outcome {
    const key = addressKey(address);
    const before = this.#found.get(key);
    if (before !== undefined) return before;
    const network = this.#readNetwork();
    if ("kind" in network) return network;
    const found = this.#findOrStay(address, network);
    if (found.kind !== "found") return found;
    if (found.hasSubnet && address.family === 4) keepSecondaries(found.device.name);
    this.#found.set(key, found);
    this.#home.set(key, found.device.index);
    return found;
  }

  /**
   * An address that is on a device stays there, whatever the device is called by now. One that was found by its
   * subnet goes back to the same device although the subnet is gone: a link that went down and up comes back
   * without the host's own IPv6 addresses.
   */
  #findOrStay(address: FloatingAddress, network: Network): Found | Outcome {
    const key = addressKey(address);
    const on = (index: number | undefined) => {
      const device = network.devices.find((one) => one.index === index);
      return device && findDevice({ ...address, device: device.name }, network);
    };
    const found = on(this.#added.get(key)) ?? findDevice(address, network);
    if (found.kind === "found" || address.device !== null) return found;
    return on(this.#home.get(key)) ?? found;
  }

  #readNetwork(): Network | Outcome {
    const rtnetlink = this.#sockets?.rtnetlink;
    if (rtnetlink === undefined) return notPrepared;
    const devices = rtnetlink.devices();
    if (typeof devices === "number") return sysFailure(devices, "reading the network devices");
    const addresses = rtnetlink.addresses();
    if (typeof addresses === "number") return sysFailure(addresses, "reading the addresses");
    return { devices, addresses: addresses.filter(({ ip }) => !this.#known.has(ip)) };
  }

  #sendFrames(
    address: FloatingAddress,
    make: (ip: readonly number[], mac: readonly number[]) => Buffer[],
  ): Outcome {
    const found = this.#find(address);
    if (found.kind !== "found") return found;
    // Where nobody resolves addresses (a tunnel, say) there is nobody to tell.
    if (!found.device.ethernet || this.#sockets === null) return DONE;
    for (const frame of make(ipBytes(address.ip), [...found.device.mac])) {
      const sent = this.#sockets.sender.send(frame, found.device.index);
      if (sent < 0) return sysFailure(sent, `sending on ${found.device.name} for ${address.ip}`);
    }
    return DONE;
  }

  #foldNotification(message: Message): readonly AddressEvent[] {
    switch (message.type) {
      case RTM_NEWADDR:
      case RTM_DELADDR: {
        const address = readAddress(message);
        if (address === null) return [];
        if (!this.#known.has(address.ip)) this.#found.clear();
        if (message.type === RTM_NEWADDR || this.#isExpected(address)) return [];
        return this.#foldRemoved(address);
      }
      case RTM_NEWLINK:
      case RTM_DELLINK:
        return this.#foldLink(message);
      default:
        return [];
    }
  }

  /** Our own removal is no news, also when the address was added again before its notification is read. */
  #expectNotice({ ip, index }: { ip: string; index: number }): void {
    const key = `${ip} ${index}`;
    this.#expected.set(key, (this.#expected.get(key) ?? 0) + 1);
  }

  #isExpected({ ip, index }: { ip: string; index: number }): boolean {
    const key = `${ip} ${index}`;
    const count = this.#expected.get(key) ?? 0;
    if (count > 1) this.#expected.set(key, count - 1);
    else this.#expected.delete(key);
    return count > 0;
  }

  #foldRemoved({ ip, index }: { ip: string; index: number }): readonly AddressEvent[] {
    if (this.#added.get(ip) !== index) return [];
    this.#added.delete(ip);
    return [{ kind: "removed", ip, device: this.#devices.get(index)?.name ?? `device ${index}` }];
  }

  #foldLink(message: Message): readonly AddressEvent[] {
    // Bridges tell of their ports in messages of a family of their own; those repeat what the others say.
    if (message.body[0] !== 0) return [];
    const device = readDevice(message);
    return this.#foldDevice(device.index, message.type === RTM_NEWLINK ? device : null);
  }

  /** What became of a device; null: it is gone. */
  #foldDevice(index: number, device: Device | null): readonly AddressEvent[] {
    const before = this.#devices.get(index) ?? null;
    const concerned = this.#concernedBy(index, [before?.name, device?.name]);
    const devices = new Map(this.#devices);
    if (device === null) devices.delete(index);
    else devices.set(index, device);
    this.#devices = devices;
    const events = changesOf(before, device).map((change) => ({ ...change, ips: concerned }));
    if (before === null || events.length > 0 || device?.mac.equals(before.mac) !== true) this.#found.clear();
    const lost = device === null ? concerned.flatMap((ip) => this.#foldRemoved({ ip, index })) : [];
    return [...(concerned.length > 0 ? events : []), ...lost];
  }

  /** Addresses that are on the device, belong on it, or name it. */
  #concernedBy(index: number, names: readonly (string | undefined)[]): string[] {
    return [...this.#known.values()]
      .filter(
        ({ ip, device }) =>
          this.#added.get(ip) === index ||
          this.#home.get(ip) === index ||
          (device !== null && names.includes(device)),
      )
      .map(({ ip }) => ip);
  }

  /** The kernel dropped notifications: what they would have said is the difference between then and now. */
  #resync(rtnetlink: Rtnetlink): readonly AddressEvent[] {
    this.#found.clear();
    // What still waits is older than what is read now.
    this.#sockets?.monitor.drain();
    const devices = rtnetlink.devices();
    const addresses = rtnetlink.addresses();
    if (typeof devices === "number" || typeof addresses === "number") return [];
    this.#mustResync = false;
    this.#expected.clear();
    const now = byIndex(devices);
    const indexes = new Set([...this.#devices.keys(), ...now.keys()]);
    const changes = [...indexes].flatMap((index) => this.#foldDevice(index, now.get(index) ?? null));
    const isThere = (ip: string, index: number) =>
      addresses.some((address) => address.ip === ip && address.index === index);
    const gone = [...this.#added].filter(([ip, index]) => !isThere(ip, index));
    return [...changes, ...gone.flatMap(([ip, index]) => this.#foldRemoved({ ip, index }))];
  }

  #claims(): readonly AddressEvent[] {
    const own = new Set([...this.#devices.values()].map(({ mac }) => formatMac(mac)));
    const claims = new Map<string, AddressEvent>();
    this.#listener?.poll((claim) => {
      const ip = formatIp(claim.ip);
      const mac = formatMac(claim.mac);
      if (!this.#known.has(ip) || own.has(mac)) return;
      const device = this.#devices.get(this.#home.get(ip) ?? 0)?.name ?? "";
      claims.set(`${ip} ${mac}`, { kind: "claimed", ip, device, mac });
    }, POLL_LIMIT);
    return [...claims.values()];
  }
}

const notPrepared = failed("no-device", "no address was prepared");

const byIndex = (devices: readonly Device[]): ReadonlyMap<number, Device> =>
  new Map(devices.map((device) => [device.index, device]));

type LinkChange = Omit<Extract<AddressEvent, { kind: "link" }>, "ips">;

/** A device can be renamed and set down in one message. */
function changesOf(before: Device | null, now: Device | null): LinkChange[] {
  const change = (name: string, change: LinkChange["change"], from: string | null = null): LinkChange => ({
    kind: "link",
    device: name,
    change,
    from,
  });
  if (now === null) return before === null ? [] : [change(before.name, "gone")];
  const changes: LinkChange[] = [];
  if (before !== null && before.name !== now.name) changes.push(change(now.name, "renamed", before.name));
  if ((before?.up ?? false) !== now.up) changes.push(change(now.name, now.up ? "up" : "down"));
  return changes;
}
