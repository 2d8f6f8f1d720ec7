// Which network device a floating address belongs on: the one named, or the one already in its subnet.

import { readFileSync, writeFileSync } from "node:fs";
import { type FloatingAddress, formatAddress, ipBytes, isSameSubnet } from "#model/address.ts";
import { failed, type Outcome } from "#ports/outcome.ts";
import type { Device, DeviceAddress } from "./rtnetlink.ts";

export interface Found {
  readonly kind: "found";
  readonly device: Device;
  /** The device has an address of its own in the same subnet, and thereby the route to it. */
  readonly hasSubnet: boolean;
}

export interface Network {
  readonly devices: readonly Device[];
  /** Without the floating addresses: what an earlier life left must not decide. */
  readonly addresses: readonly DeviceAddress[];
}

/** Of several devices in the subnet the one with the narrowest, then the lowest index. */
export function findDevice(address: FloatingAddress, network: Network): Found | Outcome {
  const bytes = ipBytes(address.ip);
  const inSubnet = network.addresses.filter((own) => isNear(bytes, address.prefix, own));
  const hasSubnet = (device: Device) => inSubnet.some((own) => own.index === device.index);
  if (address.device !== null) {
    const device = network.devices.find(({ name }) => name === address.device);
    if (device !== undefined) return { kind: "found", device, hasSubnet: hasSubnet(device) };
    return failed(
      "no-device",
      `${formatAddress(address)}: no network device ${address.device}; ${there(network)}`,
    );
  }
  const candidates = network.devices.filter((device) => !device.loopback && hasSubnet(device));
  const narrowest = (device: Device) =>
    Math.max(...inSubnet.filter((own) => own.index === device.index).map((own) => own.prefix));
  const [device] = candidates.sort((a, b) => narrowest(b) - narrowest(a) || a.index - b.index);
  if (device !== undefined) return { kind: "found", device, hasSubnet: true };
  return failed(
    "no-device",
    `${formatAddress(address)}: no network device has an address in this subnet; ${there(network)}`,
  );
}

/** The floating address lies in the other's subnet, or the other in its own: /32 beside a /24 counts too. */
function isNear(bytes: readonly number[], prefix: number, own: DeviceAddress): boolean {
  return isSameSubnet(bytes, own.bytes, own.prefix) || isSameSubnet(bytes, own.bytes, prefix);
}

function there(network: Network): string {
  const parts = network.devices.map(({ name, index }) => {
    const own = network.addresses.filter((address) => address.index === index);
    return [name, ...own.map(({ ip, prefix }) => `${ip}/${prefix}`)].join(" ");
  });
  return `there is: ${parts.join(", ") || "nothing"}`;
}

/**
 * Makes sure that no other IPv4 address of the device goes when a floating one does.
 *
 * Of the addresses of one subnet the first is primary, and by default the kernel removes the others with it.
 * The floating address becomes the primary one when the host's own is configured anew beside it; its end would
 * then cut the host off. systemd sets the same for every device. Without write access nothing is lost but this.
 */
export function keepSecondaries(device: string): void {
  const path = (name: string) => `/proc/sys/net/ipv4/conf/${name}/promote_secondaries`;
  try {
    if ([path("all"), path(device)].some((file) => readFileSync(file, "utf8").trim() === "1")) return;
    writeFileSync(path(device), "1");
  } catch {
    // A container may mount it read-only; the address works all the same.
  }
}
