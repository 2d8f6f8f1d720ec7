import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "#model/config.ts";
import { NO_WATCHDOG } from "#model/config.ts";
import { NO_FENCING } from "#model/fencing.ts";
import { nodeId } from "#model/ids.ts";
import { ms, ratio } from "#model/units.ts";
import { memberOf } from "../../test/helpers/keeper.ts";
import { identify, SLOW_FACTOR } from "./identity.ts";
import { CLAUSES } from "./lease/clauses.ts";

function configOf(voters: readonly string[]): Config {
  return {
    version: 1,
    cluster: "test",
    keyFile: "/etc/understudy/key",
    port: 5407,
    timing: {
      profile: "default",
      lease: ms(500),
      pulse: ms(50),
      drift: ratio(0.2),
      workerSilence: ms(2_000),
    },
    members: ["a", "b", "c", "w"].map((id) => memberOf(id)),
    voters: voters.map(nodeId),
    reach: [],
    fencing: NO_FENCING,
    watchdog: NO_WATCHDOG,
    services: [],
    hash: "config",
    votersHash: "voters",
  };
}

const who = (self: string, voters: readonly string[], isRealtime = true) =>
  identify({
    config: configOf(voters),
    self: nodeId(self),
    boot: 3,
    isRealtime,
    kernelBoot: "k",
    clauses: CLAUSES,
  });

test("a quorum is more than half of the voters", () => {
  const sizes = [
    ["a", "b", "w"],
    ["a", "b", "c", "w"],
    ["a", "b", "c", "d", "w"],
  ];
  assert.deepEqual(
    sizes.map((voters) => who("a", voters).quorum),
    [2, 3, 3],
  );
});

test("a member is a voter by the list, a witness by its kind", () => {
  const roles = ["a", "c", "w"].map((self) => who(self, ["a", "b", "w"]));
  assert.deepEqual(
    roles.map((r) => [r.isVoter, r.isWitness]),
    [
      [true, false],
      [false, false],
      [true, true],
    ],
  );
});

test("without real-time priority a node's own lease is the longer one that all members reckon with", () => {
  const [fast, slow] = [who("a", ["a", "b", "w"]), who("a", ["a", "b", "w"], false)];
  assert.deepEqual([fast.lease, slow.lease], [500, 500 * SLOW_FACTOR]);
  assert.deepEqual([fast.longestLease, slow.longestLease], [1_000, 1_000]);
});
