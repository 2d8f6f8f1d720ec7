// Guarded ports with real daemons: a server listens on both hosts all the time, on every address, and clients reach
// it at the hosts' own addresses: only where its service is active, never at both.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Cluster, command, killDaemon, startDaemon } from "../../lab/cluster.ts";
import { cutPair, flushRuleset, freeze, heal, thaw } from "../../lab/faults.ts";
import type { Entry } from "../../lab/probe-log.ts";
import { monotonicMs, sleep, until } from "../../lab/shell.ts";
import { type Watch, watchAddress } from "../../lab/watch.ts";
import { down, hostOf } from "../../lab/world.ts";
import {
  closeCluster,
  configText,
  journalled,
  journalOf,
  other,
  prepareCluster,
  SOON_MS,
  says,
  settled,
  skip,
  stopsInOrder,
  whole,
  withConfig,
} from "./cluster.ts";

/** What the responders of the lab listen on, over TCP and UDP. */
const PORT = 7777;
const EVERY_MS = 10;
const MODES = ["udp", "http"] as const;

const service = (guard: string) => `
  db:
    place: [chip, dale]
${guard}
    resources:
      - process: /bin/sleep 1000000
        stop_timeout: 1s
        exclusive: false
    checks:
      - http: http://localhost:${PORT}/
        every: 500ms
        timeout: 400ms
`;
const GUARDED = service(`    guard: [${PORT}, "udp/${PORT}"]`);

interface Answer {
  readonly host: string;
  readonly mode: (typeof MODES)[number];
  readonly sentMs: number;
  readonly arrivedMs: number;
}

describe("guarded ports", { skip, timeout: 118_000 }, () => {
  let cluster: Cluster;
  let watches: readonly Watch[];

  before(async () => {
    cluster = await prepareCluster({ services: GUARDED });
    try {
      watches = cluster.nodes.flatMap((node) =>
        MODES.map((mode) => {
          const { address } = hostOf(cluster.world, node);
          return watchAddress(cluster.world, { mode, address, everyMs: EVERY_MS, timeoutMs: 200 });
        }),
      );
      for (const node of cluster.nodes) await answers(node, monotonicMs());
      for (const name of [...cluster.nodes, cluster.witness]) startDaemon(cluster, name);
      await whole(cluster);
    } catch (error) {
      await down(cluster.world);
      throw error;
    }
  });

  after(async () => {
    await closeCluster(cluster);
  });

  /** All answers to requests that were sent since then. */
  function answersSince(sinceMs: number): readonly Answer[] {
    const isAnswer = (entry: Entry) =>
      entry.kind !== "ask" && entry.rttMs !== null && entry.sentMs >= sinceMs;
    return watches.flatMap((watch) =>
      watch.entries().flatMap((entry) => {
        if (!isAnswer(entry) || entry.kind === "ask") return [];
        const { host, sentMs, rttMs } = entry;
        return [{ host, mode: watch.mode as Answer["mode"], sentMs, arrivedMs: sentMs + (rttMs ?? 0) }];
      }),
    );
  }

  /** Waits until a host answers what was sent since then, over TCP and UDP. */
  async function answers(host: string, sinceMs: number): Promise<void> {
    const all = () => {
      const seen = answersSince(sinceMs).filter((answer) => answer.host === host);
      return MODES.every((mode) => seen.some((answer) => answer.mode === mode)) || null;
    };
    assert.ok(await until(all, { withinMs: SOON_MS }), `${host} answers over TCP and UDP`);
  }

  async function answersAlone(host: string, forMs = 600): Promise<void> {
    const sinceMs = monotonicMs();
    await sleep(forMs);
    await answers(host, sinceMs);
    const others = answersSince(sinceMs).filter((answer) => answer.host !== host);
    assert.deepEqual(others, [], `nobody but ${host} answers`);
  }

  /**
   * The other node takes over, and from its first answer on the old one answers nothing that is sent to it; nor
   * anything at all a second later, when what its sockets kept comes to light.
   */
  async function takesOver(act: (from: string, to: string) => Promise<void>): Promise<[string, string]> {
    await whole(cluster);
    const from = await settled(cluster, "db");
    const to = other(cluster, from);
    await answersAlone(from);
    const sinceMs = monotonicMs();
    await act(from, to);
    await answers(to, sinceMs);
    await sleep(1_500);
    neverTwo(sinceMs, from, to);
    return [from, to];
  }

  function neverTwo(sinceMs: number, from: string, to: string): void {
    const seen = answersSince(sinceMs);
    const firstMs = Math.min(...seen.filter(({ host }) => host === to).map(({ arrivedMs }) => arrivedMs));
    assert.ok(Number.isFinite(firstMs));
    const late = seen.filter(
      ({ host, sentMs, arrivedMs }) => host === from && (sentMs >= firstMs || arrivedMs >= firstMs + 1_000),
    );
    assert.deepEqual(late, [], `${from} answers nothing more once ${to} does`);
  }

  test("at the start only the active node answers; the checks on both go over the loopback device", async () => {
    await answersAlone(await settled(cluster, "db", ["chip"]), 1_000);
  });

  test("the daemon of the active is killed: its port closes though the server runs on", async () => {
    const [from, to] = await takesOver((active) => killDaemon(cluster, active));
    await answersAlone(to, 1_000);
    startDaemon(cluster, from);
    await whole(cluster);
    await answersAlone(to);
  });

  test("the daemon of the active is stopped with SIGSTOP for a while, the server is not", async () => {
    let pid = 0;
    const [, to] = await takesOver(async (active) => {
      pid = cluster.daemons.get(active)?.pid ?? 0;
      assert.ok(pid > 1);
      process.kill(-pid, "SIGSTOP");
    });
    process.kill(-pid, "SIGCONT");
    await whole(cluster);
    await answersAlone(to, 1_000);
  });

  test("the host of the active is frozen and thaws later", async () => {
    const [from, to] = await takesOver((active) => freeze(cluster.world, active));
    thaw(cluster.world, from);
    await whole(cluster);
    await sleep(500);
    await answersAlone(to, 1_000);
  });

  test("the active is cut from the others, not from its clients", async () => {
    const [, to] = await takesOver(async (from, peer) => {
      await cutPair(cluster.world, { from, to: peer });
      await cutPair(cluster.world, { from, to: cluster.witness });
    });
    await answersAlone(to, 1_000);
    await heal(cluster.world);
    await whole(cluster);
    await answersAlone(to);
  });

  test("a switchover closes before it opens", async () => {
    await takesOver(async (from, to) => {
      await says(cluster, from, ["switchover", "db", "--to", to, "--yes"], 0);
    });
  });

  test("somebody flushes the rules of both: closed where it is not active, open where it is", async () => {
    await whole(cluster);
    const active = await settled(cluster, "db");
    for (const node of cluster.nodes) {
      const before = journalOf(cluster, node).length;
      await flushRuleset(cluster.world, node);
      await journalled(cluster, node, ({ code }) => code === "guard-repaired", before);
    }
    await sleep(300);
    await answersAlone(active, 1_000);
  });

  test("an orderly stop moves the service; only then the ports of that node are open again", async () => {
    await whole(cluster);
    const from = await settled(cluster, "db");
    const to = other(cluster, from);
    const sinceMs = monotonicMs();
    await stopsInOrder(cluster, from);
    await answers(to, sinceMs);
    // The server is no resource of the service, so nobody stopped it.
    await answers(from, monotonicMs());
    startDaemon(cluster, from);
    await whole(cluster);
    await answersAlone(to);
  });

  test("a reload without one of the ports opens that one on both, and the other stays guarded", async () => {
    await whole(cluster);
    const changed = configText(cluster.world, { services: service(`    guard: ["udp/${PORT}"]`) });
    withConfig(cluster, "understudy.yaml", changed);
    for (const name of [...cluster.nodes, cluster.witness]) {
      const outcome = await command(cluster, name, ["reload"]);
      assert.equal(outcome.code, 0, outcome.stderr);
    }
    await whole(cluster);
    const active = await settled(cluster, "db");
    const sinceMs = monotonicMs();
    await sleep(1_000);
    const seen = answersSince(sinceMs);
    const hostsOver = (mode: Answer["mode"]) =>
      [...new Set(seen.filter((answer) => answer.mode === mode).map(({ host }) => host))].sort();
    assert.deepEqual(hostsOver("http"), ["chip", "dale"]);
    assert.deepEqual(hostsOver("udp"), [active]);
  });
});
