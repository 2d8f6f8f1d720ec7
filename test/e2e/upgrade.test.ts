// Another version of the program, node by node: to the next one and back, without a move that nobody asked for; and
// one that is two versions ahead is left out and named.
//
// The later programs are this checkout, built to speak as a later version: with an extension in every pulse and a
// field in every message that the present one does not know.

import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { StatusDocument } from "#api/protocol.ts";
import { formatDocument, parseDocument } from "#drivers/store/document.ts";
import { OWN } from "#model/protocol.ts";
import { type Cluster, foldersOf, startDaemon } from "../../lab/cluster.ts";
import { must } from "../../lab/shell.ts";
import {
  Client,
  closeCluster,
  heldBy,
  journalled,
  journalOf,
  neverTwo,
  openCluster,
  other,
  type Seen,
  says,
  settled,
  shows,
  skip,
  statusThat,
  stopsInOrder,
  undisturbed,
  whole,
} from "./cluster.ts";

const WEB = "10.77.0.100";
const SERVICES = `
  web:
    place: [chip, dale]
    resources:
      - address: ${WEB}/24
`;
const ROOT = join(import.meta.dirname, "..", "..");
const BUILD_MS = 60_000;
const [PRESENT, NEXT, AFTER_NEXT] = [OWN.protocol, OWN.protocol + 1, OWN.protocol + 2];

describe("another version, node by node", { skip, timeout: 180_000 }, () => {
  const named = process.env.UNDERSTUDY;
  let folder: string;
  let cluster: Cluster;
  let client: Client;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "understudy-upgrade-"));
    for (const protocol of [PRESENT, NEXT, AFTER_NEXT]) await buildProgram(folder, protocol);
    use(PRESENT);
    cluster = await openCluster({ services: SERVICES, addresses: [WEB] });
    client = await Client.start(cluster, [WEB]);
  });

  after(async () => {
    await closeCluster(cluster);
    rmSync(folder, { recursive: true, force: true });
    if (named === undefined) delete process.env.UNDERSTUDY;
    else process.env.UNDERSTUDY = named;
  });

  /** What is started from here on. */
  const use = (protocol: number) => {
    process.env.UNDERSTUDY = join(folder, `${protocol}`, "bin", "understudy");
  };

  /** In good order out, and in as that program. `between`: while it is down. */
  async function exchange(name: string, protocol: number, between = () => {}): Promise<void> {
    await stopsInOrder(cluster, name);
    between();
    use(protocol);
    startDaemon(cluster, name);
  }

  const everybody = () => [...cluster.nodes, cluster.witness];

  /** Since that many entries: nobody thought another one dead, nobody lost its lease but by leaving. */
  function calmSince(counts: ReadonlyMap<string, number>): void {
    for (const name of everybody()) {
      const news = journalOf(cluster, name).slice(counts.get(name) ?? 0);
      const bad = news.filter(
        ({ area, what, code }) =>
          (area === "member" && (what.endsWith("silent") || what.endsWith("excluded"))) ||
          (area === "lease" && what.endsWith("lapsed") && code !== "left") ||
          code === "other-protocol",
      );
      assert.deepEqual(bad, [], name);
    }
  }

  const entries = () => new Map(everybody().map((name) => [name, journalOf(cluster, name).length]));

  /** Every pulse and message of the others could be read, once the keeper's figures are there. */
  async function allWasRead(): Promise<void> {
    for (const name of everybody()) {
      const isCounted = ({ counters }: StatusDocument) => "pulses_refused_malformed" in counters;
      const { counters } = await statusThat(cluster, name, isCounted, "its figures");
      const { pulses_refused_malformed, messages_refused_malformed, messages_malformed } = counters;
      const unread = [pulses_refused_malformed, messages_refused_malformed, messages_malformed];
      assert.deepEqual(unread, [0, 0, 0], name);
    }
  }

  test("a node two versions ahead is left out and named on both sides, once; back in its version it is used", async () => {
    const active = await settled(cluster, "web");
    const node = other(cluster, active);
    const saying = (who: string, theirs: number, own: number) =>
      `${who} speaks protocol ${theirs}, this one speaks ${own}: upgrade one version at a time`;
    const before = entries();
    const since = (name: string) =>
      journalOf(cluster, name)
        .slice(before.get(name))
        .filter(({ code }) => code === "other-protocol");
    const seen = await client.during(async () => {
      await exchange(node, AFTER_NEXT);
      for (const name of [active, cluster.witness]) {
        const expected = saying(node, AFTER_NEXT, PRESENT);
        const { members } = await statusThat(cluster, name, ({ warnings }) => warnings.includes(expected));
        const heard = members.find((member) => member.name === node)?.heard;
        assert.ok(heard === "left" || heard === "silent", `${name} hears ${node} ${heard}`);
        await shows(cluster, name, ["status"], 1, /upgrade one version at a time/);
        assert.deepEqual(
          since(name).map(({ subject, why }) => [subject, why]),
          [[node, expected]],
        );
      }
      const { lease } = await statusThat(cluster, node, ({ warnings }) =>
        [active, cluster.witness].every((name) => warnings.includes(saying(name, PRESENT, AFTER_NEXT))),
      );
      assert.equal(lease?.may_act, false);
      await exchange(node, PRESENT);
      for (const name of [active, cluster.witness])
        await journalled(cluster, name, ({ code }) => code === "known-protocol", before.get(name));
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), active);
    for (const name of everybody()) {
      const document = await statusThat(cluster, name, () => true);
      assert.deepEqual(document.warnings, [], name);
    }
  });

  test("everybody comes to the next version, the active node last: nothing moves but by the switchover", async () => {
    const active = await settled(cluster, "web");
    const standby = other(cluster, active);
    const before = entries();
    for (const name of [cluster.witness, standby]) {
      const seen = await client.during(async () => {
        await exchange(name, NEXT);
        await whole(cluster);
      });
      undisturbed(seen.get(WEB), active);
    }
    // From the one version to the other; this and nothing else moves.
    const moved = await client.during(async () => {
      await says(cluster, active, ["switchover", "web", "--to", standby, "--yes"], 0);
      await settled(cluster, "web", [standby]);
    });
    movedOnce(moved, active, standby);
    const seen = await client.during(async () => {
      await exchange(active, NEXT);
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), standby);
    await heldBy(cluster, WEB, standby);
    calmSince(before);
    await allWasRead();
  });

  test("one node goes back, reads what the later version stored, and takes the service over again", async () => {
    const active = await settled(cluster, "web");
    const node = other(cluster, active);
    const before = entries();
    const seen = await client.during(async () => {
      await exchange(node, PRESENT, () => addToDocuments(cluster, node));
      await whole(cluster);
    });
    undisturbed(seen.get(WEB), active);
    const moved = await client.during(async () => {
      await says(cluster, node, ["switchover", "web", "--to", node, "--yes"], 0);
      await settled(cluster, "web", [node]);
    });
    movedOnce(moved, active, node);
    await heldBy(cluster, WEB, node);
    calmSince(before);
    await allWasRead();
  });
});

/** The operator's switchover, and no other. */
function movedOnce(seen: ReadonlyMap<string, Seen>, from: string, to: string): void {
  neverTwo(seen);
  const { before, after } = seen.get(WEB) ?? {};
  assert.deepEqual([before, after], [from, to]);
}

/** A program in a folder of its own, laid out as in the checkout; the launcher finds its parts beside itself. */
async function buildProgram(folder: string, protocol: number): Promise<void> {
  const home = join(folder, `${protocol}`);
  mkdirSync(join(home, "bin"), { recursive: true });
  copyFileSync(join(ROOT, "bin", "understudy"), join(home, "bin", "understudy"));
  symlinkSync(join(ROOT, "node_modules"), join(home, "node_modules"));
  const options = ["--protocol", `${protocol}`, "--out", join(home, "dist")];
  await must([process.execPath, join(ROOT, "scripts", "build.ts"), ...options], { timeoutMs: BUILD_MS });
}

/** Fields that a later version may have stored beside those of today. */
function addToDocuments(cluster: Cluster, name: string): void {
  const { stateDir } = foldersOf(cluster, name);
  let count = 0;
  for (const document of ["vote", "intents", "pair"]) {
    const file = join(stateDir, `${document}.doc`);
    if (!existsSync(file)) continue;
    const stored = parseDocument(readFileSync(file));
    assert.ok(stored.kind === "whole");
    const value = { ...(JSON.parse(stored.text) as object), later: { than: "today" } };
    writeFileSync(file, formatDocument(JSON.stringify(value)));
    count++;
  }
  assert.ok(count >= 2, "a vote and intents are stored");
}
