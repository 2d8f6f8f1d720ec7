// The contract of GrantPort: what the kernel's guard and the simulated one must both do.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FloatingAddress } from "#model/address.ts";
import { FOREVER, type Instant, type Ms, ms, plus } from "#model/units.ts";
import type { GrantPort } from "#ports/grants.ts";
import type { Outcome } from "#ports/outcome.ts";

/** What a driver brings to be tried; nothing is installed. */
export interface GrantBench {
  readonly port: GrantPort;
  /** At least two. */
  readonly addresses: readonly FloatingAddress[];
  now(): Instant;
  /** Lets time pass, or makes it. */
  wait(duration: Ms): void;
  isOpen(address: FloatingAddress): boolean;
  /** Does to the guard what somebody else's `nft flush ruleset` does. */
  flush(): void;
}

const LONG = ms(5000);
const SHORT = ms(200);

export function grantContract(name: string, make: () => GrantBench): void {
  /** A bench with the guard in place; taken away afterwards. */
  const guarded = (title: string, run: (bench: GrantBench & { first: FloatingAddress }) => void) =>
    test(`${name}: ${title}`, () => {
      const bench = make();
      const [first] = bench.addresses;
      assert.ok(first !== undefined);
      assert.deepEqual(bench.port.install(bench.addresses), DONE);
      run({ ...bench, first });
      assert.deepEqual(bench.port.remove(), DONE);
    });
  const open = ({ addresses, isOpen }: GrantBench) => addresses.filter(isOpen);

  test(`${name}: before the guard stands nothing opens, and taking it away is fine`, () => {
    const { port, addresses, now } = make();
    assert.equal(codeOf(port.arm(addresses, plus(now(), LONG))), "not-guarded");
    assert.deepEqual(port.close(addresses), DONE);
    assert.deepEqual(port.remove(), DONE);
  });

  guarded("a new guard is closed, and so is one put up again", (bench) => {
    assert.deepEqual(open(bench), []);
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(open(bench), bench.addresses);
    assert.deepEqual(bench.port.install(bench.addresses), DONE);
    assert.deepEqual(open(bench), []);
    assert.deepEqual(bench.port.check(), { kind: "intact" });
  });

  guarded("an entry ends by itself, a renewed one later", (bench) => {
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), SHORT)), DONE);
    assert.deepEqual(bench.port.arm([bench.first], plus(bench.now(), LONG)), DONE);
    bench.wait(SHORT);
    assert.deepEqual(open(bench), [bench.first]);
  });

  guarded("arming to an earlier instant shortens", (bench) => {
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), SHORT)), DONE);
    bench.wait(SHORT);
    assert.deepEqual(open(bench), []);
  });

  guarded("an instant that never comes opens all the same", (bench) => {
    assert.deepEqual(bench.port.arm(bench.addresses, FOREVER), DONE);
    assert.deepEqual(open(bench), bench.addresses);
    assert.deepEqual(bench.port.close(bench.addresses), DONE);
    assert.deepEqual(open(bench), []);
  });

  guarded("an instant that has passed closes what was open", (bench) => {
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), LONG)), DONE);
    assert.equal(codeOf(bench.port.arm([bench.first], bench.now())), "late");
    assert.deepEqual(
      open(bench),
      bench.addresses.filter((address) => address !== bench.first),
    );
  });

  guarded("closing closes these and no others, as often as one likes", (bench) => {
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), LONG)), DONE);
    for (let times = 0; times < 2; times++) assert.deepEqual(bench.port.close([bench.first]), DONE);
    assert.deepEqual(
      open(bench),
      bench.addresses.filter((address) => address !== bench.first),
    );
    assert.deepEqual(bench.port.close(bench.addresses), DONE);
    assert.deepEqual(open(bench), []);
  });

  guarded("what was closed is not opened by renewing another", (bench) => {
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(bench.port.close([bench.first]), DONE);
    const others = bench.addresses.filter((address) => address !== bench.first);
    assert.deepEqual(bench.port.arm(others, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(open(bench), others);
  });

  guarded("a flushed guard opens nothing, and is put back closed", (bench) => {
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), LONG)), DONE);
    bench.flush();
    assert.equal(codeOf(bench.port.arm(bench.addresses, plus(bench.now(), LONG))), "gone");
    assert.deepEqual(bench.port.close(bench.addresses), DONE);
    assert.equal(bench.port.check().kind, "repaired");
    assert.deepEqual(open(bench), []);
    assert.deepEqual(bench.port.check(), { kind: "intact" });
    assert.deepEqual(bench.port.arm(bench.addresses, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(open(bench), bench.addresses);
  });

  guarded("a guard that was taken away may be taken away again, and opens nothing", (bench) => {
    assert.deepEqual(bench.port.remove(), DONE);
    assert.equal(codeOf(bench.port.arm(bench.addresses, plus(bench.now(), LONG))), "not-guarded");
  });
}

const DONE = { kind: "done" };

const codeOf = (outcome: Outcome): string => (outcome.kind === "failed" ? outcome.code : outcome.kind);
