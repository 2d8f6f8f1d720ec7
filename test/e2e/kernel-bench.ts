// What the hot calls cost, in microseconds: `node test/e2e/kernel-bench.ts [calls]`, as root. Not a test: nothing
// is judged. Runs in a network namespace of its own, on a pair of devices made there.

import assert from "node:assert/strict";
import { execSync } from "node:child_process";
import koffi from "koffi";
import { KernelGuard } from "#drivers/grants/kernel-guard.ts";
import { KernelAddresses } from "#drivers/net/kernel-addresses.ts";
import { kernelTick, monotonicNow } from "#drivers/sys/clock.ts";
import { type FloatingAddress, parseAddress } from "#model/address.ts";
import { ms, plus } from "#model/units.ts";

const CLONE_NEWNET = 0x40000000;
const calls = Number(process.argv[2] ?? 2000);

assert.equal(koffi.load(null).func("int unshare(int flags)")(CLONE_NEWNET), 0, "needs root");
execSync(
  "ip link add eth0 type veth peer name other; ip link set other up; ip link set eth0 up; ip link set lo up",
);
execSync("ip addr add 10.66.0.1/24 dev eth0; ip addr add fd66::1/64 dev eth0 nodad");

const v4 = many(1, (n) => `10.66.0.${100 + n}/24`);
const v6 = many(1, (n) => `fd66::${(0x100 + n).toString(16)}/64`);
const twenty = [
  ...many(10, (n) => `10.66.0.${100 + n}/24`),
  ...many(10, (n) => `fd66::${(0x100 + n).toString(16)}/64`),
];
const guard = new KernelGuard();
const addresses = new KernelAddresses();
const soon = () => plus(monotonicNow(), ms(400));

console.log(`kernel tick ${kernelTick()} ms, ${calls} calls each; microseconds`);
console.log(`${"".padEnd(34)}${["median", "p99", "worst"].map((word) => word.padStart(9)).join("")}`);
addresses.prepare(twenty);
for (const [name, some] of [
  ["1 IPv4", v4],
  ["1 IPv6", v6],
  ["20 of both", twenty],
] as const) {
  guard.install(some);
  measure(`arm, ${name}`, () => guard.arm(some, soon()));
  measure(
    `close, ${name}`,
    () => guard.close(some),
    calls,
    () => guard.arm(some, soon()),
  );
}
measure("check, nothing changed", () => guard.check());
measure("install, 20 of both", () => guard.install(twenty), calls / 10);
for (const [name, some] of [
  ["IPv4", v4],
  ["IPv6", v6],
] as const) {
  const [address] = some;
  assert.ok(address !== undefined);
  measure(
    `add, ${name}`,
    () => addresses.add(address, 60),
    calls,
    () => addresses.remove(address),
  );
  measure(`refresh, ${name}`, () => addresses.add(address, 60));
  measure(`announce, ${name}`, () => addresses.announce(some, soon()));
  measure(
    `remove, ${name}`,
    () => addresses.remove(address),
    calls,
    () => addresses.add(address, 60),
  );
}
measure("poll, nothing happened", () => addresses.poll());
guard.remove();
addresses.stop();

/** Times `run`; `before` each time something that is not timed. */
function measure(name: string, run: () => unknown, times = calls, before: () => unknown = () => {}): void {
  const took: number[] = [];
  for (let call = 0; call < times; call++) {
    before();
    const start = monotonicNow();
    run();
    took.push((monotonicNow() - start) * 1000);
    addresses.poll();
  }
  took.sort((a, b) => a - b);
  const columns = [0.5, 0.99, 1].map(
    (share) => took[Math.min(took.length - 1, Math.floor(share * took.length))] ?? 0,
  );
  console.log(`${name.padEnd(34)}${columns.map((column) => column.toFixed(1).padStart(9)).join("")}`);
}

function many(count: number, text: (n: number) => string): FloatingAddress[] {
  return Array.from({ length: count }, (_, n) => {
    const address = parseAddress(text(n));
    assert.ok(address !== null);
    return address;
  });
}
