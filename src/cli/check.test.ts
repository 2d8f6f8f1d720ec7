import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readConfiguration } from "./configuration.ts";
import type { Io } from "./io.ts";
import { findMember } from "./member.ts";
import { runCommand } from "./run.ts";

const GOOD = `version: 1
cluster: office
nodes:
  chip: 198.51.100.21
  dale: 198.51.100.22
witness: 198.51.100.9
services:
  web:
    place: [chip, dale]
    resources:
      - address: 198.51.100.80/24
`;

let dir = "";
let file = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "understudy-cli-"));
  file = join(dir, "understudy.yaml");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const ran = await runCommand(argv, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    columns: () => null,
    canAsk: false,
    ask: async () => "",
    version: "0.1.0",
  } satisfies Io);
  return { code: ran.kind === "exit" ? ran.code : -1, out: out.join("\n"), err: err.join("\n") };
}

test("a valid file is described in one line", async () => {
  writeFileSync(file, GOOD);
  const { code, out, err } = await run("check", file);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(
    out,
    /valid\. Cluster office: 2 nodes, 1 witness, 3 voters, 1 service; lease 500 ms \(default\); hash /,
  );
  const json = JSON.parse((await run("check", file, "--json")).out);
  assert.deepEqual([json.valid, json.cluster, json.warnings], [true, "office", []]);
  assert.deepEqual(json.services, [
    {
      name: "web",
      protection: {
        state: "safe",
        text: "safe: its address is revoked by the kernel within 0.5 s",
        seconds: 0.8,
      },
    },
  ]);
});

test("an invalid file ends with 65 and all problems, in text and in JSON", async () => {
  writeFileSync(file, GOOD.replace("place:", "plaec:").replace("version: 1", "version: 1\ntimng: fast"));
  const { code, out, err } = await run("check", file);
  assert.deepEqual([code, out], [65, ""]);
  assert.match(err, /understudy\.yaml:2:1: .*timng/);
  assert.match(err, /did you mean "?timing/i);
  assert.match(err, /plaec/);
  assert.match(err, /: invalid, \d problems$/);
  const json = JSON.parse((await run("check", file, "--json")).out);
  assert.equal(json.valid, false);
  assert.ok(json.problems.length >= 2);
});

test("a file that is good and hardly meant: the warnings with place and hint, and 0", async () => {
  const byHand = GOOD.replace("witness: 198.51.100.9", "fencing: { chip: operator, dale: operator }");
  writeFileSync(file, byHand);
  const { code, out, err } = await run("check", file);
  assert.equal(code, 0);
  assert.match(out, /valid\. Cluster office: 2 nodes, 0 witnesses, 2 voters/);
  assert.match(out, /^web +on chip blocked: needs `understudy confirm-dead chip`; on dale blocked: needs/m);
  assert.match(
    err,
    /understudy\.yaml:9:13: services\.web\.place\[0\]: when chip or dale dies, nothing moves web/,
  );
  assert.match(err, /hint: understudy confirm-dead chip/);
  const json = JSON.parse((await run("check", file, "--json")).out);
  assert.deepEqual([json.valid, json.warnings[0].line, json.warnings[0].column], [true, 9, 13]);
});

test("two nodes and nothing else: refused, with the ways out", async () => {
  writeFileSync(file, GOOD.replace("witness: 198.51.100.9\n", ""));
  const { code, err } = await run("check", file);
  assert.equal(code, 65);
  assert.match(err, /understudy\.yaml:3:1: nodes: two nodes and no witness/);
  for (const way of [/witness: 192/, /ipmi: /, /split: eager/, /operator/]) assert.match(err, way);
});

test("a file that is missing, or no file, ends with 65", async () => {
  const missing = await run("check", file);
  assert.deepEqual([missing.code, missing.err], [65, `cannot read ${file}: there is no such file`]);
  assert.equal((await run("check", dir)).code, 65);
  assert.match(JSON.parse((await run("check", file, "--json")).out).error, /there is no such file$/);
});

test("which member a daemon is", () => {
  writeFileSync(file, GOOD);
  const read = readConfiguration(file);
  assert.ok(read.kind === "ok");
  const find = (role: "node" | "witness", node: string | null) => {
    const found = findMember(read.config, { role, node });
    return found.kind === "ok" ? found.node : found.text;
  };
  assert.equal(find("node", "chip"), "chip");
  assert.equal(find("witness", null), "witness");
  assert.equal(find("node", "chpi"), 'the configuration has no node "chpi"; did you mean chip?');
  assert.equal(find("node", "witness"), 'witness is a witness: use "understudy witness --node witness"');
  assert.equal(find("witness", "dale"), 'dale is a node: use "understudy up --node dale"');
  assert.equal(find("node", null), "the configuration has several: say --node chip or --node dale");
});

test("keygen writes a key for its owner alone, and never over a file", async () => {
  const key = join(dir, "cluster.key");
  assert.equal((await run("keygen", key)).code, 0);
  const text = readFileSync(key, "utf8");
  assert.match(text, /^[0-9a-f]{64}\n$/);
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const again = await run("keygen", key);
  assert.equal(again.code, 2);
  assert.match(again.err, /exists and is not overwritten/);
  assert.equal(readFileSync(key, "utf8"), text);
});

test("keygen - prints a key, each time another one", async () => {
  const [first, second] = [await run("keygen", "-"), await run("keygen", "-")];
  assert.match(first.out, /^[0-9a-f]{64}$/);
  assert.notEqual(first.out, second.out);
});

test("keygen into a folder that is not there says so", async () => {
  const { code, err } = await run("keygen", join(dir, "none", "cluster.key"));
  assert.equal(code, 2);
  assert.match(err, /cannot write .*ENOENT/);
});
