import assert from "node:assert/strict";
import { test } from "node:test";
import { type MemberConfig, NO_WATCHDOG } from "#model/config.ts";
import { nodeId } from "#model/ids.ts";
import { ms, ratio } from "#model/units.ts";
import type {
  ClockFacts,
  DirectoryFacts,
  FloatingFacts,
  KernelFacts,
  RightsFacts,
  WatchdogFacts,
} from "#ports/host.ts";
import { apartBy, judgeClock } from "./clock.ts";
import { judgeFences } from "./fencing.ts";
import { asUser, type Finding, formatFindings, judgeAll } from "./finding.ts";
import { judgeOthers, judgeUnit } from "./host.ts";
import { judgeKernel, judgeRights } from "./kernel.ts";
import { judgeNetwork } from "./network.ts";
import { judgeState } from "./state.ts";
import { judgeWatchdog } from "./watchdog.ts";

const WORKS = { kind: "works" } as const;
const chip = nodeId("chip");
const dale = nodeId("dale");

/** `code state` of each, in order. */
const brief = (findings: readonly Finding[]): string[] =>
  findings.map(({ code, state }) => `${code} ${state}`);
const adviceOf = (findings: readonly Finding[], code: string): string =>
  findings.find((each) => each.code === code)?.advice ?? "";

const KERNEL: KernelFacts = {
  koffi: WORKS,
  guard: WORKS,
  timedSets: WORKS,
  lifetimes: WORKS,
  packets: WORKS,
  monitor: WORKS,
  realtime: WORKS,
};
const RIGHTS: RightsFacts = {
  uid: 0,
  missing: [],
  realtimeLimit: 0,
  realtimeBudget: 950_000,
  groupBudget: null,
};

test("each kernel feature that fails is a problem with its cause; one that was not tried says why", () => {
  assert.ok(judgeKernel(KERNEL).every(({ state }) => state === "ok"));
  const judged = judgeKernel({
    ...KERNEL,
    guard: { kind: "fails", detail: "this kernel has no nf_tables" },
    timedSets: { kind: "untried", why: "needs the guard" },
  });
  assert.deepEqual(brief(judged).slice(0, 3), ["koffi ok", "guard problem", "timedSets not-tested"]);
  assert.match(judged[1]?.text ?? "", /this kernel has no nf_tables$/);
  assert.match(judged[2]?.text ?? "", /needs the guard$/);
});

test("a missing capability is a problem on a node; a witness needs none but to be in time", () => {
  const lacking = { ...RIGHTS, missing: ["CAP_NET_RAW"] };
  assert.deepEqual(brief(judgeRights(RIGHTS, WORKS, { isNode: true })), [
    "root ok",
    "capabilities ok",
    "realtime ok",
  ]);
  assert.equal(brief(judgeRights(lacking, WORKS, { isNode: true }))[1], "capabilities problem");
  assert.equal(brief(judgeRights(lacking, WORKS, { isNode: false }))[1], "capabilities ok");
  const nice = { ...RIGHTS, missing: ["CAP_SYS_NICE"] };
  assert.equal(brief(judgeRights(nice, WORKS, { isNode: true }))[1], "capabilities warning");
  const user = judgeRights({ ...RIGHTS, uid: 1000, missing: ["CAP_NET_RAW"] }, WORKS, { isNode: true });
  assert.deepEqual(brief(user).slice(0, 2), ["root warning", "capabilities not-tested"]);
});

test("refused real-time priority is a warning that names what stands in the way", () => {
  const refused = { kind: "fails", detail: "real-time priority 10 (SCHED_RR): EPERM" } as const;
  const advice = (facts: Partial<RightsFacts>) =>
    adviceOf(judgeRights({ ...RIGHTS, ...facts }, refused, { isNode: true }), "realtime");
  assert.match(advice({ realtimeBudget: 0 }), /kernel\.sched_rt_runtime_us/);
  assert.match(advice({ groupBudget: 0 }), /cpu\.rt_runtime_us/);
  assert.match(advice({ missing: ["CAP_SYS_NICE"] }), /LimitRTPRIO=10/);
  assert.match(advice({}), /RestrictRealtime/);
  assert.equal(brief(judgeRights(RIGHTS, refused, { isNode: true }))[2], "realtime warning");
});

const CLOCKS: ClockFacts = { monotonic: 5_000, boottime: 5_000.2, rate: 12, daemons: [] };

test("clocks: equal is ok, a sleep is a warning, one that cannot be read a problem", () => {
  const codes = (facts: Partial<ClockFacts>) => brief(judgeClock({ ...CLOCKS, ...facts }, ratio(0.2)))[0];
  assert.equal(codes({}), "clocks ok");
  assert.equal(codes({ boottime: 65_000 }), "clocks warning");
  assert.equal(codes({ boottime: Number.NaN }), "clocks problem");
});

test("a clock daemon's slew is judged by how far two clocks run apart under it", () => {
  // chrony's default: 8.3 % either way.
  assert.equal(Math.round(apartBy(83_333.333) * 1000), 182);
  const judged = (slew: number | null, drift: number) =>
    judgeClock({ ...CLOCKS, daemons: [{ name: "chronyd", slew, source: "its default" }] }, ratio(drift));
  assert.equal(brief(judged(83_333.333, 0.2))[1], "slew ok");
  assert.equal(brief(judged(83_333.333, 0.15))[1], "slew problem");
  assert.equal(brief(judged(100_000, 0.2))[1], "slew problem");
  assert.match(
    adviceOf(judged(100_000, 0.2), "slew"),
    /maxslewrate 90909 in chrony\.conf, or raise drift to 23 %/,
  );
  assert.ok(apartBy(90_909) <= 0.2, "what is advised is enough");
  assert.equal(brief(judged(null, 0.2))[1], "slew not-tested");
  assert.equal(brief(judgeClock(CLOCKS, ratio(0.2)))[1], "slew ok");
});

test("the clock's present rate counts, too", () => {
  const rate = (value: number | null) => brief(judgeClock({ ...CLOCKS, rate: value }, ratio(0.2)))[2];
  assert.deepEqual(
    [rate(12), rate(-60_000), rate(-120_000), rate(null)],
    ["rate ok", "rate ok", "rate problem", "rate not-tested"],
  );
});

const DIRECTORY: DirectoryFacts = {
  path: "/var/lib/understudy/chip",
  exists: true,
  problem: null,
  took: 3,
  freeBytes: 1e10,
  fileSystem: "ext4",
};

test("a state directory that forgets at a reboot is a problem", () => {
  const codes = (facts: Partial<DirectoryFacts>) => brief(judgeState({ ...DIRECTORY, ...facts }));
  assert.deepEqual(codes({}), ["file-system ok", "writable ok", "space ok"]);
  assert.equal(codes({ fileSystem: "tmpfs" })[0], "file-system problem");
  assert.equal(codes({ fileSystem: "nfs4" })[0], "file-system problem");
  assert.equal(codes({ fileSystem: "overlay" })[0], "file-system warning");
  assert.equal(codes({ problem: "it cannot be written: EROFS" })[1], "writable problem");
  assert.equal(codes({ took: 900 })[1], "writable warning");
  assert.equal(codes({ freeBytes: 1e6 })[2], "space warning");
});

const SELF: MemberConfig = { id: chip, kind: "node", links: ["10.0.0.1"], site: null };
const FLOATING: FloatingFacts = {
  ip: "10.0.0.100",
  device: { name: "eth0", up: true },
  problem: null,
  claims: [],
  knowsAll: true,
};

test("links and floating addresses must have their place", () => {
  const judged = (own: string[], floating: FloatingFacts[]) => judgeNetwork({ own, floating }, SELF);
  assert.deepEqual(brief(judged(["10.0.0.1"], [FLOATING])), ["link ok", "device ok", "claimed ok"]);
  assert.deepEqual(brief(judged(["10.0.0.9"], [])), ["link problem"]);
  const nowhere = { ...FLOATING, device: null, problem: "10.0.0.100/24: no network device" };
  assert.deepEqual(brief(judged(["10.0.0.1"], [nowhere])).slice(1), ["device problem"]);
  const down = { ...FLOATING, device: { name: "eth0", up: false } };
  assert.deepEqual(brief(judged(["10.0.0.1"], [down]))[1], "device problem");
});

test("who answers for a floating address: a member may, two may not, a stranger may not", () => {
  const claimed = (knowsAll: boolean, ...members: (typeof dale | null)[]) => {
    const claims = members.map((member, index) => ({ mac: `02:00:00:00:00:0${index}`, member }));
    return brief(judgeNetwork({ own: ["10.0.0.1"], floating: [{ ...FLOATING, knowsAll, claims }] }, SELF))[2];
  };
  assert.equal(claimed(true, dale), "claimed ok");
  assert.equal(claimed(true, dale, nodeId("oak")), "claimed problem");
  assert.equal(claimed(true, null), "claimed problem");
  assert.equal(claimed(false, null), "claimed warning");
});

test("the watchdog is judged by what the configuration asks for", () => {
  const config = { mode: "required", device: "/dev/watchdog", timeout: ms(10_000) } as const;
  const there: WatchdogFacts = {
    kind: "present",
    isVirtual: false,
    identity: "Software Watchdog",
    least: 1,
    most: 65_535,
    nowayout: false,
    openers: [],
  };
  const codes = (facts: WatchdogFacts, mode: "required" | "best-effort" | "none" = "required", daemon = 7) =>
    brief(judgeWatchdog(facts, { ...config, mode }, daemon));
  assert.deepEqual(codes(there), ["device ok", "timeout ok"]);
  assert.deepEqual(codes({ kind: "absent" }), ["device problem"]);
  assert.deepEqual(codes({ kind: "absent" }, "best-effort"), ["device warning"]);
  assert.deepEqual(brief(judgeWatchdog({ kind: "absent" }, NO_WATCHDOG, null)), ["device ok"]);
  assert.equal(codes({ ...there, isVirtual: true })[2], "pauses warning");
  assert.deepEqual(codes({ kind: "stranger", what: "a plain file" }), ["device problem"]);
  const systemd = { ...there, openers: [{ pid: 1, name: "systemd", argv: ["/sbin/init"] }] };
  assert.equal(codes(systemd)[0], "device problem");
  assert.match(adviceOf(judgeWatchdog(systemd, config, 7), "device"), /RuntimeWatchdogSec=/);
  assert.equal(codes({ ...there, openers: [{ pid: 7, name: "understudy", argv: [] }] })[0], "device ok");
  assert.equal(codes({ ...there, most: 5 })[1], "timeout problem");
  assert.equal(codes({ ...there, least: null, most: null })[1], "timeout not-tested");
});

test("a fence device must answer; off is odd, silence and refusal are problems", () => {
  const device = { node: dale, id: "ipmi 10.9.8.1", kind: "agent", misfits: [] } as const;
  const judged = (answer: Parameters<typeof judgeFences>[0][number]["answer"]) =>
    brief(judgeFences([{ ...device, answer }]))[0];
  assert.equal(judged({ kind: "is-on", detail: "on" }), "device ok");
  assert.equal(judged({ kind: "is-off", detail: "off" }), "device warning");
  assert.equal(judged({ kind: "failed", detail: "wrong password" }), "device problem");
  assert.equal(judged({ kind: "unknown", waited: ms(20_000), detail: "" }), "device problem");
  assert.equal(judged(null), "device not-tested");
  assert.deepEqual(brief(judgeFences([])), ["device ok"]);
  const misfit = judgeFences([{ ...device, misfits: ["it has no option ipadress"], answer: null }]);
  assert.deepEqual(brief(misfit), ["options problem", "device not-tested"]);
});

test("other software matters when it manages our addresses, or when nobody can tell", () => {
  const keepalived = { name: "keepalived", pid: 9, isRead: true };
  assert.deepEqual(brief(judgeOthers([])), ["others ok"]);
  assert.deepEqual(brief(judgeOthers([{ ...keepalived, shares: ["10.0.0.100"] }])), ["others warning"]);
  assert.deepEqual(brief(judgeOthers([{ ...keepalived, shares: [] }])), ["others ok"]);
  assert.deepEqual(brief(judgeOthers([{ ...keepalived, shares: [], isRead: false }])), ["others warning"]);
  for (const file of [null, "/etc/systemd/system/understudy.service"]) {
    assert.equal(judgeUnit({ booted: true, file, enabled: false }).state, "ok");
  }
});

test("the worst finding gives the exit code; what was not tested does not count", () => {
  const of = (...states: Finding["state"][]) =>
    judgeAll(states.map((state) => ({ area: "kernel", code: "x", state, text: "t", advice: null })));
  assert.deepEqual([of("ok").exit, of("ok", "not-tested").exit], [0, 0]);
  assert.deepEqual([of("ok", "warning").exit, of("warning", "problem").exit], [1, 2]);
  assert.equal(
    of("ok", "problem", "warning", "warning").sentence,
    "This host is not fit: 1 problem, 2 warnings, 1 ok.",
  );
});

test("what a user is refused was not tested; what else is wrong stays wrong", () => {
  const of = (text: string, state: Finding["state"] = "problem"): Finding => ({
    ...{ area: "kernel", code: "x", state, text, advice: "mend it" },
  });
  const states = asUser([
    of("opening a packet socket: EPERM (needs root)"),
    of("it is down"),
    of("EPERM", "ok"),
  ]);
  assert.deepEqual(
    states.map(({ state }) => state),
    ["not-tested", "problem", "ok"],
  );
});

test("findings are shown by area, each with what to do below it", () => {
  const findings: Finding[] = [
    { area: "host", code: "unit", state: "ok", text: "last", advice: null },
    { area: "kernel", code: "guard", state: "problem", text: "first", advice: "mend it" },
  ];
  assert.deepEqual(formatFindings(findings, judgeAll(findings)).split("\n"), [
    "PROBLEM     kernel         first",
    "                           -> mend it",
    "ok          host           last",
    "",
    "This host is not fit: 1 problem, 1 ok.",
  ]);
});
