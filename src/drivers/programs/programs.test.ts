import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ms } from "#model/units.ts";
import type { Group, Program, ProgramEnd, RunEnd } from "#ports/programs.ts";
import { parsePasswd } from "./accounts.ts";
import { keepHead, keepTail, OUTPUT_KEPT } from "./kept-output.ts";
import { openOutput } from "./pipe.ts";
import { parseStat, readStat } from "./proc.ts";
import { createPrograms } from "./programs.ts";

const options = { timeout: 30_000 };
const programs = createPrograms();
const folder = mkdtempSync(join(tmpdir(), "understudy-programs-"));
const launched: Group[] = [];
after(async () => {
  // A failed test leaves processes, which would keep the run from ending.
  await Promise.all(launched.map((group) => endGroup(group, 0)));
  rmSync(folder, { recursive: true, force: true });
});

function shell(script: string, more: Partial<Program> = {}): Program {
  return { argv: ["/bin/sh", "-c", script], user: null, directory: folder, env: {}, ...more };
}

function run(program: Program, deadline = 10_000, keep: "head" | "tail" = "tail"): Promise<RunEnd> {
  return new Promise((resolve) => programs.run(program, { deadline: ms(deadline), keep }, resolve));
}

function runUntilSettled(program: Program, deadline: number): Promise<RunEnd> {
  return new Promise((resolve) => {
    let end: RunEnd | null = null;
    programs.run(
      program,
      { deadline: ms(deadline), keep: "tail" },
      (answer) => {
        end = answer;
      },
      () => end !== null && resolve(end),
    );
  });
}

/** With a token of its own, so that what a failed run left behind is not taken for ours. */
function launch(program: Program): { group: Promise<Group>; end: Promise<ProgramEnd> } {
  const group = Promise.withResolvers<Group>();
  const end = Promise.withResolvers<ProgramEnd>();
  programs.launch(program, randomUUID(), {
    started(one) {
      launched.push(one);
      group.resolve(one);
    },
    ended: end.resolve,
  });
  return { group: group.promise, end: end.promise };
}

const endGroup = (group: Group, killAfter: number): Promise<readonly number[]> =>
  new Promise((resolve) => programs.end(group, { killAfter: ms(killAfter), deadline: ms(10_000) }, resolve));

async function fileText(name: string): Promise<string> {
  for (;;) {
    const path = join(folder, name);
    if (existsSync(path) && readFileSync(path, "utf8").includes("\n"))
      return readFileSync(path, "utf8").trim();
    await sleep(5);
  }
}

test("exit code and both outputs come back", options, async () => {
  assert.deepEqual(await run(shell("echo out; echo err >&2; exit 3")), {
    kind: "exited",
    code: 3,
    output: "out\nerr\n",
  });
});

test("a script may open /dev/stderr and /dev/stdout, which a socket would not allow", options, async () => {
  const end = await run(shell("echo a > /dev/stdout; echo b > /dev/stderr"));
  assert.deepEqual(end, { kind: "exited", code: 0, output: "a\nb\n" });
});

test("standard input is empty", options, async () => {
  assert.deepEqual(await run(shell("cat; echo end")), { kind: "exited", code: 0, output: "end\n" });
});

test("of many megabytes the last 64 KiB are kept, or the first", options, async () => {
  const script = "echo first; head -c 8000000 /dev/zero | tr '\\0' x; echo; echo last";
  const tail = await run(shell(script));
  assert.ok(tail.kind === "exited" && tail.code === 0);
  assert.equal(tail.output.length, OUTPUT_KEPT);
  assert.ok(tail.output.endsWith("x\nlast\n"));
  const head = await run(shell(script), 10_000, "head");
  assert.ok(head.kind === "exited" && head.output.startsWith("first\nxxx"));
  assert.equal(head.output.length, OUTPUT_KEPT);
});

test("a child in the background neither delays the answer nor dies of a closed pipe", options, async () => {
  const end = await run(
    shell("(sleep 0.3; echo noise; echo alive > background) & echo $! > child; echo done"),
  );
  assert.deepEqual(end, { kind: "exited", code: 0, output: "done\n" });
  assert.equal(await fileText("background"), "alive");
});

test(
  "a program that ignores SIGTERM is unknown at the deadline and killed with its children",
  options,
  async () => {
    const script = "trap '' TERM; sleep 1000 & echo $! > stubborn; echo begun; while :; do sleep 1000; done";
    const end = await runUntilSettled(shell(script), 300);
    assert.ok(end.kind === "deadline");
    assert.equal(end.output, "begun\n");
    const child = Number(await fileText("stubborn"));
    assert.ok(["Z", undefined].includes(readStat(child)?.state));
  },
);

test("a program stopped by SIGSTOP ends at the deadline too", options, async () => {
  const end = await runUntilSettled(shell("kill -STOP $$"), 100);
  assert.equal(end.kind, "deadline");
});

test("the signal that ended a program is named", options, async () => {
  assert.deepEqual(await run(shell("kill -KILL $$")), { kind: "signalled", signal: "SIGKILL", output: "" });
});

test("a cancelled run never answers and leaves nothing", options, async () => {
  let answers = 0;
  const settled = Promise.withResolvers<void>();
  const cancel = programs.run(
    shell("echo $$ > cancelled; exec sleep 1000"),
    { deadline: ms(20_000), keep: "tail" },
    () => {
      answers += 1;
    },
    () => settled.resolve(),
  );
  const pid = Number(await fileText("cancelled"));
  cancel();
  cancel();
  await settled.promise;
  assert.equal(answers, 0);
  assert.ok(["Z", undefined].includes(readStat(pid)?.state));
});

for (const [title, program, pattern] of [
  ["a missing program", { argv: ["/nowhere/tool"] }, /^\/nowhere\/tool: there is no such program$/],
  ["a file that may not be executed", { argv: ["/etc/passwd"] }, /^\/etc\/passwd may not be executed/],
  ["a missing directory", { directory: "/nowhere" }, /directory \/nowhere does not exist/],
  ["a file as directory", { directory: "/etc/passwd" }, /\/etc\/passwd is not a directory/],
  ["an unknown user", { user: "nobody-of-that-name" }, /no user "nobody-of-that-name"/],
  ["a user name that looks like an option", { user: "--help" }, /no user "--help"/],
  ["a zero byte in an argument", { argv: ["/bin/echo", "a\0b"] }, /could not be started/],
] as const) {
  test(`${title} is said in a sentence`, options, async () => {
    const end = await run(shell("true", program));
    assert.ok(end.kind === "not-started", JSON.stringify(end));
    assert.match(end.problem, pattern);
  });
}

test("a program runs as the user asked for, with that user's home", options, async (t) => {
  if (userInfo().uid !== 0) return t.skip("changing the user needs root");
  const end = await run(shell("id -un; echo $HOME $USER", { user: "daemon", directory: "/" }));
  assert.deepEqual(end, { kind: "exited", code: 0, output: "daemon\n/usr/sbin daemon\n" });
});

test("a launched group is ended as a whole, whoever left the group or the session", options, async () => {
  const script = [
    "sleep 1001 &",
    "setsid sleep 1002 &",
    "(trap '' TERM; sleep 1003; sleep 1004) &",
    "sleep 0.1; echo $$ > family; wait",
  ].join("\n");
  const { group, end } = launch(shell(script));
  const family = await group;
  await fileText("family");
  assert.equal(programs.members(family).length, 5);
  assert.deepEqual(await endGroup(family, 200), []);
  assert.deepEqual(programs.members(family), []);
  assert.equal((await end).kind, "signalled");
});

test("children that outlive the first process still belong to the group", options, async () => {
  const { group, end } = launch(shell("sleep 1005 & exit 4"));
  const family = await group;
  assert.deepEqual(await end, { kind: "exited", code: 4, output: "" });
  assert.equal(programs.members(family).length, 1);
  assert.deepEqual(await endGroup(family, 200), []);
});

test(
  "another life of the daemon knows the group by its start time, and a stranger from it",
  options,
  async () => {
    const { group, end } = launch(shell("exec sleep 1006"));
    const family = await group;
    const nextLife = createPrograms();
    const stranger = { ...family, startTicks: family.startTicks - 1, token: "another" };
    assert.deepEqual(nextLife.members(family), [family.pid]);
    assert.deepEqual(nextLife.members(stranger), []);
    await new Promise((resolve) => nextLife.end(stranger, { killAfter: ms(0), deadline: ms(1000) }, resolve));
    assert.deepEqual(programs.members(family), [family.pid]);
    await new Promise((resolve) =>
      nextLife.end(family, { killAfter: ms(1000), deadline: ms(5000) }, resolve),
    );
    assert.equal((await end).kind, "signalled");
  },
);

test("ending a group that is gone is done at once", options, async () => {
  const { group, end } = launch(shell("true"));
  const family = await group;
  await end;
  assert.deepEqual(await endGroup(family, 5000), []);
  assert.deepEqual(await endGroup(family, 5000), []);
});

test("what is in the pipe when a program ends is kept, what comes later is not", () => {
  const kept = keepTail();
  const pipe = openOutput(kept);
  writeSync(pipe.writeEnd, "x".repeat(60_000));
  pipe.finish();
  assert.equal(kept.text().length, 60_000);
  writeSync(pipe.writeEnd, "late");
  pipe.finish();
  pipe.handedOver();
  pipe.finish();
  assert.equal(kept.text().length, 60_000);
});

test("kept output is cut between characters, and small pieces add up", () => {
  const tail = keepTail();
  for (let i = 0; i < 40_000; i += 1) tail.append(Buffer.from("é€"));
  tail.append(Buffer.from("!!"));
  assert.ok(
    Buffer.byteLength(tail.text()) <= OUTPUT_KEPT && Buffer.byteLength(tail.text()) > OUTPUT_KEPT - 4,
  );
  assert.doesNotMatch(tail.text(), /\ufffd/);
  assert.ok(tail.text().endsWith("é€!!"));
  const head = keepHead();
  for (let i = 0; i < 70_000; i += 1) head.append(Buffer.from(String(i % 10)));
  assert.equal(head.text().length, OUTPUT_KEPT);
});

test("a program's name may hold brackets and blanks", () => {
  const fields = Array.from({ length: 30 }, (_, i) => i + 4);
  const stat = parseStat(`42 (a) R (b) S ${fields.join(" ")}`);
  assert.deepEqual(stat, { pid: 42, state: "S", group: 5, session: 6, startTicks: 22 });
  assert.equal(parseStat("nonsense"), null);
});

test("a line of passwd is read, a broken one is not", () => {
  const account = { name: "web", uid: 33, gid: 34, home: "/var/www" };
  assert.deepEqual(parsePasswd("web:x:33:34:Web,,,:/var/www:/bin/sh"), account);
  assert.equal(parsePasswd("web:x:33"), null);
  assert.equal(parsePasswd("web:x:a:b::/:"), null);
});

test(
  "input is handed over whole, then ends; a program that does not read it is no error",
  options,
  async () => {
    const long = `name=value\n${"x".repeat(200_000)}`;
    const read = await run(shell("wc -c", { input: long }));
    assert.equal(read.kind === "exited" && Number(read.output), long.length);
    const none = await run(shell("wc -c"));
    assert.equal(none.kind === "exited" && Number(none.output), 0);
    const unread = await run(shell("exit 3", { input: long }));
    assert.deepEqual(unread, { kind: "exited", code: 3, output: "" });
    assert.equal((await run(shell("", { argv: ["/nowhere"], input: long }))).kind, "not-started");
  },
);
