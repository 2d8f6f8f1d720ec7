// The lab's client must tell the truth: who answers, what was lost, and above all when two hosts answer.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { cut, heal } from "../../lab/faults.ts";
import { monotonicMs, sleep, until } from "../../lab/shell.ts";
import { summarize, summarizeAsks } from "../../lab/summary.ts";
import { REQUEST_TIMEOUT_MS, startResponder, type Watch, watchAddress } from "../../lab/watch.ts";
import { createWorld, down, hostOf, mustIn, type World } from "../../lab/world.ts";

const skip = process.getuid?.() === 0 ? false : "needs root for network namespaces";
const FLOATING = "10.77.0.100";

describe("the lab's client", { skip, timeout: 60_000 }, () => {
  let world: World;
  let udp: Watch;
  let http: Watch;
  let arp: Watch;

  before(async () => {
    world = await createWorld();
    for (const host of ["chip", "dale"]) startResponder(world, host, [FLOATING]);
    await own("chip", "add");
    udp = watchAddress(world, { mode: "udp", address: FLOATING });
    http = watchAddress(world, { mode: "http", address: FLOATING });
    arp = watchAddress(world, { mode: "arp", address: FLOATING });
    for (const watch of [udp, http, arp]) {
      assert.ok(await until(() => isAnswered(watch), { withinMs: 10_000 }), `${watch.mode} is answered`);
    }
  });

  after(async () => {
    await down(world);
  });

  async function own(host: string, verb: "add" | "del"): Promise<void> {
    await mustIn(world, host, ["ip", "address", verb, `${FLOATING}/24`, "dev", "eth0"]);
  }

  function isAnswered(watch: Watch): boolean {
    const last = watch.entries().at(-1);
    return last?.kind === "ask" ? last.macs.length > 0 : last?.kind === "request" && last.rttMs !== null;
  }

  /** Does it, lets the client ask for a while, and answers the stretch once every request in it has its end. */
  async function during(
    act: () => Promise<void>,
  ): Promise<{ readonly fromMs: number; readonly toMs: number }> {
    const fromMs = monotonicMs();
    await act();
    await sleep(300);
    const toMs = monotonicMs();
    await sleep(REQUEST_TIMEOUT_MS + 200);
    return { fromMs, toMs };
  }

  test("a service that answers is seen to answer over UDP, HTTP and ARP", async () => {
    const stretch = await during(async () => {});
    for (const watch of [udp, http]) {
      const { asked, lost, after, interleaved } = summarize(watch.entries(), stretch);
      assert.ok(asked > 0, watch.mode);
      assert.deepEqual({ lost, after, interleaved }, { lost: 0, after: "chip", interleaved: 0 }, watch.mode);
    }
    const { asked, doubled, unanswered } = summarizeAsks(arp.entries(), stretch);
    assert.ok(asked > 0);
    assert.deepEqual({ doubled, unanswered }, { doubled: 0, unanswered: 0 });
  });

  test("a cut is seen as lost requests and unanswered questions, and its end as their end", async () => {
    const stretch = await during(() => cut(world, "chip"));
    for (const watch of [udp, http]) {
      assert.ok(summarize(watch.entries(), stretch).lost > 0, watch.mode);
    }
    assert.ok(summarizeAsks(arp.entries(), stretch).unanswered > 0);
    await heal(world);
    assert.ok(await until(() => isAnswered(udp), { withinMs: 5_000 }));
    const { lost, outageMs } = summarize(udp.entries(), await during(async () => {}));
    assert.deepEqual({ lost, outageMs }, { lost: 0, outageMs: 0 });
  });

  test("an address on two hosts is seen by ARP, though the client hears only one of them", async () => {
    const stretch = await during(() => own("dale", "add"));
    const { doubled } = summarizeAsks(arp.entries(), stretch);
    assert.ok(doubled > 0);
    const macs = arp.entries().findLast((entry) => entry.kind === "ask" && entry.macs.length > 1);
    const both = ["chip", "dale"].map((name) => hostOf(world, name).mac);
    assert.deepEqual(macs?.kind === "ask" ? macs.macs.toSorted() : [], both);
    assert.equal(summarize(udp.entries(), stretch).interleaved, 0);
  });

  test("the host that answers after a move is named", async () => {
    const stretch = await during(async () => {
      await own("chip", "del");
      await mustIn(world, "client", ["ip", "neighbour", "flush", "dev", "eth0"]);
    });
    const { before: former, after: present } = summarize(udp.entries(), stretch);
    assert.deepEqual({ former, present }, { former: "chip", present: "dale" });
  });

  test("a probe that is stopped ends with every request accounted for", async () => {
    const entries = await udp.stop();
    const numbers = entries.filter((entry) => entry.kind === "request").map(({ number }) => number);
    assert.equal(new Set(numbers).size, numbers.length);
    assert.equal(Math.max(...numbers), numbers.length - 1);
  });
});
