import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "#model/config.ts";
import { nodeId } from "#model/ids.ts";
import { instant, ms, NEVER } from "#model/units.ts";
import { parseConfig } from "../../config/parse.ts";
import { type DeviceFacts, type LiveFacts, protectionAnywhere, protectionOn } from "./protection.ts";

const CHIP = nodeId("chip");
const NOW = instant(1_000_000);
const IPMI = (host: number) => `{ ipmi: 10.9.8.${host}, user: ha, password_file: /etc/p }`;
const ADDRESS = "      - address: 198.51.100.80/24";
const PROCESS = "      - process: /bin/db";
const PAIR = "";
const WITNESS = "witness: 198.51.100.9";

function configOf(top: string, resources: string, service = ""): Config {
  const parsed = parseConfig(`version: 1
cluster: office
nodes: { chip: 198.51.100.21, dale: 198.51.100.22 }
${top}
services:
  db:
    place: [chip, dale]
${service}
    resources:
${resources}
`);
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  return parsed.config;
}

function live(changes: Partial<LiveFacts> = {}): LiveFacts {
  return { now: NOW, lease: ms(500), watchdogs: new Map(), devices: [], holder: null, ...changes };
}

const device = (name: string, changes: Partial<DeviceFacts> = {}): DeviceFacts => ({
  node: CHIP,
  device: name,
  problem: null,
  answeredAt: instant(NOW - 180_000),
  ...changes,
});

const silent = (name: string) => device(name, { problem: "no route to host", answeredAt: NEVER });

function told(config: Config, facts: LiveFacts | null): readonly [string, number | null] {
  const [service] = config.services;
  assert.ok(service !== undefined);
  const { state, text, seconds } = protectionOn(config, service, CHIP, facts);
  assert.ok(text.startsWith(state === "none" ? "unprotected: " : `${state}: `), text);
  return [text, seconds];
}

const FENCED = `fencing: { chip: ${IPMI(1)}, dale: ${IPMI(2)} }`;
const LEVELS = `fencing:
  chip: [{ ssh: root@198.51.100.21 }, ${IPMI(1)}, { command: { off: [/bin/off], status: [/bin/on] } }]
  dale: ${IPMI(2)}`;

const ROWS: readonly (readonly [string, Config, LiveFacts | null, string, number | null])[] = [
  [
    "an address",
    configOf(WITNESS, ADDRESS),
    null,
    "safe: its address is revoked by the kernel within 0.5 s",
    0.8,
  ],
  [
    "an address where the lease is twice as long",
    configOf(WITNESS, ADDRESS),
    live({ lease: ms(1000) }),
    "safe: its address is revoked by the kernel within 1 s",
    1.3,
  ],
  [
    "copies that do no harm",
    configOf(WITNESS, `${PROCESS}\n        exclusive: false`),
    null,
    "safe: two copies of it do no harm, about 0.8 s",
    0.8,
  ],
  [
    "a device that answers",
    configOf(`${WITNESS}\n${FENCED}`, PROCESS),
    live({ devices: [device("ipmi 10.9.8.1")] }),
    "safe: fenced by ipmi 10.9.8.1 (answered 3 minutes ago), about 4 s",
    4,
  ],
  [
    "a device that was not asked yet",
    configOf(`${WITNESS}\n${FENCED}`, PROCESS),
    null,
    "safe: fenced by ipmi 10.9.8.1, about 4 s",
    4,
  ],
  [
    "a device that does not answer",
    configOf(`${WITNESS}\n${FENCED}`, PROCESS),
    live({ devices: [silent("ipmi 10.9.8.1")] }),
    "blocked: fence device ipmi 10.9.8.1 does not answer; needs `understudy confirm-dead chip`",
    null,
  ],
  [
    "levels: one that only asks, one that is silent, one that answers",
    configOf(`${WITNESS}\n${LEVELS}`, PROCESS),
    live({ devices: [silent("ipmi 10.9.8.1"), device("command off")] }),
    "safe: fenced by command off (answered 3 minutes ago), about 48 s (fence device ipmi 10.9.8.1 does not answer)",
    48,
  ],
  [
    "an operator alone",
    configOf(`${WITNESS}\nfencing: { chip: operator, dale: operator }`, PROCESS),
    live(),
    "blocked: needs `understudy confirm-dead chip`",
    null,
  ],
  [
    "a watchdog, armed",
    configOf(`${WITNESS}\nwatchdog: required`, PROCESS),
    live({ watchdogs: new Map([[CHIP, ms(10_000)]]) }),
    "safe: reset by its watchdog, about 15 s",
    14.8,
  ],
  [
    "a watchdog that should be armed and is not",
    configOf(`${WITNESS}\nwatchdog: required`, PROCESS),
    live({ watchdogs: new Map([[CHIP, null]]) }),
    "blocked: its watchdog is not armed; needs `understudy confirm-dead chip`",
    null,
  ],
  [
    "a watchdog behind a silent device",
    configOf(`${WITNESS}\nwatchdog: required\n${FENCED}`, PROCESS),
    live({ watchdogs: new Map([[CHIP, ms(10_000)]]), devices: [silent("ipmi 10.9.8.1")] }),
    "safe: reset by its watchdog, about 15 s (fence device ipmi 10.9.8.1 does not answer)",
    14.8,
  ],
  [
    "both",
    configOf(`${WITNESS}\nwatchdog: required\n${FENCED}`, PROCESS),
    live({ watchdogs: new Map([[CHIP, ms(10_000)]]) }),
    "safe: fenced by ipmi 10.9.8.1, about 4 s; else reset by its watchdog, about 15 s",
    4,
  ],
  [
    "two voters: whoever does not hold the tenure waits before it fences, even for an address",
    configOf(`${PAIR}${FENCED}`, ADDRESS),
    live({ holder: CHIP }),
    "safe: fenced by ipmi 10.9.8.1, about 7 s",
    7,
  ],
  [
    "two voters: the holder fences at once",
    configOf(`${PAIR}${FENCED}`, ADDRESS),
    live({ holder: nodeId("dale") }),
    "safe: fenced by ipmi 10.9.8.1, about 4 s",
    4,
  ],
  [
    "two voters: the holder's watchdog proves nothing",
    configOf("watchdog: required\nfencing: { chip: operator, dale: operator }", ADDRESS),
    live({ holder: CHIP, watchdogs: new Map([[CHIP, ms(10_000)]]) }),
    "blocked: between two voters its watchdog proves nothing; needs `understudy confirm-dead chip`",
    null,
  ],
  [
    "two voters: the watchdog of the one that does not hold it counts",
    configOf("watchdog: required\nfencing: { chip: operator, dale: operator }", ADDRESS),
    live({ holder: nodeId("dale"), watchdogs: new Map([[CHIP, ms(10_000)]]) }),
    "safe: reset by its watchdog, about 15 s",
    14.8,
  ],
  [
    "two voters: eager",
    configOf("reach: [198.51.100.1]", ADDRESS, "    split: eager"),
    live(),
    "eager: two actives possible for as long as the nodes do not hear each other",
    0.8,
  ],
];

for (const [what, config, facts, text, seconds] of ROWS) {
  test(`protection by ${what}`, () => assert.deepEqual(told(config, facts), [text, seconds]));
}

test("a service with one node is not protected", () => {
  const config = configOf(WITNESS, ADDRESS);
  const [service] = config.services;
  assert.ok(service !== undefined);
  const lonely = { ...service, place: [CHIP] };
  assert.deepEqual(protectionOn(config, lonely, CHIP, null), {
    state: "none",
    text: "unprotected: only chip may run it",
    seconds: null,
  });
});

test("over all nodes the worst counts, and what differs is said for each", () => {
  const config = configOf(`${WITNESS}\nfencing: { chip: ${IPMI(1)}, dale: operator }`, PROCESS);
  const [service] = config.services;
  assert.ok(service !== undefined);
  assert.deepEqual(protectionAnywhere(config, service), {
    state: "blocked",
    text: "on dale blocked: needs `understudy confirm-dead dale`; on chip safe: fenced by ipmi 10.9.8.1, about 4 s",
    seconds: null,
  });
  const address = configOf(WITNESS, ADDRESS);
  const [web] = address.services;
  assert.ok(web !== undefined);
  assert.equal(
    protectionAnywhere(address, web).text,
    "safe: its address is revoked by the kernel within 0.5 s",
  );
});
