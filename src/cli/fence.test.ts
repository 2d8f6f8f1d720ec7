import assert from "node:assert/strict";
import { test } from "node:test";
import type { FenceAgent, FenceAgents } from "./fence-agents.ts";
import type { Io } from "./io.ts";
import { runCommand } from "./run.ts";

const option = (name: string, more: object = {}) => ({
  name,
  required: false,
  type: "string",
  default: null,
  shortdesc: `The ${name}`,
  options: [],
  deprecated: false,
  ...more,
});

const IPMI: FenceAgent = {
  kind: "described",
  name: "fence_ipmilan",
  needed: ["ip"],
  metadata: {
    shortdesc: "Fence agent for IPMI",
    longdesc: "It talks to a BMC.\u001b[2J",
    actions: ["on", "off", "status"],
    parameters: [
      option("action", { required: true }),
      option("auth", { type: "select", options: ["md5", "none"] }),
      option("ip", { required: true }),
      option("ipaddr", { deprecated: true }),
      option("ipport", { type: "integer", default: "623" }),
    ],
  },
};
const KDUMP: FenceAgent = {
  ...IPMI,
  name: "fence_kdump",
  needed: [],
  metadata: { ...IPMI.metadata, shortdesc: "Fence agent for kdump", actions: ["off"] },
};
const ACK: FenceAgent = { kind: "silent", name: "fence_ack_manual", problem: "it prints nothing" };
const ALL = [ACK, IPMI, KDUMP];

const agentsOf = (all: readonly FenceAgent[]): FenceAgents => ({
  names: () => all.map(({ name }) => name),
  describe: (name, answer) => {
    const found = all.find((agent) => agent.name === name);
    assert.ok(found);
    queueMicrotask(() => answer(found));
  },
  describeAll: (answer) => queueMicrotask(() => answer(all)),
});

async function run(argv: readonly string[], all: readonly FenceAgent[] = ALL) {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    columns: () => null,
    canAsk: false,
    ask: async () => "",
    version: "0.1.0",
    fenceAgents: async () => agentsOf(all),
  };
  const ran = await runCommand(["fence", ...argv], io);
  return { code: ran.kind === "exit" ? ran.code : -1, out: out.join("\n"), err: err.join("\n") };
}

test("one row for each agent: its name, what it needs, what it is", async () => {
  const { code, out, err } = await run(["list"]);
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(out.split("\n"), [
    "AGENT             NEEDS  WHAT IT IS",
    "fence_ack_manual  ?      it prints nothing",
    "fence_ipmilan     ip     Fence agent for IPMI",
    "fence_kdump       -      Fence agent for kdump",
  ]);
});

test("one agent with its options, the needed ones first, without old names and the action", async () => {
  const { code, out } = await run(["list", "--agent", "fence_ipmilan"]);
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n"), [
    "fence_ipmilan: Fence agent for IPMI",
    "It talks to a BMC.?[2J",
    "",
    "OPTION          TYPE      DEFAULT  WHAT IT IS",
    "ip      needed  string             The ip",
    "auth            md5|none           The auth",
    "ipport          integer   623      The ipport",
  ]);
});

test("an agent that cannot prove anything says so", async () => {
  assert.match((await run(["list", "--agent", "fence_kdump"])).out, /can never prove anything/);
});

test("JSON has the same", async () => {
  const { agents } = JSON.parse((await run(["list", "--json"])).out);
  assert.deepEqual(agents[0], { kind: "silent", name: "fence_ack_manual", problem: "it prints nothing" });
  assert.deepEqual(agents[1], {
    kind: "described",
    name: "fence_ipmilan",
    shortdesc: "Fence agent for IPMI",
    needed: ["ip"],
    actions: ["on", "off", "status"],
  });
  const one = JSON.parse((await run(["list", "--json", "--agent", "fence_ipmilan"])).out);
  assert.deepEqual(
    one.options.map((each: { name: string }) => each.name),
    ["auth", "ip", "ipport"],
  );
  const silent = await run(["list", "--json", "--agent", "fence_ack_manual"]);
  assert.deepEqual([silent.code, JSON.parse(silent.out).kind], [2, "silent"]);
});

test("what is not there is said, with what was probably meant", async () => {
  const typo = await run(["list", "--agent", "fence_ipmlan"]);
  assert.deepEqual([typo.code, typo.out], [64, ""]);
  assert.match(typo.err, /no fence agent "fence_ipmlan" here\ndid you mean fence_ipmilan\?/);
  assert.match((await run(["list", "--agent", "x"])).err, /"understudy fence list" names them/);
  const none = await run(["list"], []);
  assert.deepEqual([none.code, none.out], [2, ""]);
  assert.match(none.err, /apt-get install fence-agents/);
});

test("fence without a word, or with another one, is a usage error", async () => {
  for (const [argv, expected] of [
    [[], /needs more words/],
    [["lits"], /did you mean "fence list"\?/],
    [["constructor"], /the node's name once more: say --confirm constructor/],
    [["list", "more"], /fence list takes no more words/],
  ] as const) {
    const { code, err } = await run(argv);
    assert.equal(code, 64);
    assert.match(err, expected);
  }
});
