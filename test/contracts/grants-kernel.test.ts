// The kernel's guard keeps the contract of GrantPort, in a network namespace of this process's own.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import koffi from "koffi";
import { ChangeListener } from "#drivers/grants/change-listener.ts";
import { KernelGuard } from "#drivers/grants/kernel-guard.ts";
import { Batch, NFPROTO_INET } from "#drivers/grants/nftables.ts";
import { monotonicNow } from "#drivers/sys/clock.ts";
import { MessageWriter } from "#drivers/sys/message.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "#drivers/sys/netlink.ts";
import { parseAddress } from "#model/address.ts";
import { type Grant, isAddress } from "#model/grant.ts";
import { grantContract } from "./grant-port.ts";

const CLONE_NEWNET = 0x40000000;
const addresses = ["10.66.0.100/24", "fd66::100/64", "10.66.0.101/24"].map((text) => {
  const address = parseAddress(text);
  assert.ok(address !== null);
  return address;
});

const PORTS: readonly Grant[] = [
  { protocol: "tcp", port: 3306 },
  { protocol: "udp", port: 3306 },
  { protocol: "udp", port: 53 },
];

if (process.getuid?.() === 0) {
  // This thread alone moves; netlink calls and child processes come from it.
  assert.equal(koffi.load(null).func("int unshare(int flags)")(CLONE_NEWNET), 0);
  const tryGuard = (name: string, grants: readonly Grant[]) =>
    grantContract(name, () => ({
      port: new KernelGuard({ suffix: "_contract" }),
      grants,
      now: monotonicNow,
      wait: (duration) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, duration),
      isOpen: (grant) => {
        const { sets, text: entry } = listingOf(grant);
        const listed = sets.map((set) =>
          execFileSync("nft", ["-n", "list", "set", ...set.split(" ")], { encoding: "utf8" }),
        );
        const isListed = listed.map((text) => text.includes(`${entry} timeout`));
        assert.equal(new Set(isListed).size, 1, "both tables agree");
        return isListed[0] === true;
      },
      flush: () => execFileSync("nft", ["flush", "ruleset"]),
    }));
  tryGuard("kernel", addresses);
  tryGuard("kernel, ports", PORTS);
  tryGuard("kernel, both", [...addresses, ...PORTS]);

  test("the transactions of others are heard, our own are not", () => {
    const [own, stranger] = [socket(), socket()];
    const listener = ChangeListener.open(own);
    assert.ok(typeof listener !== "number");
    change(own);
    assert.equal(listener.hasHeard(), false);
    change(stranger);
    change(own);
    assert.equal(listener.hasHeard(), true);
    assert.equal(listener.hasHeard(), false);
    // More than the socket holds: what was lost was something.
    for (let count = 0; count < 300; count++) change(stranger);
    assert.equal(listener.hasHeard(), true);
    assert.equal(listener.hasHeard(), false);
    change(own);
    assert.equal(listener.hasHeard(), false);
    listener.close();
    for (const each of [own, stranger]) each.close();
  });
} else {
  test("the kernel's guard", { skip: "needs root for network namespaces" }, () => {});
}

/** Where nft lists an open one, and how. */
function listingOf(grant: Grant): { readonly sets: readonly string[]; readonly text: string } {
  const inet = (set: string) => `inet understudy_contract ${set}`;
  if (!isAddress(grant)) {
    const protocol = { tcp: 6, udp: 17 }[grant.protocol];
    return { sets: [inet("open_ports")], text: `${protocol} . ${grant.port}` };
  }
  return grant.family === 4
    ? { sets: [inet("open4"), "arp understudy_contract open"], text: grant.ip }
    : { sets: [inet("open6")], text: grant.ip };
}

function socket(): NetlinkSocket {
  const opened = NetlinkSocket.open(NETLINK_NETFILTER);
  assert.ok(typeof opened !== "number");
  return opened;
}

/** One transaction that leaves nothing behind. */
function change(by: NetlinkSocket): void {
  const table = { family: NFPROTO_INET, name: "for_a_moment" };
  const batch = new Batch(new MessageWriter(), () => by.nextSeq()).createTable(table).deleteTable(table);
  assert.equal(by.request(batch.finish()).errno, 0);
}
