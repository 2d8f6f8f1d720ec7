import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_WATCHDOG } from "#model/config.ts";
import { canProve, provesAlone } from "#model/fencing.ts";
import { fencingFrom, levelsFrom, watchdogFrom } from "./fencing.ts";
import { FENCING, NODE_FENCING, WATCHDOG } from "./schema-fencing.ts";

const BMC = { user: "ha", password_file: "/etc/bmc" };
const levels = (written: unknown) => levelsFrom(NODE_FENCING.parse(written));
const optionsOf = (written: unknown) => {
  const device = levels(written)[0]?.[0];
  assert(device?.kind === "agent");
  return device.options.map(([name, value]) => `${name}=${value}`).join(" ");
};

test("one device, a list of it and a list of lists of it are the same level", () => {
  const device = { ipmi: "10.9.8.1", ...BMC };
  assert.deepEqual(levels([device]), levels(device));
  assert.deepEqual(levels([[device]]), levels(device));
  assert.equal(levels([[device, device]]).length, 1);
  assert.equal(levels([device, device]).length, 2);
});

test("devices of a node have ids for people, each once over all levels", () => {
  const written = [
    { ipmi: "10.9.8.1", ...BMC },
    [{ agent: "fence_apc", options: { ip: "10.9.7.1", plug: 3 } }, { agent: "fence_sbd" }],
    [{ ipmi: "10.9.8.1", ...BMC, timeout: "5s" }],
    { redfish: "https://10.9.8.1:443/", ...BMC },
    { command: { off: "/opt/power off", status: "/opt/power status" } },
    { ssh: "root@192.0.2.1" },
    "operator",
  ];
  const ids = levels(written).map((level) => level.map(({ id }) => id));
  assert.deepEqual(ids, [
    ["ipmi 10.9.8.1"],
    ["fence_apc 10.9.7.1 plug 3", "fence_sbd"],
    ["ipmi 10.9.8.1-2"],
    ["redfish 10.9.8.1"],
    ["command power"],
    ["ssh root@192.0.2.1"],
    ["operator"],
  ]);
});

test("the short forms become options of the agents that know them, sorted, and never a password", () => {
  const ipmi = { ipmi: "10.9.8.1", ...BMC, options: { cipher: 17, "power-wait": true } };
  assert.equal(optionsOf(ipmi), "cipher=17 ip=10.9.8.1 ipport=623 lanplus=1 power-wait=1 username=ha");
  const redfish = (url: string, more = {}) => optionsOf({ redfish: url, ...BMC, ...more });
  assert.equal(redfish("https://10.9.8.1"), "ip=10.9.8.1 ipport=443 ssl=1 username=ha");
  // Presence of the option would be a yes, whatever its value.
  assert.doesNotMatch(redfish("https://10.9.8.1", { insecure: false }), /insecure/);
  assert.match(
    redfish("https://[2001:db8::1]:8443", { insecure: true }),
    /^ip=\[2001:db8::1\] .*ssl_insecure=1/,
  );
  assert.match(redfish("https://10.9.8.1/redfish/v1/"), /redfish_uri=\/redfish\/v1 /);
  assert.match(redfish("https://10.9.8.1/redfish/v1/Systems/2/"), /systems_uri=\/redfish\/v1\/Systems\/2 /);
});

test("only agents and commands prove, and a level proves alone when all of it does", () => {
  const proving = [{ agent: "fence_sbd" }, { command: { off: "/opt/off", status: "/opt/status" } }];
  const others = [{ ssh: "192.0.2.1" }, "operator"];
  assert.deepEqual(levels([...proving, ...others]).map(provesAlone), [true, true, false, false]);
  const mixed = levels([[...proving, "operator"]])[0];
  assert.deepEqual([mixed?.map(canProve), mixed && provesAlone(mixed)], [[true, true, false], false]);
});

test("nodes are sorted, and what is not written about the policy comes from the defaults", () => {
  const written = FENCING.parse({ b: "operator", a: "operator" });
  const { nodes, ...policy } = fencingFrom(written, undefined);
  assert.deepEqual(
    nodes.map(({ node }) => node),
    ["a", "b"],
  );
  assert.deepEqual(policy, { delay: 3000, perHour: 3, testEvery: 300_000 });
});

test("a watchdog that is never opened is the same in every spelling", () => {
  for (const written of ["none", { mode: "none", device: "/dev/x", timeout: "5s" }])
    assert.deepEqual(watchdogFrom(WATCHDOG.parse(written)), NO_WATCHDOG);
  const required = { mode: "required", device: "/dev/watchdog", timeout: 10_000 };
  assert.deepEqual(watchdogFrom(WATCHDOG.parse("required")), required);
  assert.deepEqual(watchdogFrom(WATCHDOG.parse({ mode: "required" })), required);
});
