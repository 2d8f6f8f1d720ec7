import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createPrograms } from "#drivers/programs/programs.ts";
import type { CommandResource, ProcessResource } from "#model/config.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import type { OpVerb } from "#model/role.ts";
import { ms, term } from "#model/units.ts";
import type { OpResult, ProcessExit, ResourcePort, RunnableResource } from "#ports/resources.ts";
import { judgeEnd } from "./commands.ts";
import { createResources } from "./resources.ts";

const options = { timeout: 30_000 };
const folder = mkdtempSync(join(tmpdir(), "understudy-resources-"));
const ports: ResourcePort[] = [];
after(async () => {
  // A failed test leaves processes, which would keep the run from ending.
  await Promise.all(ports.map(stopAll));
  rmSync(folder, { recursive: true, force: true });
});
let count = 0;

function newRunDirectory(): string {
  count += 1;
  return join(folder, `run-${count}`);
}

function openPort(runDirectory = newRunDirectory()): ResourcePort {
  const port = createResources(createPrograms(), runDirectory);
  ports.push(port);
  return port;
}

const sh = (script: string) => ["/bin/sh", "-c", script];

function process_(script: string, more: Partial<ProcessResource> = {}): ProcessResource {
  return {
    id: "app",
    kind: "process",
    run: sh(script),
    user: null,
    directory: folder,
    env: {},
    restarts: { limit: 2, within: ms(60_000) },
    stopTimeout: ms(200),
    exclusive: true,
    ...more,
  };
}

function command(more: Partial<CommandResource>): CommandResource {
  return {
    id: "script",
    kind: "command",
    start: sh("true"),
    stop: sh("true"),
    probe: null,
    promote: null,
    demote: null,
    timeouts: { start: ms(1000), stop: ms(1000), probe: ms(1000), promote: ms(1000), demote: ms(1000) },
    exclusive: true,
    ...more,
  };
}

function run(
  port: ResourcePort,
  resource: RunnableResource,
  verb: OpVerb,
  deadline = 10_000,
): Promise<OpResult> {
  const context = {
    service: serviceName("www"),
    node: nodeId("chip"),
    term: term(7),
    addresses: ["192.0.2.10/24", "2001:db8::10/64"],
  };
  return new Promise((resolve) => port.run({ resource, verb, context }, ms(deadline), resolve));
}

const sweep = (port: ResourcePort): Promise<readonly string[]> =>
  new Promise((resolve) => port.sweep(ms(5000), resolve));
const stopAll = (port: ResourcePort): Promise<readonly string[]> =>
  new Promise((resolve) => port.stopAll(ms(5000), resolve));

/** Resolves with the exits once one is final. */
function exitsOf(port: ResourcePort): Promise<readonly ProcessExit[]> {
  const exits: ProcessExit[] = [];
  return new Promise((resolve) =>
    port.onExit((exit) => {
      exits.push(exit);
      if (exit.next === "failed") resolve(exits);
    }),
  );
}

async function pidIn(name: string): Promise<number> {
  const path = join(folder, name);
  while (!existsSync(path) || !readFileSync(path, "utf8").endsWith("\n")) await sleep(5);
  return Number(readFileSync(path, "utf8"));
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test("an op knows service, resource, verb, node, term and addresses", options, async () => {
  const resource = command({ start: sh("env | grep ^UNDERSTUDY_ | sort") });
  const result = await run(openPort(), resource, "start");
  const lines = [
    "UNDERSTUDY_ADDRESSES=192.0.2.10/24 2001:db8::10/64",
    "UNDERSTUDY_NODE=chip",
    "UNDERSTUDY_RESOURCE=script",
    "UNDERSTUDY_SERVICE=www",
    "UNDERSTUDY_TERM=7",
    "UNDERSTUDY_VERB=start",
  ];
  assert.deepEqual(result, { kind: "done", output: `${lines.join("\n")}\n` });
});

test("the end of a command is judged by its verb", () => {
  const exit = (code: number) => ({ kind: "exited", code, output: "o" }) as const;
  assert.equal(judgeEnd("probe", exit(0)).kind, "done");
  assert.equal(judgeEnd("probe", exit(3)).kind, "stopped");
  assert.equal(judgeEnd("probe", exit(7)).kind, "stopped");
  assert.deepEqual(judgeEnd("probe", exit(1)), { kind: "failed", code: 1, output: "o" });
  assert.deepEqual(judgeEnd("stop", exit(7)), { kind: "failed", code: 7, output: "o" });
  assert.equal(judgeEnd("stop", { kind: "deadline", waited: ms(1), output: "" }).kind, "unknown");
  const killed = judgeEnd("start", { kind: "signalled", signal: "SIGKILL", output: "" });
  assert.deepEqual(killed, { kind: "failed", code: null, output: "(ended by SIGKILL)" });
});

test("without a probe the last success counts, and before it nothing is known", options, async () => {
  const port = openPort();
  const resource = command({});
  assert.equal((await run(port, resource, "probe")).kind, "unknown");
  await run(port, resource, "start");
  assert.equal((await run(port, resource, "probe")).kind, "done");
  await run(port, resource, "stop");
  assert.equal((await run(port, resource, "probe")).kind, "stopped");
  assert.equal((await run(port, command({ stop: sh("exit 1") }), "stop")).kind, "failed");
  assert.equal((await run(port, resource, "probe")).kind, "unknown");
});

test(
  "an op that missed its deadline keeps its output, and the next waits until it is dead",
  options,
  async () => {
    const port = openPort();
    const resource = command({
      start: sh("trap '' TERM; echo begun; echo $$ > stuck-start; while :; do sleep 1020; done").map((a) =>
        a.replace("stuck-start", join(folder, "stuck-start")),
      ),
      stop: sh(`kill -0 $(cat ${join(folder, "stuck-start")}) 2>/dev/null && exit 9; exit 0`),
    });
    const start = await run(port, resource, "start", 300);
    assert.ok(start.kind === "unknown");
    assert.equal(start.output, "begun\n");
    assert.deepEqual(await run(port, resource, "stop"), { kind: "done", output: "" });
  },
);

test("a process gets its environment, directory and the context", options, async () => {
  const port = openPort();
  const exits = exitsOf(port);
  const resource = process_("echo $COLOR $PWD $UNDERSTUDY_SERVICE; exit 5", {
    env: { COLOR: "blue" },
    restarts: { limit: 0, within: ms(1000) },
  });
  await run(port, resource, "start");
  const [exit] = await exits;
  assert.deepEqual(exit, {
    service: "www",
    resource: "app",
    next: "failed",
    why: "it ended by itself with exit code 5; it is never restarted",
    output: `blue ${folder} www\n`,
  });
});

test(
  "a process that ends is restarted up to its limit, then it has failed and nothing is left",
  options,
  async () => {
    const runDirectory = newRunDirectory();
    const port = openPort(runDirectory);
    const exits = exitsOf(port);
    const started = join(folder, "started");
    const resource = process_(`echo x >> ${started}; sleep 1021 & echo $! > rest; exit 1`);
    await run(port, resource, "start");
    const nexts = (await exits).map((exit) => [exit.next, exit.why]);
    assert.deepEqual(nexts, [
      ["restarting", "it ended by itself with exit code 1; restart 1 of 2 within 60 s"],
      ["restarting", "it ended by itself with exit code 1; restart 2 of 2 within 60 s"],
      ["failed", "it ended by itself with exit code 1; it was restarted 2 times within 60 s"],
    ]);
    assert.equal(readFileSync(started, "utf8"), "x\nx\nx\n");
    assert.equal(isAlive(await pidIn("rest")), false);
    assert.deepEqual(await run(port, resource, "probe"), { kind: "stopped", output: nexts[2]?.[1] });
    assert.deepEqual(readdirSync(join(runDirectory, "processes")), []);
  },
);

test("a killed process is started again, and a stop after that ends it for good", options, async () => {
  const port = openPort();
  const restarting = Promise.withResolvers<ProcessExit>();
  port.onExit(restarting.resolve);
  const resource = process_("echo $$ > killed; exec sleep 1022");
  await run(port, resource, "start");
  const first = await pidIn("killed");
  rmSync(join(folder, "killed"));
  process.kill(first, "SIGKILL");
  const exit = await restarting.promise;
  assert.match(exit.why, /^it was ended by SIGKILL; restart 1 of 2/);
  const second = await pidIn("killed");
  assert.notEqual(second, first);
  assert.equal((await run(port, resource, "stop")).kind, "done");
  assert.equal(isAlive(second), false);
});

test("a stop that was asked for is no exit, and takes the whole group", options, async () => {
  const port = openPort();
  let exits = 0;
  port.onExit(() => {
    exits += 1;
  });
  const script =
    "trap '' TERM; sh -c \"trap '' TERM; echo \\$\\$ > grandchild; sleep 1023; sleep 1024\" & wait; sleep 1025";
  const resource = process_(script);
  await run(port, resource, "start");
  const grandchild = await pidIn("grandchild");
  const stop = await run(port, resource, "stop");
  assert.ok(stop.kind === "done");
  assert.match(
    stop.remark ?? "",
    new RegExp(`^SIGTERM did not end it within .* s, so .*\\b${grandchild}\\b`),
  );
  assert.equal(isAlive(grandchild), false);
  assert.equal((await run(port, resource, "probe")).kind, "stopped");
  assert.equal(exits, 0);
});

test("starting twice starts once", options, async () => {
  const port = openPort();
  const resource = process_("echo x >> twice; exec sleep 1026");
  await run(port, resource, "start");
  assert.deepEqual(await run(port, resource, "start"), { kind: "done", output: "it runs already" });
  await run(port, resource, "stop");
  assert.equal(readFileSync(join(folder, "twice"), "utf8"), "x\n");
});

for (const [title, more, pattern] of [
  ["user", { user: "nobody-of-that-name" }, /no user "nobody-of-that-name" on this node/],
  ["program", { run: ["/nowhere/tool"] }, /^\/nowhere\/tool: there is no such program$/],
] as const) {
  test(`a missing ${title} fails the start and leaves no note`, options, async () => {
    const runDirectory = newRunDirectory();
    const port = openPort(runDirectory);
    const result = await run(port, process_("true", more), "start");
    assert.ok(result.kind === "failed");
    assert.match(result.output, pattern);
    assert.deepEqual(readdirSync(join(runDirectory, "processes")), []);
  });
}

test("what cannot be recorded is not started", options, async () => {
  const runDirectory = newRunDirectory();
  writeFileSync(runDirectory, "a file where the run directory should be");
  const port = openPort(runDirectory);
  const result = await run(port, process_("echo $$ > unrecorded"), "start");
  assert.ok(result.kind === "failed");
  assert.match(result.output, /^not started, because it cannot be recorded: /);
  assert.equal(existsSync(join(folder, "unrecorded")), false);
});

test("the next life finds what an earlier one left: probe, sweep, stop", options, async () => {
  const runDirectory = newRunDirectory();
  const resource = process_("echo $$ > earlier; exec sleep 1027", {
    restarts: { limit: 0, within: ms(1000) },
  });
  const earlierLife = openPort(runDirectory);
  await run(earlierLife, resource, "start");
  const pid = await pidIn("earlier");
  const nextLife = openPort(runDirectory);
  assert.deepEqual(await run(nextLife, resource, "probe"), {
    kind: "done",
    output: "left by an earlier life of the daemon",
  });
  assert.deepEqual(await sweep(nextLife), []);
  assert.equal(isAlive(pid), false);
  assert.equal((await run(nextLife, resource, "probe")).kind, "stopped");
  assert.deepEqual(await sweep(nextLife), []);
});

test("a start ends first what an earlier life left", options, async () => {
  const runDirectory = newRunDirectory();
  const resource = process_("echo $$ > again; exec sleep 1028", { restarts: { limit: 0, within: ms(1000) } });
  await run(openPort(runDirectory), resource, "start");
  const earlier = await pidIn("again");
  rmSync(join(folder, "again"));
  const port = openPort(runDirectory);
  assert.equal((await run(port, resource, "start")).kind, "done");
  const now = await pidIn("again");
  assert.equal(isAlive(earlier), false);
  assert.equal(isAlive(now), true);
  assert.equal((await run(port, resource, "stop")).kind, "done");
});

test(
  "a note without a pid, from a daemon killed while starting, still finds the process",
  options,
  async () => {
    const runDirectory = newRunDirectory();
    const resource = process_("echo $$ > noted; exec sleep 1029", {
      restarts: { limit: 0, within: ms(1000) },
    });
    await run(openPort(runDirectory), resource, "start");
    const pid = await pidIn("noted");
    const path = join(runDirectory, "processes", encodeURIComponent("www/app"));
    const note = JSON.parse(readFileSync(`${path}.json`, "utf8"));
    writeFileSync(`${path}.json`, JSON.stringify({ ...note, pid: 0, startTicks: 0 }));
    assert.deepEqual(await sweep(openPort(runDirectory)), []);
    assert.equal(isAlive(pid), false);
  },
);

test("a note never leads to a stranger: other start time, other boot, nonsense", options, async () => {
  const runDirectory = newRunDirectory();
  const resource = process_("echo $$ > stranger; exec sleep 1030", {
    restarts: { limit: 0, within: ms(1000) },
  });
  const port = openPort(runDirectory);
  await run(port, resource, "start");
  const pid = await pidIn("stranger");
  const path = `${join(runDirectory, "processes", encodeURIComponent("www/app"))}.json`;
  const note = JSON.parse(readFileSync(path, "utf8"));
  for (const text of [
    JSON.stringify({ ...note, startTicks: note.startTicks + 1, token: "another" }),
    JSON.stringify({ ...note, boot: "another" }),
    JSON.stringify({ ...note, pid: "1" }),
    "null",
    "{",
    "",
  ]) {
    writeFileSync(path, text);
    assert.deepEqual(await sweep(openPort(runDirectory)), [], text);
    assert.equal(isAlive(pid), true, text);
  }
  assert.equal((await run(port, resource, "stop")).kind, "done");
});

test("the end of the daemon ends every process", options, async () => {
  const port = openPort();
  const one = process_("echo $$ > end-one; exec sleep 1031", { id: "one" });
  const two = process_("trap '' TERM; echo $$ > end-two; sleep 1032; sleep 1033", { id: "two" });
  await run(port, one, "start");
  await run(port, two, "start");
  const pids = [await pidIn("end-one"), await pidIn("end-two")];
  assert.deepEqual(await stopAll(port), []);
  assert.deepEqual(pids.map(isAlive), [false, false]);
  assert.deepEqual(await stopAll(port), []);
});
