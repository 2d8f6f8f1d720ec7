import assert from "node:assert/strict";
import { test } from "node:test";
import type { FloatingAddress } from "#model/address.ts";
import type { GuardedPort } from "#model/config.ts";
import { type Grant, grantKey } from "#model/grant.ts";
import { ms } from "#model/units.ts";
import { ADDRESS, acting, awake, type Bench, LEASE, PULSE, USABLE } from "../../../test/helpers/keeper.ts";
import { kernelLifetimeSeconds } from "./grants.ts";

const OTHER: FloatingAddress = { ...ADDRESS, ip: "10.77.0.101" };

function take(bench: Bench, grants: readonly Grant[] = [ADDRESS], id = 1): Bench {
  return bench.worker({ kind: "take", id, session: bench.state.acting.session, grants });
}

/** Acknowledged by b after every pulse. */
function goOn(bench: Bench, duration: number, each: (bench: Bench) => void = () => {}): void {
  for (const end = bench.now + duration; bench.now < end; ) {
    bench.at(bench.now + PULSE).wake();
    each(bench);
    bench.hears("b");
    each(bench);
  }
}

const held = (bench: Bench) => bench.state.grants.held.map((h) => grantKey(h.grant));

test("addresses are taken until the right to act ends, with a lifetime in the kernel beyond it", () => {
  const a = acting("a");
  const { until } = a.state.acting;
  take(a);
  const [taken] = a.did("take");
  assert.deepEqual(
    [taken?.id, taken?.until, taken?.lifetimeSeconds],
    [1, until, kernelLifetimeSeconds(ms(LEASE))],
  );
  assert.deepEqual(held(a), ["10.77.0.100"]);
});

test("a kernel lifetime is whole seconds and longer than the lease by two at least", () => {
  assert.deepEqual(
    [150, 500, 1_000, 5_000].map((lease) => kernelLifetimeSeconds(ms(lease))),
    [3, 3, 3, 7],
  );
});

test("a take under another session is refused, and so is one while the node may not act", () => {
  const a = acting("a");
  const { session } = a.state.acting;
  a.worker({
    kind: "take",
    id: 7,
    session: { ...session, lapses: session.lapses - 1 },
    grants: [ADDRESS],
  });
  assert.deepEqual(a.did("take"), []);
  assert.match(a.told("taken")[0]?.problem ?? "", /lapsed/);
  const b = awake("b");
  take(b);
  assert.match(b.told("taken")[0]?.problem ?? "", /may not act/);
  assert.deepEqual([held(a), held(b)], [[], []]);
});

test("a take that comes when the right has just ended finds the lapse first", () => {
  const a = acting("a");
  const { session, until } = a.state.acting;
  a.at(until).worker({ kind: "take", id: 1, session, grants: [ADDRESS] });
  assert.deepEqual(a.did("take"), []);
});

test("a lapse releases everything that was held", () => {
  const a = take(acting("a"));
  a.at(a.state.acting.until).wake();
  assert.deepEqual(
    a.did("release").map((e) => [e.id, e.grants]),
    [[null, [ADDRESS]]],
  );
  assert.deepEqual(held(a), []);
});

test("leaving releases everything that was held", () => {
  const a = take(acting("a")).worker({ kind: "leave" });
  assert.deepEqual(
    a.did("release").map((e) => e.grants),
    [[ADDRESS]],
  );
});

test("entries are renewed up to the right to act, never beyond, and never run out while it lasts", () => {
  const a = take(acting("a"));
  let armedUntil = a.did("take")[0]?.until ?? Number.NaN;
  goOn(a, 3_000, () => {
    for (const renewed of a.did("renew")) {
      assert.ok(renewed.until <= a.state.acting.until);
      assert.ok(renewed.until > armedUntil);
      armedUntil = renewed.until;
    }
    assert.ok(armedUntil - a.now > USABLE / 4, "what is left is more than a few pulses");
  });
});

test("an entry is not renewed for nothing", () => {
  const a = take(acting("a"));
  a.wake();
  assert.deepEqual(a.did("renew"), [], "it is young");
  a.at(a.now + USABLE / 2).wake();
  assert.deepEqual(a.did("renew"), [], "nothing was acknowledged since");
});

test("what was just acknowledged is waited for, until little is left", () => {
  const a = take(acting("a"));
  const { armedUntil } = a.state.grants;
  a.at(a.now + PULSE).wake();
  a.hears("b");
  assert.deepEqual(a.did("renew"), [], "one pulse more is not worth it");
  assert.equal(a.wokenAt() <= armedUntil - 0.45 * USABLE, true);
  a.at(armedUntil - 0.45 * USABLE).wake();
  assert.deepEqual(
    a.did("renew").map(({ until }) => until),
    [a.state.acting.until],
    "less than that is never left while there is more to have",
  );
});

test("of a short lease more than a share is left: a busy host holds the keeper up as long as ever", () => {
  const usable = 120;
  const a = take(acting("a", { lease: 150 }));
  const { armedUntil } = a.state.grants;
  a.at(a.now + PULSE / 2).wake();
  a.hears("b");
  a.at(armedUntil - 0.7 * usable).wake();
  assert.equal(a.did("renew").length, 1);
});

test("an address taken later does not make the earlier ones look armed for longer", () => {
  const a = take(acting("a"));
  const { armedUntil } = a.state.grants;
  a.at(a.now + 60).wake();
  take(a.hears("b"), [OTHER], 2);
  assert.equal(a.state.grants.armedUntil <= armedUntil || a.did("renew").length > 0, true);
  assert.deepEqual(held(a), ["10.77.0.100", "10.77.0.101"]);
});

test("the kernel's lifetime of an address is refreshed long before it ends", () => {
  const a = take(acting("a"));
  let refreshedAt: number = a.now;
  goOn(a, 5_000, () => {
    for (const { lifetimeSeconds } of a.did("refresh")) {
      assert.equal(lifetimeSeconds, 3);
      refreshedAt = a.now;
    }
    assert.ok(a.now - refreshedAt < 1_500);
  });
});

test("an address is announced at once, several times in the first seconds, and slowly ever after", () => {
  const a = take(acting("a"));
  const from = a.now;
  const times: number[] = a.did("announce").length > 0 ? [0] : [];
  goOn(a, 40_000, () => {
    if (a.did("announce").length > 0) times.push(a.now - from);
  });
  assert.equal(times[0], 0);
  assert.ok(times.filter((t) => t < 5_000).length >= 7, times.join(" "));
  assert.equal(times.filter((t) => t >= 5_000).length, 1, times.join(" "));
});

test("after the lease ran low the address is announced again, and not while it is low", () => {
  const a = take(acting("a"));
  goOn(a, 6_000);
  a.at(a.state.acting.until - 0.3 * USABLE).wake();
  assert.deepEqual(a.did("announce"), []);
  a.hears("b");
  assert.deepEqual(
    a.did("announce").map((e) => e.addresses),
    [[ADDRESS]],
  );
});

test("an announcement that is due waits while the lease is low", () => {
  const a = take(acting("a"));
  a.at(a.state.acting.until - 0.3 * USABLE).wake();
  assert.deepEqual(a.did("announce"), []);
  assert.equal(a.hears("b").did("announce").length, 1);
});

test("an announcement is good only until the right to act ends", () => {
  const a = acting("a");
  const { until } = a.state.acting;
  take(a);
  assert.equal(a.did("announce")[0]?.until, until);
});

test("a release names the addresses and answers the worker who asked; the others stay", () => {
  const a = take(acting("a"), [ADDRESS, OTHER]);
  a.worker({ kind: "release", id: 9, grants: [ADDRESS] });
  assert.deepEqual(
    a.did("release").map((e) => [e.id, e.grants]),
    [[9, [ADDRESS]]],
  );
  assert.deepEqual(held(a), ["10.77.0.101"]);
});

test("a release of what is not held closes it all the same", () => {
  const a = acting("a").worker({ kind: "release", id: 9, grants: [ADDRESS] });
  assert.equal(a.did("release").length, 1);
});

test("a take that failed leaves nothing behind", () => {
  const a = take(acting("a"));
  a.handle({ kind: "took", id: 1, grants: [ADDRESS], problem: "no such device" });
  assert.deepEqual(
    a.did("release").map((e) => e.id),
    [null],
  );
  assert.deepEqual(a.told("taken"), [{ kind: "taken", id: 1, problem: "no such device" }]);
  assert.deepEqual(held(a), []);
});

test("a take that went well is told", () => {
  const a = take(acting("a")).handle({ kind: "took", id: 1, grants: [ADDRESS], problem: null });
  assert.deepEqual(a.told("taken"), [{ kind: "taken", id: 1, problem: null }]);
});

test("an address that somebody removed is put back at once and announced", () => {
  const a = take(acting("a"));
  goOn(a, 6_000);
  a.handle({ kind: "addresses-disturbed", ips: [ADDRESS.ip, "10.77.0.9"], why: "removed" });
  assert.deepEqual(
    a.did("take").map((e) => [e.id, e.grants]),
    [[null, [ADDRESS]]],
  );
  assert.equal(a.did("announce").length, 1);
});

test("an address that cannot be put back is lost, and the worker hears of it", () => {
  const a = take(acting("a"));
  a.handle({ kind: "took", id: null, grants: [ADDRESS], problem: "the device is gone" });
  assert.deepEqual(
    a.told("grant-lost").map((m) => m.problem),
    ["the device is gone"],
  );
  assert.deepEqual(held(a), []);
});

test("a repaired guard is closed: it is armed again in the same turn, and announced", () => {
  const a = take(acting("a"));
  goOn(a, 6_000);
  a.handle({ kind: "guard-repaired", why: "flushed" });
  assert.deepEqual(
    a.did("renew").map((e) => e.until),
    [a.state.acting.until],
  );
  assert.equal(a.did("announce").length, 1);
});

test("a claim counts only while the address is held here, and is announced against", () => {
  const a = acting("a").handle({ kind: "claimed", ip: ADDRESS.ip, mac: "02:00:00:00:00:09" });
  assert.equal(a.state.claims.size, 0);
  take(a);
  goOn(a, 6_000);
  a.handle({ kind: "claimed", ip: ADDRESS.ip, mac: "02:00:00:00:00:09" });
  assert.equal(a.state.claims.get(ADDRESS.ip)?.mac, "02:00:00:00:00:09");
  assert.deepEqual(
    a.did("announce").map((e) => e.addresses),
    [[ADDRESS]],
  );
});

const GUARDED: GuardedPort = { protocol: "tcp", port: 3306 };

test("a port is taken, renewed and released together with addresses, and nobody is told where it is", () => {
  const a = take(acting("a"), [ADDRESS, GUARDED]);
  assert.deepEqual(
    a.did("take").map((e) => e.grants),
    [[ADDRESS, GUARDED]],
  );
  assert.deepEqual(a.did("announce")[0]?.addresses, [ADDRESS]);
  let renewals = 0;
  goOn(a, 6_000, () => {
    for (const { grants } of a.did("renew")) {
      assert.deepEqual(grants, [ADDRESS, GUARDED], "in one step");
      renewals++;
    }
    for (const { addresses } of [...a.did("refresh"), ...a.did("announce")])
      assert.deepEqual(addresses, [ADDRESS]);
  });
  assert.ok(renewals > 5);
  a.at(a.state.acting.until).wake();
  assert.deepEqual(
    a.did("release").map((e) => e.grants),
    [[ADDRESS, GUARDED]],
  );
});

test("a port alone is renewed, and there is nothing to refresh or to announce", () => {
  const a = take(acting("a"), [GUARDED]);
  assert.deepEqual(a.did("announce"), []);
  let renewals = 0;
  goOn(a, 6_000, () => {
    renewals += a.did("renew").length;
    assert.deepEqual([a.did("refresh"), a.did("announce")], [[], []]);
  });
  assert.ok(renewals > 5);
  a.handle({ kind: "guard-repaired", why: "flushed" });
  assert.deepEqual(
    a.did("renew").map((e) => e.grants),
    [[GUARDED]],
  );
  assert.deepEqual(a.did("announce"), []);
});

test("what somebody does to an address does not touch the port beside it", () => {
  const a = take(acting("a"), [ADDRESS, GUARDED]);
  goOn(a, 6_000);
  a.handle({ kind: "addresses-disturbed", ips: [ADDRESS.ip], why: "removed" });
  assert.deepEqual(
    a.did("take").map((e) => e.grants),
    [[ADDRESS]],
  );
  assert.deepEqual(held(a), ["10.77.0.100", "tcp/3306"]);
});
