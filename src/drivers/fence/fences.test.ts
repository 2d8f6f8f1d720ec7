import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createPrograms } from "#drivers/programs/programs.ts";
import type { AgentDevice, CommandDevice, FenceDevice } from "#model/fencing.ts";
import { nodeId } from "#model/ids.ts";
import { ms } from "#model/units.ts";
import type { FenceAnswer, FenceVerb } from "#ports/fence.ts";
import { formatInput } from "./agent.ts";
import { createFences } from "./fences.ts";
import { createVeil, sentenceOf } from "./said.ts";

const options = { timeout: 30_000 };
const folder = mkdtempSync(join(tmpdir(), "understudy-fences-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const fences = createFences(createPrograms(), { agentFolders: [folder] });
const SECRET = "s3cr et'x";

let made = 0;

/** A device whose agent is this shell script. */
function agent(script: string, more: Partial<AgentDevice> = {}): AgentDevice {
  made += 1;
  const name = `fence_fake${made}`;
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return {
    kind: "agent",
    id: name,
    agent: name,
    timeout: ms(10_000),
    options: [["ip", "10.9.8.1"]],
    passwordFile: null,
    ...more,
  };
}

function command(status: string, more: Partial<CommandDevice> = {}): CommandDevice {
  const argv = (script: string) => ["/bin/sh", "-c", script];
  return {
    kind: "command",
    id: "command",
    timeout: ms(10_000),
    off: argv("exit 0"),
    status: argv(status),
    on: null,
    ...more,
  };
}

function ask(device: FenceDevice, verb: FenceVerb): Promise<FenceAnswer> {
  return new Promise((resolve) => fences.call({ device, node: nodeId("chip"), verb }, resolve));
}

const kindOf = async (device: FenceDevice, verb: FenceVerb) => (await ask(device, verb)).kind;

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function passwordFile(text: string): string {
  made += 1;
  const file = join(folder, `password${made}`);
  writeFileSync(file, text);
  return file;
}

test(
  "an agent reads its options, the password and last the action; nothing is on its command line",
  options,
  async () => {
    const seen = join(folder, "seen");
    const file = passwordFile(`${SECRET}\nsecond line\n`);
    const device = agent(
      `echo "$# $*" > ${seen}; cat >> ${seen}; tr '\\0' '\\n' < /proc/self/environ >> ${seen}`,
      {
        passwordFile: file,
        options: [
          ["ip", "10.9.8.1"],
          ["username", 'ad"min '],
        ],
      },
    );
    assert.equal(await kindOf(device, "off"), "done");
    const lines = readFileSync(seen, "utf8").split("\n");
    assert.deepEqual(lines.slice(0, 5), [
      "0 ",
      "ip=10.9.8.1",
      'username="ad"min "',
      `password=${SECRET}`,
      "action=off",
    ]);
    assert.equal(lines.filter((line) => line.includes(SECRET)).length, 1);
  },
);

test("the password is read at each call", options, async () => {
  const file = passwordFile("first");
  const device = agent("grep -q password=second", { passwordFile: file });
  assert.equal(await kindOf(device, "on"), "failed");
  writeFileSync(file, "second");
  assert.equal(await kindOf(device, "on"), "done");
  rmSync(file);
  const answer = await ask(device, "on");
  assert.deepEqual(answer, {
    kind: "failed",
    detail: `the password file ${file} cannot be read: ENOENT`,
  });
  writeFileSync(file, "\n");
  assert.match((await ask(device, "on")).detail, /empty first line/);
});

test("what an exit code means", options, async () => {
  const cases: [string, FenceVerb, FenceAnswer["kind"]][] = [
    ["echo 'Status: ON'", "status", "is-on"],
    ["exit 0", "status", "is-on"],
    ["echo 'Status: OFF'; exit 2", "status", "is-off"],
    ["echo 'some warning'; echo 'Status: OFF'; exit 2", "status", "is-off"],
    // Python and shells end with 2 as well when a script cannot even be read.
    ["exit 2", "status", "failed"],
    ["echo 'Status: OFFLINE'; exit 2", "status", "failed"],
    ["echo 'Status: OFF'; exit 1", "status", "failed"],
    ["exit 3", "status", "failed"],
    ["kill -9 $$", "status", "failed"],
    ["exit 0", "off", "done"],
    ["exit 0", "on", "done"],
    ["exit 1", "off", "failed"],
    ["echo 'Status: OFF'; exit 2", "off", "failed"],
  ];
  for (const [script, verb, kind] of cases) assert.equal(await kindOf(agent(script), verb), kind, script);
});

test("a secret is in no answer, however the agent repeats it", options, async () => {
  const noisy = `
    while read -r line; do echo "Parse error: Ignoring unknown option '$line'"; done
    echo "ERROR: ipmitool -P 's3cr et'\\"'\\"'x' failed"; exit 1`;
  const file = passwordFile(SECRET);
  const device = agent(noisy, { passwordFile: file, options: [["passwd", "hunter2"]] });
  const { kind, detail } = await ask(device, "off");
  assert.equal(kind, "failed");
  assert.match(detail, /ipmitool -P \(hidden\) failed/);
  assert.doesNotMatch(detail, /s3cr|hunter2/);
  const broken = agent("exit 0", { options: [["password", "hunter2\naction=on"]] });
  assert.doesNotMatch((await ask(broken, "off")).detail, /hunter2/);
});

test("an agent that hangs is unknown at the deadline, and its whole group is killed", options, async () => {
  const file = join(folder, "pid");
  const device = agent(`sleep 1053 & echo $! > ${file}; wait`, { timeout: ms(500) });
  const answer = await ask(device, "off");
  assert.equal(answer.kind, "unknown");
  const pid = Number(readFileSync(file, "utf8"));
  const isRunning = () =>
    existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  for (let tries = 0; isRunning() && tries < 200; tries += 1) await sleep(25);
  assert.equal(isRunning(), false);
});

test("calls to one device wait for each other, those to different devices do not", options, async () => {
  const log = join(folder, "log");
  const device = agent(`echo begin >> ${log}; sleep 0.2; echo end >> ${log}`);
  await Promise.all([ask(device, "off"), ask(device, "status"), ask(device, "on")]);
  const order = "begin end begin end begin end".split(" ");
  assert.deepEqual(readFileSync(log, "utf8").trim().split("\n"), order);
  const [one, other] = ["one", "other"].map((name) => join(folder, name));
  // Each waits for the other's file: both run at once, or neither ends.
  const waitFor = (mine?: string, theirs?: string) =>
    agent(`touch ${mine}; until [ -e ${theirs} ]; do sleep 0.02; done`);
  const both = [waitFor(one, other), waitFor(other, one)].map((each) => kindOf(each, "off"));
  assert.deepEqual(await Promise.all(both), ["done", "done"]);
});

test("waiting counts towards the deadline, and the queue has an end", options, async () => {
  const device = agent("sleep 1054", { timeout: ms(700) });
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(device, "status")));
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    [...Array(9).fill("unknown"), "failed"],
  );
  assert.match(answers[1]?.detail ?? "", /an earlier call/);
  assert.match(answers[9]?.detail ?? "", /wait already/);
});

test("off does not wait for a status, neither one that runs nor those that wait", options, async () => {
  const log = join(folder, "urgent");
  const hang = "case $(cat) in *action=status*) sleep 1056 ;; *) echo off >> ".concat(log, " ;; esac");
  const device = agent(hang, { timeout: ms(3000) });
  const order: string[] = [];
  const note = async (verb: FenceVerb) => {
    const { kind, detail } = await ask(device, verb);
    order.push(`${verb} ${kind}`);
    return detail;
  };
  const statuses = [note("status"), note("status")];
  while (!readdirSync("/proc").some((pid) => commandOf(pid) === "sleep\u00001056\u0000")) await sleep(10);
  await Promise.all([note("off"), note("off")]);
  assert.equal(readFileSync(log, "utf8"), "off\noff\n");
  assert.deepEqual(order, ["status failed", "off done", "off done"]);
  assert.match((await statuses[0]) ?? "", /needed for off/);
  assert.match((await statuses[1]) ?? "", /no answer after/);
});

test("no agent, or a path for an agent, is said in a sentence", options, async () => {
  const missing = await ask(agent("", { agent: "fence_nobody" }), "status");
  assert.deepEqual(missing, {
    kind: "failed",
    detail: `fence_nobody is not installed in ${folder}; Debian has it in fence-agents`,
  });
  for (const name of ["../fence_fake1", "/bin/true", "fence_fake1/../fence_fake2", ""])
    assert.equal(await kindOf(agent("", { agent: name }), "status"), "failed");
});

test("an option cannot bring an action or another line", () => {
  for (const option of [
    ["action", "on"],
    ["Action", "on"],
    ["ip", "10.9.8.1\naction=on"],
    ["ip\naction", "on"],
    ["a=b", "c"],
    ["", "c"],
  ] as const)
    assert.equal(formatInput([option], "off").kind, "refused", option[0]);
});

test("a command's status is on with 0, off with 2 and nothing else", options, async () => {
  const kinds = ["exit 0", "exit 2", "exit 1", "exit 7"].map((script) => kindOf(command(script), "status"));
  assert.deepEqual(await Promise.all(kinds), ["is-on", "is-off", "failed", "failed"]);
  assert.equal(await kindOf(command("exit 0"), "off"), "done");
  const off = ["/bin/sh", "-c", 'echo "$UNDERSTUDY_NODE $UNDERSTUDY_VERB"; exit 2'];
  assert.deepEqual(await ask(command("", { off }), "off"), {
    kind: "failed",
    detail: "exit code 2: chip off",
  });
  assert.deepEqual(await ask(command(""), "on"), {
    kind: "failed",
    detail: 'no command for "on" is configured: the node stays off',
  });
  assert.match((await ask(command("", { off: ["/nowhere/fence"] }), "off")).detail, /no such program/);
});

test("a person is told what to type", options, async () => {
  const device: FenceDevice = { kind: "operator", id: "operator", timeout: ms(1000) };
  for (const verb of ["off", "status", "on"] as const) {
    const { kind, detail } = await ask(device, verb);
    assert.equal(kind, "failed");
    assert.match(detail, /type: understudy confirm-dead chip$/);
  }
});

test("ssh asks without a question, and never says off", options, async () => {
  const bin = mkdtempSync(join(folder, "bin-"));
  const seen = join(folder, "ssh");
  const ssh = (exit: number) =>
    writeFileSync(join(bin, "ssh"), `#!/bin/sh\necho "$*" >> ${seen}\nexit ${exit}\n`);
  ssh(0);
  chmodSync(join(bin, "ssh"), 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${bin}:${path}`;
  try {
    const device: FenceDevice = {
      kind: "ssh",
      id: "ssh chip",
      timeout: ms(5000),
      target: "-oProxyCommand=x",
      keyFile: "/key",
    };
    assert.equal(await kindOf(device, "off"), "done");
    assert.equal(await kindOf(device, "status"), "unknown");
    assert.equal(await kindOf(device, "on"), "failed");
    for (const exit of [1, 2, 255]) {
      ssh(exit);
      assert.equal(await kindOf(device, "status"), "failed");
    }
  } finally {
    process.env.PATH = path;
  }
  assert.equal(
    readFileSync(seen, "utf8").split("\n")[0],
    "-o BatchMode=yes -o ConnectTimeout=5 -i /key -- -oProxyCommand=x systemctl poweroff",
  );
});

test("of much output the mistakes are kept, each once, and no escape sequence", () => {
  const said = [
    "WARNING:root:Parse error: Ignoring unknown option 'foo=bar'",
    "2026-11-20 13:24:57,041 ERROR: Failed: You have to enter fence address",
    "ERROR:root:Failed: You have to enter fence address",
    "2026-11-20 13:24:57,041 ERROR: Please use '-h' for usage",
    "2026-11-20 13:24:57,041 ERROR: Unable to connect\u001b[2J",
  ].join("\n");
  assert.equal(
    sentenceOf(said, createVeil([])),
    "Parse error: Ignoring unknown option 'foo=bar'; Failed: You have to enter fence address; Unable to connect?[2J",
  );
  assert.equal(sentenceOf("fine\n\nSuccess: Powered OFF\n", createVeil([])), "Success: Powered OFF");
  assert.equal(sentenceOf(" \n", createVeil([])), null);
  assert.equal(sentenceOf("x".repeat(1000), createVeil([]))?.length, 301);
});
