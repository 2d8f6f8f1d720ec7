import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatDuration, parseSince } from "./duration.ts";
import type { Io } from "./io.ts";
import { commandNames, runCommand } from "./run.ts";

async function run(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    columns: () => null,
    canAsk: false,
    ask: async () => "",
    version: "0.1.0",
  };
  return { ran: await runCommand(argv, io), out: out.join("\n"), err: err.join("\n") };
}

const exit = (code: number) => ({ kind: "exit", code });

test("every command explains itself with options and examples", async () => {
  for (const name of commandNames().filter((each) => each !== "help")) {
    for (const argv of [
      [name, "--help"],
      [name, "-h"],
      ["help", name],
      [name, "a", "b", "c", "d", "--help"],
    ]) {
      const { ran, out, err } = await run(...argv);
      assert.deepEqual([ran, err], [exit(0), ""], argv.join(" "));
      assert.ok(out.startsWith(`Usage: understudy ${name}`), argv.join(" "));
      assert.match(out, /\nOptions:\n/);
      assert.match(out, new RegExp(`\nExamples:\n {2}understudy ${name}`));
      const tooLong = out.split("\n").filter((line) => line.length > 110);
      assert.deepEqual(tooLong, [], name);
    }
  }
});

test("the usage line names every option, and no other", async () => {
  for (const name of commandNames().filter((each) => each !== "help")) {
    const [head = "", rest = ""] = (await run(name, "--help")).out.split("\nOptions:\n");
    const usage = head.split("\n")[0] ?? "";
    const options = [...(rest.split("\n\nExamples:")[0] ?? "").matchAll(/--([\w-]+)/g)].map(
      (match) => match[1],
    );
    const named = [...usage.matchAll(/--([\w-]+)/g)].map((match) => match[1]);
    assert.deepEqual([...named, "help"].sort(), options.sort(), name);
  }
});

test("the reference documents every command and every option", async () => {
  const text = readFileSync(new URL("../../docs/commands.md", import.meta.url), "utf8");
  const sections = new Map(text.split(/^### /m).map((part) => [part.split(/\s/, 1)[0] ?? "", part]));
  for (const name of commandNames()) {
    const section = sections.get(name);
    assert.ok(section !== undefined, `docs/commands.md has no section ${name}`);
    if (name === "help") continue;
    const { out } = await run(name, "--help");
    for (const [option] of out.matchAll(/--[\w-]+/g)) {
      assert.ok(option === "--help" || section.includes(option), `${name} ${option}`);
    }
  }
});

test("the overview lists every command; without a command it is a usage error", async () => {
  const { ran, out } = await run("help");
  assert.deepEqual(ran, exit(0));
  for (const name of commandNames()) assert.match(out, new RegExp(`^ {2}${name} +\\S`, "m"));
  assert.equal((await run("--help")).out, out);
  const none = await run();
  assert.deepEqual([none.ran, none.out, none.err], [exit(64), "", out]);
});

test("an unknown command or option is a usage error with a suggestion", async () => {
  const cases: [string[], RegExp][] = [
    [["statsu"], /unknown command "statsu"\ndid you mean "understudy status"\?/],
    [["help", "swichover"], /did you mean "understudy switchover"\?/],
    [["frobnicate"], /unknown command "frobnicate"\n"understudy help" lists/],
    [["--jsno"], /unknown option "--jsno"/],
    [["constructor"], /unknown command/],
    [["status", "--jsn"], /unknown option --jsn\ndid you mean --json\?/],
    [["status", "--__proto__"], /unknown option --__proto__/],
    [["status", "-x"], /unknown option -x/],
    [["status", "--json=yes"], /--json takes no value/],
    [["status", "web"], /status takes no "web"\nusage: understudy status/],
    [["status", "--run-dir"], /--run-dir needs a value: --run-dir D/],
    [["status", "--run-dir", "--json"], /--run-dir needs a value/],
    [["status", "--run-dir="], /--run-dir has an empty value/],
    [["status", "--run-dir", "a", "--run-dir", "b"], /--run-dir is given twice/],
    [["why"], /why needs more words\nusage: understudy why SERVICE/],
    [["why", ""], /why got an empty word/],
    [["up"], /up needs --node NAME/],
    [["maintenance", "maybe"], /maintenance is "on" or "off"/],
  ];
  for (const [argv, expected] of cases) {
    const { ran, out, err } = await run(...argv);
    assert.deepEqual(ran, exit(64), argv.join(" "));
    assert.match(err, expected);
    assert.equal(out, "");
  }
});

test("up and witness hand their options to whoever starts the daemon", async () => {
  assert.deepEqual((await run("up", "--node", "chip", "--config=c.yaml", "--state-dir", "s")).ran, {
    kind: "up",
    options: { role: "node", node: "chip", configFile: "c.yaml", stateDir: "s", runDir: "/run/understudy" },
  });
  assert.deepEqual((await run("witness")).ran, {
    kind: "up",
    options: {
      role: "witness",
      node: null,
      configFile: "/etc/understudy/understudy.yaml",
      stateDir: null,
      runDir: "/run/understudy",
    },
  });
});

test("version prints the version", async () => {
  for (const word of ["version", "--version", "-V"]) assert.equal((await run(word)).out, "understudy 0.1.0");
});

test("durations are one number with a unit", () => {
  const cases: [number, string][] = [
    [0, "0 ms"],
    [1.26, "1.3 ms"],
    [12.6, "13 ms"],
    [999.4, "999 ms"],
    [999.6, "1 s"],
    [3_440, "3.4 s"],
    [63_000, "63 s"],
    [300_000, "5 min"],
    [7_200_000, "2 h"],
    [259_200_000, "3 d"],
  ];
  for (const [milliseconds, text] of cases) assert.equal(formatDuration(milliseconds), text);
});

test("--since takes spans and dates, local time unless they name a zone", () => {
  const now = Date.parse("2026-11-20T10:00:00");
  assert.equal(parseSince("10m", now), now - 600_000);
  assert.equal(parseSince("1.5 h", now), now - 5_400_000);
  assert.equal(parseSince("2026-11-20", now), Date.parse("2026-11-20T00:00:00"));
  assert.equal(parseSince("2026-11-20 09:30", now), now - 1_800_000);
  assert.equal(parseSince("2026-11-20T10:00:00Z", now), Date.UTC(2026, 10, 20, 10));
  for (const text of ["", "10", "m", "yesterday", "-5m", "2026-13-40"])
    assert.equal(parseSince(text, now), null);
});
