import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { Config } from "#model/config.ts";
import { TIMING_LIMITS, TIMING_PROFILES } from "./defaults.ts";
import { parseConfig } from "./parse.ts";
import { formatProblems, type Problem } from "./problem.ts";
import { MAX_CHARACTERS } from "./source.ts";

const SMALL = `version: 1
cluster: shop
nodes:
  web1: 192.0.2.11
  web2: 192.0.2.12
witness: 192.0.2.5
services:
  www:
    place: [web1, web2]
    resources:
      - address: 192.0.2.10/24
`;

function good(text: string): Config {
  const parsed = parseConfig(text);
  assert(parsed.kind === "ok", parsed.kind === "ok" ? "" : formatProblems(parsed.problems, text, "good"));
  return parsed.config;
}

function problemsOf(text: string): readonly Problem[] {
  const parsed = parseConfig(text);
  return parsed.kind === "ok" ? [] : parsed.problems;
}

const warningsOf = (text: string): readonly string[] => {
  const parsed = parseConfig(text);
  assert(parsed.kind === "ok");
  return parsed.warnings.map(({ line, column, message }) => `${line}:${column} ${message}`);
};

test("files that mean the same have one hash, whatever their order, spelling and comments", () => {
  const other = `# The same cluster.
services: { www: { resources: [{ address: 192.0.2.10/24 }], failback: manual, place: [web1, web2] } }
port: 5407
voters: [witness, web2, web1]
witness: { witness: { links: [192.0.2.5] } }
nodes: { web2: { address: 192.0.2.12 }, web1: 192.0.2.11 }
timing: { lease: 0.5s }
cluster: "shop"
version: 1
`;
  assert.deepEqual(good(other), good(SMALL));
});

test("files that mean something else differ in their hash, other voters in both", () => {
  const base = good(SMALL);
  const moved = good(SMALL.replace("[web1, web2]", "[web2, web1]"));
  assert.notEqual(moved.hash, base.hash);
  assert.equal(moved.votersHash, base.votersHash);
  const grown = good(SMALL.replace("web2: 192.0.2.12", "web2: 192.0.2.12\n  web3: 192.0.2.13"));
  assert.notEqual(grown.votersHash, base.votersHash);
});

test("a list of witnesses numbers them", () => {
  const { members } = good(SMALL.replace("witness: 192.0.2.5", "witness: [192.0.2.5, 192.0.2.6, 192.0.2.7]"));
  const ids = members.map(({ id, kind }) => `${kind} ${id}`);
  assert.deepEqual(ids, [
    "node web1",
    "node web2",
    "witness witness1",
    "witness witness2",
    "witness witness3",
  ]);
});

test("anchors repeat parts, and what is wrong in one is shown where it is written", () => {
  const shared = SMALL.replace("[web1, web2]", "&both [web1, web2]");
  const mail = "  mail:\n    place: *both\n    resources:\n      - address: 192.0.2.14/24\n";
  assert.deepEqual(good(shared + mail).services[0]?.place, ["web1", "web2"]);
  const wrong = problemsOf(`${shared}${mail}`.replace("&both [web1, web2]", "&both [web1, web9]"));
  const places = wrong.map(({ line, column, path }) => `${line}:${column} ${path}`);
  assert.deepEqual(places, ["9:25 services.mail.place[1]", "9:25 services.www.place[1]"]);
});

test("what is allowed but hardly meant is a warning", () => {
  assert.deepEqual(warningsOf(SMALL), []);
  const even = SMALL.replace("web2: 192.0.2.12", "web2: 192.0.2.12\n  web3: 192.0.2.13");
  assert.deepEqual(warningsOf(even), ["3:1 4 voters survive the loss of no more than 3 would"]);
  const idle = `${even}voters: [web1, web2, web3]\n`;
  assert.deepEqual(warningsOf(idle), ["7:1 witness does not vote, and a witness does nothing else"]);
  const lonely = SMALL.replace("[web1, web2]", "[web1]");
  const expected = "9:12 www may run on one node only: nothing takes over when that node dies";
  assert.deepEqual(warningsOf(lonely), [expected]);
});

const PAIR = SMALL.replace("witness: 192.0.2.5\n", "");
const BMC = (n: number) => `{ ipmi: 10.9.8.${n}, user: ha, password_file: /etc/bmc }`;

test("two nodes alone are good as soon as each can be proved dead, and not before", () => {
  assert.match(problemsOf(PAIR)[0]?.message ?? "", /two nodes and no witness/);
  const half = problemsOf(`${PAIR}fencing: { web1: ${BMC(1)} }\n`);
  assert.deepEqual(
    half.map(({ path, line, column }) => `${line}:${column} ${path}`),
    ["8:19 services.www.place[1]"],
  );
  const config = good(`${PAIR}fencing: { web1: ${BMC(1)}, web2: ${BMC(2)} }\n`);
  assert.deepEqual(config.voters, ["web1", "web2"]);
  assert.deepEqual(warningsOf(`${PAIR}fencing: { web1: ${BMC(1)}, web2: ${BMC(2)} }\n`), []);
});

test("two nodes alone with services that stay where they are need no proof", () => {
  assert.equal(problemsOf(PAIR.replace("[web1, web2]", "[web1]")).length, 0);
});

test("who decides by hand says so, and is told what that means", () => {
  const [warning, more] = warningsOf(`${PAIR}fencing: { web1: operator, web2: ${BMC(2)} }\n`);
  assert.match(warning ?? "", /^8:13 when web1 dies, nothing moves www by itself/);
  assert.equal(more, undefined);
});

test("with a quorum only what is exclusive needs a proof", () => {
  const exclusive = `${SMALL}      - process: /usr/sbin/app\n`;
  assert.match(problemsOf(exclusive)[0]?.message ?? "", /web1 or web2 no longer runs app/);
  assert.equal(problemsOf(`${exclusive}        exclusive: false\n`).length, 0);
  assert.equal(problemsOf(`${exclusive}    guard: [80]\n`).length, 0);
  assert.equal(problemsOf(`${exclusive}watchdog: required\n`).length, 0);
  assert.equal(problemsOf(exclusive.replace("[web1, web2]", "[web1]")).length, 0);
});

test("with guard, programs are not exclusive unless the file says so; its ports come last, in one order", () => {
  const text = `${SMALL}      - process: /usr/sbin/app\n`;
  const guarded = (ports: string) => good(`${text}    guard: ${ports}\n`).services[0]?.resources ?? [];
  const [, app, ports] = guarded('[443, "udp/53", 80]');
  assert(app?.kind === "process" && ports?.kind === "ports");
  assert.equal(app.exclusive, false);
  assert.equal(ports.id, "guard");
  assert.deepEqual(
    ports.ports.map(({ protocol, port }) => `${protocol}/${port}`),
    ["tcp/80", "tcp/443", "udp/53"],
  );
  assert.deepEqual(guarded("[80, tcp/443, udp/53]"), guarded('[443, "udp/53", 80]'));
});

test("times that just fit are no warning, a millisecond more is one", () => {
  const timeout = (each: string) => {
    const device = BMC(1).replace(" }", `, timeout: ${each} }`);
    return warningsOf(`${SMALL}fencing: { web1: ${device} }\n`).length;
  };
  assert.deepEqual([timeout("20s"), timeout("20001ms")], [0, 1]);
  const stop = (time: string) =>
    warningsOf(
      `${SMALL}      - process: /usr/sbin/app\n        stop_timeout: ${time}\nwatchdog: { mode: required, timeout: 5s }\n`,
    );
  assert.deepEqual(stop("2s"), []);
  assert.match(
    stop("2001ms")[0] ?? "",
    /lease 0.5 s \+ stop of www 2.001 s = 2.501 s, the watchdog fires after 5 s/,
  );
  const delay = (head: string) =>
    warningsOf(`${PAIR}fencing: { web1: ${BMC(1)}, web2: ${BMC(2)} }\nfence_policy: { delay: ${head} }\n`)
      .length;
  assert.deepEqual([delay("2s"), delay("1999ms")], [0, 1]);
});

test("each timing profile can hold", () => {
  for (const { lease, pulse, drift } of Object.values(TIMING_PROFILES)) {
    assert((lease * (1 - drift)) / pulse >= TIMING_LIMITS.pulsesPerLease);
    assert(lease >= TIMING_LIMITS.leaseMin && pulse >= TIMING_LIMITS.pulseMin);
  }
});

test("exactly three pulses in the usable lease are enough, fewer are not", () => {
  const timed = (pulse: string) => `${SMALL}timing: { lease: 300ms, drift: 0, pulse: ${pulse} }\n`;
  assert.equal(good(timed("100ms")).timing.pulse, 100);
  assert.match(problemsOf(timed("101ms"))[0]?.message ?? "", /fewer than 3 pulses/);
});

test("a file of more than 1 MiB is not even read", () => {
  const [problem, more] = problemsOf(SMALL + "#".repeat(MAX_CHARACTERS));
  assert.equal(problem?.message, "the file is larger than 1 MiB");
  assert.equal(more, undefined);
});

test("nested aliases cannot fill the memory", () => {
  let text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (let i = 1; i < 12; i++)
    text += `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(", ")}]\n`;
  assert.match(problemsOf(text)[0]?.message ?? "", /alias/i);
});

test("a byte order mark and Windows line ends change nothing", () => {
  assert.deepEqual(good(`\uFEFF${SMALL.replaceAll("\n", "\r\n")}`), good(SMALL));
});

test("keys that every object has are unknown keys like others", () => {
  for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const [problem] = problemsOf(`${SMALL}${key}: { x: 1 }\n`);
    assert.equal(problem?.message, `unknown key "${key}"`);
    assert.notEqual(problemsOf(SMALL.replace("www:", `${key}:`).replace("address", key)).length, 0);
  }
});

/** Random by the MINSTD rule (Park and Miller, 1988), so that a failure can be repeated. */
function* minstd(seed: number): Generator<number> {
  for (let state = seed; ; state = (state * 48271) % 2147483647) yield state;
}

test("whatever is cut out of or put into a file, the answer is a good configuration or problems with places", () => {
  const folder = new URL("../../test/config-good/", import.meta.url);
  const texts = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  const pieces = [
    "\n",
    "  ",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "&a ",
    "*a",
    "#",
    "|",
    "?",
    "!x ",
    "\t",
    "null",
    "-1",
    "~",
  ];
  for (const file of texts) {
    const text = readFileSync(new URL(file, folder), "utf8");
    const random = minstd(7);
    const next = (below: number) => (random.next().value ?? 0) % below;
    for (let round = 0; round < 300; round++) {
      const [from, length, piece] = [next(text.length), next(12), pieces[next(pieces.length)] ?? ""];
      const mangled = text.slice(0, from) + piece + text.slice(from + length);
      const parsed = parseConfig(mangled);
      const problems = parsed.kind === "ok" ? parsed.warnings : parsed.problems;
      if (parsed.kind === "invalid") assert.notEqual(problems.length, 0);
      const lines = mangled.split("\n");
      for (const { line, column, message } of problems) {
        const isPlace =
          line >= 1 && line <= lines.length && column >= 1 && column <= (lines[line - 1] ?? "").length + 1;
        assert(isPlace, `${file}, round ${round}: ${line}:${column} ${message}`);
      }
      formatProblems(problems, mangled, file);
    }
  }
});
