import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createPrograms } from "#drivers/programs/programs.ts";
import { type AgentDevice, type FencingConfig, NO_FENCING } from "#model/fencing.ts";
import { nodeId } from "#model/ids.ts";
import { ms } from "#model/units.ts";
import { createFenceCatalog, type DescribedAgent } from "./catalog.ts";
import { checkFenceDevices } from "./check-devices.ts";
import { checkDevice, checkOptions } from "./check-options.ts";
import { type AgentMetadata, parseMetadata } from "./metadata.ts";

const SAMPLE = `<?xml version="1.0" ?>
<resource-agent name="fence_sample" shortdesc="Fence agent for
  samples" >
<symlink name="fence_other" shortdesc="Not this one"/>
<longdesc>It &lt;fences&gt; <![CDATA[a & b]]>
 and more.</longdesc>
<parameters>
	<parameter name="action" unique="0" required="1">
		<getopt mixed="-o, --action=[action]" />
		<content type="string" default="reboot"  />
		<shortdesc lang="en">Fencing action</shortdesc>
	</parameter>
	<parameter name="auth" required="0"><content type="select">
		<option value="md5" /><option value="none" /></content>
		<shortdesc lang="en">Auth type</shortdesc>
	</parameter>
	<parameter name="ip" required="1" obsoletes="ipaddr">
		<content type="string"  /><shortdesc lang="en">Address &quot;or&quot; name</shortdesc>
		<shortdesc lang="de">Adresse</shortdesc>
	</parameter>
	<parameter name="ipaddr" required="1" deprecated="1"><content type="string" /></parameter>
	<parameter name="ipport" required="1"><content type="integer" default="623" /></parameter>
	<parameter name="lanplus" required="0"><content type="boolean" default="0" /></parameter>
	<parameter name="password" required="0"><content type="string" /></parameter>
	<parameter name="power_wait" required="0"><content type="second" /></parameter>
	<parameter name="ssh_options" required="0"><content type="string" default="[&apos;\n&gt;&apos;]" /></parameter>
</parameters>
<actions>
	<action name="on" automatic="0"/>
	<action name="off" />
	<action name="status" />
</actions>
</resource-agent>`;

function sample(text = SAMPLE): AgentMetadata {
  const metadata = parseMetadata(text);
  assert.ok(typeof metadata !== "string", String(metadata));
  return metadata;
}

test("a description becomes name, sentences, options and actions", () => {
  const { parameters, ...rest } = sample();
  assert.deepEqual(rest, {
    name: "fence_sample",
    shortdesc: "Fence agent for samples",
    longdesc: "It <fences> a & b and more.",
    actions: ["on", "off", "status"],
  });
  assert.equal(parameters.length, 9);
  assert.deepEqual(parameters[2], {
    name: "ip",
    required: true,
    type: "string",
    default: null,
    shortdesc: 'Address "or" name',
    options: [],
    deprecated: false,
    obsoletes: "ipaddr",
  });
  assert.deepEqual(parameters[1]?.options, ["md5", "none"]);
  assert.equal(parameters[3]?.deprecated, true);
  assert.equal(parameters[4]?.default, "623");
});

test("what is printed around a description does not matter", () => {
  const noisy = `x.py:5: DeprecationWarning: <pipes> is & old\n${SAMPLE}\nWARNING: bye`;
  assert.deepEqual(sample(noisy), sample());
});

test("no description, half a one or a broken one is said in a sentence", () => {
  assert.equal(parseMetadata(""), "it prints no description of itself");
  assert.equal(parseMetadata("usage: fence_ack_manual NODE"), "it prints no description of itself");
  assert.equal(parseMetadata(SAMPLE.slice(0, -30)), "it prints no description of itself");
  for (const broken of [SAMPLE.replace("</parameters>", ""), SAMPLE.replace("&lt;", "&nothing;")])
    assert.match(String(parseMetadata(broken)), /^its description of itself is broken: /);
});

const check = (...options: [string, string][]) => checkOptions(sample(), options);

test("options that fit are no problem, under old names and with - for _ too", () => {
  assert.deepEqual(check(["ip", "10.9.8.1"]), []);
  assert.deepEqual(check(["ipaddr", "10.9.8.1"]), []);
  assert.deepEqual(
    check(["ip", "x"], ["power-wait", "5"], ["lanplus", "Yes"], ["ipport", "9623"], ["auth", "none"]),
    [],
  );
});

test("an unknown option is told with the one that was probably meant", () => {
  assert.deepEqual(check(["ip", "x"], ["lanplsu", "1"]), [
    'fence_sample has no option "lanplsu"; did you mean "lanplus"?',
  ]);
  assert.deepEqual(check(["ip", "x"], ["frobnicate", "1"]), ['fence_sample has no option "frobnicate"']);
});

test("a missing option is told; one with a default, an old name and the action are not", () => {
  assert.deepEqual(check(), ['fence_sample needs the option "ip" (Address "or" name)']);
});

test("values of the wrong form are told", () => {
  assert.deepEqual(
    check(["ip", ""], ["ipport", "6x"], ["lanplus", "perhaps"], ["power_wait", "5s"], ["auth", "md4"]),
    [
      '"ipport" of fence_sample is a whole number',
      '"lanplus" of fence_sample is yes or no: 1 or 0',
      '"power_wait" of fence_sample is a whole number of seconds, without a unit',
      '"auth" of fence_sample is one of md5, none',
    ],
  );
});

test("the action is refused, and an agent without a status is no proof", () => {
  assert.deepEqual(check(["ip", "x"], ["action", "on"]), [
    '"action" is not for you to set: understudy asks for off, status and on',
  ]);
  const mute = sample(SAMPLE.replace('<action name="status" />', ""));
  assert.deepEqual(checkOptions(mute, [["ip", "x"]]), [
    'fence_sample has no action "status": it can never prove that a node is off',
  ]);
});

test("the password of a file counts as given, and no problem repeats a value", () => {
  const needy = sample(SAMPLE.replace('name="password" required="0"', 'name="password" required="1"'));
  const device: AgentDevice = {
    kind: "agent",
    id: "x",
    agent: "fence_sample",
    timeout: ms(1000),
    options: [["ip", "x"]],
    passwordFile: "/secret",
  };
  assert.deepEqual(checkDevice(needy, device), []);
  assert.equal(checkDevice(needy, { ...device, passwordFile: null }).length, 1);
  const wrong = { ...device, options: [["ip", "x"] as const, ["pasword", "hunter2"] as const] };
  assert.doesNotMatch(checkDevice(needy, wrong).join(), /hunter2/);
});

const folder = mkdtempSync(join(tmpdir(), "understudy-catalog-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("the catalogue lists the agents of its folders, sorted, the silent ones too", {
  timeout: 30_000,
}, async () => {
  const script = (name: string, text: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  script("fence_sample", `[ "$*" = "-o metadata" ] && cat <<'END'\n${SAMPLE}\nEND`);
  for (const letter of "fedcba") script(`fence_mute_${letter}`, "exit 1");
  script("other", "exit 0");
  const catalog = createFenceCatalog(createPrograms(), [folder, "/nowhere"]);
  const all = await new Promise<readonly DescribedAgent[]>((resolve) => catalog.describeAll(resolve));
  assert.deepEqual(
    all.map(({ name }) => name),
    catalog.names(),
  );
  assert.deepEqual(
    all.map(({ kind }) => kind),
    [...Array(6).fill("silent"), "described"],
  );
  const last = all.at(-1);
  assert.deepEqual(last?.kind === "described" && last.needed, ["ip"]);
  const one = (name: string) => new Promise<DescribedAgent>((resolve) => catalog.describe(name, resolve));
  assert.deepEqual(await one("fence_none"), {
    kind: "silent",
    name: "fence_none",
    problem: "it is not installed",
  });
  assert.equal((await one("fence_sample")).kind, "described");
});

test("a host without agents has an empty catalogue", { timeout: 30_000 }, async () => {
  const catalog = createFenceCatalog(createPrograms(), ["/nowhere"]);
  assert.deepEqual(await new Promise((resolve) => catalog.describeAll(resolve)), []);
});

test("the devices of a configuration are checked, each agent asked once", { timeout: 30_000 }, async () => {
  const catalog = createFenceCatalog(createPrograms(), [folder]);
  const asked: string[] = [];
  const counting = {
    ...catalog,
    describe: (name: string, answer: (agent: DescribedAgent) => void) => {
      asked.push(name);
      catalog.describe(name, answer);
    },
  };
  const device = (id: string, agent: string, option: string): AgentDevice => ({
    kind: "agent",
    id,
    agent,
    timeout: ms(1000),
    options: [[option, "x"]],
    passwordFile: id === "two" ? "/nowhere/password" : null,
  });
  const operator = { kind: "operator", id: "operator", timeout: ms(1000) } as const;
  const nodes = [
    { node: nodeId("chip"), levels: [[device("one", "fence_sample", "ip")], [operator]] },
    { node: nodeId("dale"), levels: [[device("two", "fence_sample", "ipp")]] },
    { node: nodeId("gadget"), levels: [[device("three", "fence_none", "ip")]] },
  ];
  const check = (fencing: FencingConfig) =>
    new Promise<readonly string[]>((resolve) => checkFenceDevices(counting, fencing, resolve));
  assert.deepEqual(await check({ ...NO_FENCING, nodes }), [
    'dale, two: fence_sample has no option "ipp"; did you mean "ip"?',
    'dale, two: fence_sample needs the option "ip" (Address "or" name)',
    "dale, two: the password file /nowhere/password does not exist or may not be read",
    "gadget, three: fence_none: it is not installed",
  ]);
  assert.deepEqual(asked.sort(), ["fence_none", "fence_sample"]);
  assert.deepEqual(await check(NO_FENCING), []);
});
