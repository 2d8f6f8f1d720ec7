// The contract of GrantPort: what the kernel's guard and the simulated one must both do.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grant } from "#model/grant.ts";
import { FOREVER, type Instant, type Ms, ms, plus } from "#model/units.ts";
import type { GrantPort } from "#ports/grants.ts";
import type { Outcome } from "#ports/outcome.ts";

/** What a driver brings to be tried; nothing is installed. */
export interface GrantBench {
  readonly port: GrantPort;
  /** At least two. */
  readonly grants: readonly Grant[];
  now(): Instant;
  /** Lets time pass, or makes it. */
  wait(duration: Ms): void;
  isOpen(grant: Grant): boolean;
  /** Does to the guard what somebody else's `nft flush ruleset` does. */
  flush(): void;
}

const LONG = ms(5000);
const SHORT = ms(200);

export function grantContract(name: string, make: () => GrantBench): void {
  /** A bench with the guard in place; taken away afterwards. */
  const guarded = (title: string, run: (bench: GrantBench & { first: Grant }) => void) =>
    test(`${name}: ${title}`, () => {
      const bench = make();
      const [first] = bench.grants;
      assert.ok(first !== undefined);
      assert.deepEqual(bench.port.install(bench.grants), DONE);
      run({ ...bench, first });
      assert.deepEqual(bench.port.remove(), DONE);
    });
  const open = ({ grants, isOpen }: GrantBench) => grants.filter(isOpen);

  test(`${name}: before the guard stands nothing opens, and taking it away is fine`, () => {
    const { port, grants, now } = make();
    assert.equal(codeOf(port.arm(grants, plus(now(), LONG))), "not-guarded");
    assert.deepEqual(port.close(grants), DONE);
    assert.deepEqual(port.remove(), DONE);
  });

  guarded("all of them open in one step, and each alone", (bench) => {
    for (const grant of bench.grants) {
      assert.deepEqual(bench.port.arm([grant], plus(bench.now(), LONG)), DONE);
      assert.deepEqual(open(bench), [grant]);
      assert.deepEqual(bench.port.close([grant]), DONE);
    }
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(open(bench), bench.grants);
  });

  guarded("a new guard is closed, and so is one put up again", (bench) => {
    assert.deepEqual(open(bench), []);
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(open(bench), bench.grants);
    assert.deepEqual(bench.port.install(bench.grants), DONE);
    assert.deepEqual(open(bench), []);
    assert.deepEqual(bench.port.check(), { kind: "intact" });
  });

  guarded("an entry ends by itself, a renewed one later", (bench) => {
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), SHORT)), DONE);
    assert.deepEqual(bench.port.arm([bench.first], plus(bench.now(), LONG)), DONE);
    bench.wait(SHORT);
    assert.deepEqual(open(bench), [bench.first]);
  });

  guarded("arming to an earlier instant shortens", (bench) => {
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), SHORT)), DONE);
    bench.wait(SHORT);
    assert.deepEqual(open(bench), []);
  });

  guarded("an instant that never comes opens all the same", (bench) => {
    assert.deepEqual(bench.port.arm(bench.grants, FOREVER), DONE);
    assert.deepEqual(open(bench), bench.grants);
    assert.deepEqual(bench.port.close(bench.grants), DONE);
    assert.deepEqual(open(bench), []);
  });

  guarded("an instant that has passed closes what was open", (bench) => {
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), LONG)), DONE);
    assert.equal(codeOf(bench.port.arm([bench.first], bench.now())), "late");
    assert.deepEqual(
      open(bench),
      bench.grants.filter((grant) => grant !== bench.first),
    );
  });

  guarded("closing closes these and no others, as often as one likes", (bench) => {
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), LONG)), DONE);
    for (let times = 0; times < 2; times++) assert.deepEqual(bench.port.close([bench.first]), DONE);
    assert.deepEqual(
      open(bench),
      bench.grants.filter((grant) => grant !== bench.first),
    );
    assert.deepEqual(bench.port.close(bench.grants), DONE);
    assert.deepEqual(open(bench), []);
  });

  guarded("what was closed is not opened by renewing another", (bench) => {
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(bench.port.close([bench.first]), DONE);
    const others = bench.grants.filter((grant) => grant !== bench.first);
    assert.deepEqual(bench.port.arm(others, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(open(bench), others);
  });

  guarded("a flushed guard opens nothing, and is put back closed", (bench) => {
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), LONG)), DONE);
    bench.flush();
    assert.equal(codeOf(bench.port.arm(bench.grants, plus(bench.now(), LONG))), "gone");
    assert.deepEqual(bench.port.close(bench.grants), DONE);
    assert.equal(bench.port.check().kind, "repaired");
    assert.deepEqual(open(bench), []);
    assert.deepEqual(bench.port.check(), { kind: "intact" });
    assert.deepEqual(bench.port.arm(bench.grants, plus(bench.now(), LONG)), DONE);
    assert.deepEqual(open(bench), bench.grants);
  });

  guarded("a guard that was taken away may be taken away again, and opens nothing", (bench) => {
    assert.deepEqual(bench.port.remove(), DONE);
    assert.equal(codeOf(bench.port.arm(bench.grants, plus(bench.now(), LONG))), "not-guarded");
  });
}

const DONE = { kind: "done" };

const codeOf = (outcome: Outcome): string => (outcome.kind === "failed" ? outcome.code : outcome.kind);
