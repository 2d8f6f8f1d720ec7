import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "#model/ids.ts";
import type { FirewallRule, WayFacts } from "#ports/host.ts";
import { readIptables, readNftables } from "./firewall.ts";
import { judgeTraffic } from "./traffic.ts";
import { type Probed, type Watched, waysProbed, waysWatched } from "./wire.ts";

const dale = nodeId("dale");
const PORT = 5407;
const LINK = { own: "10.0.0.1", theirs: "10.0.0.2" };

/** `direction port: seen` of each way. */
const brief = (ways: readonly WayFacts[]): string[] =>
  ways.map(({ direction, port, seen }) => `${direction} ${port}: ${seen}`);

const WATCHED: Watched = {
  peer: dale,
  port: PORT,
  links: [{ ...LINK, arrived: 20, isUp: true }],
  pulses: 20,
  firstHeard: 100,
  lastHeard: 120,
  isHeardElsewhere: true,
  fragmentsIn: 2,
  acksIn: 2,
  fragmentsOut: 2,
  acksOut: 2,
};
const watched = (facts: Partial<Watched>) => brief(waysWatched({ ...WATCHED, ...facts }));

test("daemons that acknowledge each other have every way open", () => {
  assert.deepEqual(watched({}), [
    "in 5407: passes",
    "out 5407: passes",
    "in 5408: passes",
    "out 5408: passes",
  ]);
});

test("pulses that arrive at the device and not at the daemon are dropped here", () => {
  assert.equal(watched({ links: [{ ...LINK, arrived: 20, isUp: false }] })[0], "in 5407: dropped-here");
});

test("pulses that nobody here can read say nothing of firewalls", () => {
  const foreign = { links: [{ ...LINK, arrived: 20, isUp: false }], pulses: 0 };
  assert.deepEqual(watched(foreign).slice(0, 2), ["in 5407: unknown", "out 5407: unknown"]);
});

test("a peer that others hear and we do not is blocked; one that nobody hears may just not run", () => {
  const silent = { links: [{ ...LINK, arrived: 0, isUp: false }], pulses: 0, fragmentsIn: 0, acksIn: 0 };
  assert.deepEqual(watched(silent).slice(0, 2), ["in 5407: blocked", "out 5407: unknown"]);
  assert.equal(watched({ ...silent, isHeardElsewhere: false })[0], "in 5407: silent");
});

test("a peer whose acknowledgements stand still does not hear us", () => {
  assert.equal(watched({ firstHeard: 100, lastHeard: 100 })[1], "out 5407: blocked");
  assert.equal(watched({ firstHeard: null, lastHeard: null })[1], "out 5407: blocked");
});

test("messages that nobody acknowledges are blocked, silence is not known", () => {
  const quiet = { fragmentsIn: 0, acksIn: 0, fragmentsOut: 0, acksOut: 0 };
  assert.deepEqual(watched(quiet).slice(2), ["in 5408: unknown", "out 5408: unknown"]);
  assert.equal(watched({ ...quiet, fragmentsOut: 6 })[3], "out 5408: blocked");
  assert.equal(watched({ ...quiet, fragmentsIn: 6 })[2], "in 5408: dropped-here");
});

const PROBED: Probed = {
  peer: dale,
  port: PORT,
  link: LINK,
  problem: null,
  heard: "socket",
  answers: true,
  peerRuns: "doctor",
};
const probed = (facts: Partial<Probed>) => brief(waysProbed({ ...PROBED, ...facts }));

test("probes tell both directions apart", () => {
  assert.deepEqual(probed({}), ["in 5407: passes", "out 5407: passes"]);
  assert.deepEqual(probed({ heard: "nothing" }), ["in 5407: blocked", "out 5407: passes"]);
  assert.deepEqual(probed({ heard: "device" }), ["in 5407: dropped-here", "out 5407: passes"]);
  assert.deepEqual(probed({ answers: false }), ["in 5407: passes", "out 5407: blocked"]);
});

test("where nobody answers nothing is known; a daemon is heard but does not answer", () => {
  const nobody = { heard: "nothing", answers: null, peerRuns: "nothing" } as const;
  assert.deepEqual(probed(nobody), ["in 5407: unknown", "out 5407: unknown"]);
  assert.match(waysProbed({ ...PROBED, ...nobody })[0]?.why ?? "", /run understudy doctor --listen on dale/);
  const daemon = { answers: null, peerRuns: "daemon" } as const;
  assert.deepEqual(probed(daemon), ["in 5407: passes", "out 5407: unknown"]);
  assert.deepEqual(probed({ problem: "UDP port 5407 is in use" }), ["in 5407: unknown", "out 5407: unknown"]);
});

const way = (direction: "in" | "out", seen: WayFacts["seen"], port = PORT): WayFacts => ({
  ...{ peer: dale, port, direction, link: LINK, seen, why: null },
});
const judge = (ways: WayFacts[], rules: FirewallRule[] = []) =>
  judgeTraffic({ method: "probe", ways }, { self: nodeId("chip"), port: PORT, rules });

test("a blocked way names direction, port and members, and the others are still ok", () => {
  const [open, blocked] = judge([way("in", "blocked"), way("out", "passes")]);
  assert.equal(open?.state, "ok");
  assert.equal(blocked?.state, "problem");
  assert.match(blocked?.text ?? "", /^UDP 5407 from dale \(10\.0\.0\.2\) to chip \(10\.0\.0\.1\) is blocked/);
  assert.match(blocked?.advice ?? "", /open UDP 5407 from dale to chip: .* look on dale/);
  const [out] = judge([way("out", "blocked", 5408)]);
  assert.match(out?.text ?? "", /^UDP 5408 from chip .* to dale .* dale hears nothing/);
});

test("a peer of which nothing comes is a warning: nobody knows why", () => {
  const [finding, ...others] = judge([way("in", "silent")]);
  assert.deepEqual([finding?.code, finding?.state, others], ["silent", "warning", []]);
  assert.match(finding?.text ?? "", /^UDP 5407 from dale \(10\.0\.0\.2\): nothing comes/);
});

test("the own rule that drops it is pointed at, a sure one before a vague one", () => {
  const vague: FirewallRule = { hook: "input", ports: null, text: "policy", vague: true };
  const sure: FirewallRule = { hook: "input", ports: [PORT], text: "handle 7", vague: false };
  const advice = (rules: FirewallRule[]) => judge([way("in", "dropped-here")], rules)[0]?.advice;
  assert.equal(advice([vague, sure]), "this host's own firewall drops it: handle 7");
  assert.equal(advice([vague]), "this host's own firewall may drop it: policy");
  // A rule for what goes out explains nothing that comes in; nothing else is blocked, so it is told by itself.
  const other: FirewallRule = { ...sure, hook: "output" };
  assert.deepEqual(
    judge([way("in", "passes"), way("out", "passes")], [other, vague]).map(
      ({ code, state }) => `${code} ${state}`,
    ),
    ["passes ok", "rule warning"],
  );
});

const nft = (...entries: object[]) => JSON.stringify({ nftables: [{ metainfo: {} }, ...entries] });
const chain = (hook: string | undefined, policy?: string, name = "c") => ({
  chain: { family: "inet", table: "filter", name, hook, policy },
});
const rule = (expr: object[], name = "c") => ({
  rule: { family: "inet", table: "filter", chain: name, handle: 7, expr },
});
const dport = (right: unknown, protocol = "udp", op = "==") => ({
  match: { op, left: { payload: { protocol, field: "dport" } }, right },
});
const found = (text: string) =>
  readNftables(text, [PORT, PORT + 1]).map(({ hook, ports, vague }) => `${hook} ${ports ?? "all"} ${vague}`);

test("nftables: drops of our ports are found by value, set and range, also in chains behind", () => {
  const drop = { drop: null };
  const input = chain("input");
  assert.deepEqual(found(nft(input, rule([dport(5407), drop]))), ["input 5407 false"]);
  assert.deepEqual(found(nft(input, rule([dport({ set: [22, 5408] }), drop]))), ["input 5408 false"]);
  assert.deepEqual(found(nft(input, rule([dport({ range: [5000, 6000] }), { reject: {} }]))), [
    "input 5407,5408 false",
  ]);
  assert.deepEqual(found(nft(input, rule([dport(5407, "udp", "!="), drop]))), ["input 5408 false"]);
  const behind = rule([{ jump: { target: "deep" } }]);
  assert.deepEqual(found(nft(input, behind, rule([dport(5407), drop], "deep"))), ["input 5407 false"]);
  assert.deepEqual(found(nft(chain("output"), rule([dport(5407), drop]))), ["output 5407 false"]);
  assert.deepEqual(found(nft(chain("input", "drop"))), ["input all true"]);
  assert.deepEqual(found(nft(input, rule([drop]))), ["input all true"]);
});

test("nftables: other ports, other protocols, accepting rules, our own tables and rubbish are left out", () => {
  const drop = { drop: null };
  assert.deepEqual(found(nft(chain("input"), rule([dport(80), drop]))), []);
  assert.deepEqual(found(nft(chain("input"), rule([dport(5407, "tcp"), drop]))), []);
  assert.deepEqual(found(nft(chain("input"), rule([dport(5407), { accept: null }]))), []);
  assert.deepEqual(found(nft(chain("forward"), rule([dport(5407), drop]))), []);
  const own = nft(chain("input", "drop")).replaceAll('"filter"', '"understudy"');
  assert.deepEqual(found(own), []);
  for (const text of ["", "null", "[]", "{}", '{"nftables":[null,{"rule":{}},{"chain":{"hook":"input"}}]}']) {
    assert.deepEqual(readNftables(text, [PORT]), []);
  }
});

test("old iptables: policies and rules", () => {
  const judged = (line: string) =>
    readIptables(line, [PORT, PORT + 1]).map(
      ({ hook, ports, vague }) => `${hook} ${ports ?? "all"} ${vague}`,
    );
  assert.deepEqual(judged(":INPUT DROP [0:0]"), ["input all true"]);
  assert.deepEqual(judged("-A INPUT -p udp -m udp --dport 5407 -j DROP"), ["input 5407 false"]);
  assert.deepEqual(judged("-A OUTPUT -p udp -m multiport --dports 1:5408 -j REJECT"), [
    "output 5407,5408 false",
  ]);
  assert.deepEqual(judged("-A INPUT -p tcp -m tcp --dport 5407 -j DROP"), []);
  assert.deepEqual(judged("-A INPUT -p udp -m udp --dport 53 -j DROP"), []);
  assert.deepEqual(judged(":INPUT ACCEPT [0:0]"), []);
});
