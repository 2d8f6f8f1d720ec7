// The language of `fencing:`, `fence_policy:` and `watchdog:`. What the parts mean to each other is judged in
// sense-fencing.ts and protection.ts.

import type { z } from "zod";
import {
  FENCE_DELAY,
  FENCE_TEST_EVERY,
  FENCE_TEST_EVERY_MIN,
  FENCE_TIMEOUT,
  FENCES_PER_HOUR,
  FENCES_PER_HOUR_MAX,
  HTTPS_PORT,
  IPMI_PORT,
  WATCHDOG_DEVICE,
  WATCHDOG_LIMITS,
  WATCHDOG_TIMEOUT,
} from "./defaults.ts";
import {
  choice,
  didYouMean,
  isMap,
  kinds,
  leaf,
  list,
  map,
  named,
  nameOf,
  oneOf,
  type Read,
  type Refusals,
  read,
  refuse,
} from "./kit.ts";
import * as leaves from "./leaves.ts";
import { formatDuration, parseDuration } from "./leaves.ts";

export type WrittenDevice = z.output<typeof DEVICE>;
export type WrittenNodeFencing = z.output<typeof NODE_FENCING>;
export type WrittenPolicy = z.output<typeof FENCE_POLICY>;
export type WrittenWatchdog = z.output<typeof WATCHDOG>;

const OPERATOR = "operator";

const PASSWORD_HINT = "password_file: PATH, a file that only root can read; its first line is the password";

/** A configuration lies on every member, in backups and in mail. */
const NO_PASSWORD = { message: "passwords are not written into this file", hint: PASSWORD_HINT };
const SECRETS: Refusals = { password: NO_PASSWORD, passwd: NO_PASSWORD };

const TIMEOUT = {
  timeout: leaves
    .duration()
    .optional()
    .meta({
      description: "Each single call (off, status, on) is unknown after this.",
      default: formatDuration(FENCE_TIMEOUT),
    }),
};

const optionValue = () =>
  leaf(
    { type: ["string", "number", "boolean"], pattern: "^[^\\u0000-\\u001f\\u007f]*$" },
    (value): Read<string> => {
      // As fence agents read truth values from their standard input.
      if (typeof value === "boolean") return read(value ? "1" : "0");
      if (typeof value === "number") return read(String(value));
      if (typeof value !== "string")
        return refuse(
          `expected a text, a number or a truth value, found ${nameOf(value)}`,
          "as in ip: 10.9.8.1",
        );
      return /\p{Cc}/u.test(value)
        ? refuse("a line break or another control character", "an option is one line of the agent's input")
        : read(value);
    },
  );

const OPTIONS = {
  options: named(
    { pattern: /^[A-Za-z][A-Za-z0-9_-]*$/, rule: "letters, digits, dashes and underscores, a letter first" },
    optionValue(),
  )
    .optional()
    .meta({ description: "Handed to the agent as they are; its metadata names them." }),
};

const passwordFile = () =>
  leaves.absolutePath().meta({
    examples: ["/etc/understudy/secrets/ipmi-chip"],
    description: "Its first line is the password; read at each call.",
  });

const user = () => leaves.line().meta({ examples: ["ha"], description: "The account on the device." });

const IPMI = map(
  {
    ipmi: leaves.hostAddress().meta({ description: "Address of the node's BMC; by fence_ipmilan." }),
    user: user(),
    password_file: passwordFile(),
    port: leaves.wholeNumber(1, 65535).optional().meta({ description: "UDP port.", default: IPMI_PORT }),
    ...OPTIONS,
    ...TIMEOUT,
  },
  {},
  SECRETS,
);

/** `host` keeps the brackets of an IPv6 address: fence_redfish puts it into a URL as it is. */
export interface RedfishUrl {
  readonly host: string;
  readonly port: number;
  /** Null: the agent's own, /redfish/v1. */
  readonly path: string | null;
}

const REDFISH_URL = /^https:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::(\d{1,5}))?(\/[^\s?#]*)?$/;

function parseRedfish(value: unknown): Read<RedfishUrl> {
  if (typeof value === "string" && /^\w+:\/\/[^/]*@/.test(value))
    return refuse("a redfish URL holds no account", "user: and password_file: stand beside it");
  if (typeof value === "string" && value.startsWith("http:"))
    return refuse("redfish without encryption", "fence_redfish speaks https only");
  const parts = typeof value === "string" ? REDFISH_URL.exec(value.trim()) : null;
  if (parts === null)
    return refuse(`${nameOf(value)} is no https URL`, "as in https://10.20.9.21 or https://10.20.9.21:8443");
  const port = Number(parts[2] ?? HTTPS_PORT);
  if (port < 1 || port > 65535) return refuse(`${port} is no port`, "ports are 1 to 65535");
  const path = (parts[3] ?? "").replace(/\/+$/, "");
  return read({ host: parts[1] ?? "", port, path: path === "" ? null : path });
}

const redfishUrl = () => leaf({ type: "string", pattern: REDFISH_URL.source }, parseRedfish);

const REDFISH = map(
  {
    redfish: redfishUrl().meta({ description: "https URL of the node's BMC; by fence_redfish." }),
    user: user(),
    password_file: passwordFile(),
    insecure: leaves.truth().optional().meta({ description: "Accept any certificate.", default: false }),
    ...OPTIONS,
    ...TIMEOUT,
  },
  {},
  SECRETS,
);

const AGENT_NAME = /^fence_[a-z0-9_]+$/;

const agentName = () =>
  leaf({ type: "string", pattern: AGENT_NAME.source }, (value): Read<string> => {
    if (typeof value !== "string" || value.trim() === "")
      return refuse(`expected the name of a fence agent, found ${nameOf(value)}`, "as in fence_apc");
    if (value === "fence_ack_manual") return refuse(`${value} is no device`, `write ${OPERATOR}`);
    if (AGENT_NAME.test(value)) return read(value);
    const last = value.split("/").at(-1) ?? "";
    const meant = AGENT_NAME.test(last) ? last : `fence_${last}`;
    const hint = AGENT_NAME.test(meant) ? `write ${meant}` : "as in fence_apc";
    return refuse(`${nameOf(value)} is no name of a fence agent`, hint);
  });

const AGENT = map(
  {
    agent: agentName().meta({ description: "Name of a fence agent: fence_apc." }),
    password_file: passwordFile().optional(),
    ...OPTIONS,
    ...TIMEOUT,
  },
  {},
  SECRETS,
);

const COMMAND = map({
  command: map({
    off: leaves.command().meta({ examples: ["/usr/local/sbin/power off"] }),
    status: leaves.command().meta({
      examples: ["/usr/local/sbin/power status"],
      description: "Exit 0: on; 2: off; other: unknown.",
    }),
    on: leaves.command().optional().meta({ description: "Otherwise the node stays off." }),
  }).meta({ description: "Commands of your own." }),
  ...TIMEOUT,
});

/** No dash first: it would be an option of ssh. */
const SSH_TARGET = /^(?:[A-Za-z_][A-Za-z0-9_.-]*@)?[A-Za-z0-9:][A-Za-z0-9.:_-]*$/;

const sshTarget = () =>
  leaf({ type: "string", pattern: SSH_TARGET.source }, (value): Read<string> => {
    if (typeof value === "string" && SSH_TARGET.test(value)) return read(value);
    return refuse(`${nameOf(value)} is no target of ssh`, "as in root@10.0.0.2");
  });

const SSH = map(
  {
    ssh: sshTarget().meta({ description: "Asks the node itself to stop: polite, and never a proof." }),
    key_file: leaves
      .absolutePath()
      .optional()
      .meta({ description: "The private key; otherwise as ssh finds it." }),
    ...TIMEOUT,
  },
  {},
  SECRETS,
);

const DEVICE_KINDS = { ipmi: IPMI, redfish: REDFISH, agent: AGENT, command: COMMAND, ssh: SSH };

const operatorWord = () =>
  leaf({ const: OPERATOR }, (value): Read<typeof OPERATOR> => {
    if (value === OPERATOR) return read(OPERATOR);
    const kindsHint = `${OPERATOR}, or a map with one of: ${Object.keys(DEVICE_KINDS).join(", ")}`;
    return refuse(
      `expected a fence device, found ${nameOf(value)}`,
      didYouMean(value, [OPERATOR]) ?? kindsHint,
    );
  });

const DEVICE = choice("a fence device", [
  { when: isMap, schema: kinds("fence device", DEVICE_KINDS, {}) },
  { when: () => true, schema: operatorWord() },
]);

const LEVEL = choice("a fence device, or a list of them", [
  { when: Array.isArray, schema: list(DEVICE) },
  { when: () => true, schema: DEVICE },
]);

/** One node's devices: a single one, or levels. */
export const NODE_FENCING = choice("a fence device, or a list of levels", [
  { when: Array.isArray, schema: list(LEVEL) },
  { when: () => true, schema: DEVICE },
]);

export const FENCING = named(leaves.NAME, NODE_FENCING);

const testEvery = () =>
  leaf({ type: "string", examples: ["5m"] }, (value) => {
    const answer = parseDuration(value);
    if (answer.kind === "refused" || answer.value >= FENCE_TEST_EVERY_MIN) return answer;
    return refuse(`a test every ${value} is too often`, `at least ${formatDuration(FENCE_TEST_EVERY_MIN)}`);
  });

export const FENCE_POLICY = map({
  delay: leaves
    .duration()
    .optional()
    .meta({
      description: "Between two voters: head start of the one that holds the services.",
      default: formatDuration(FENCE_DELAY),
    }),
  per_hour: leaves
    .wholeNumber(1, FENCES_PER_HOUR_MAX)
    .optional()
    .meta({ description: "Past it an operator is waited for.", default: FENCES_PER_HOUR }),
  test_every: testEvery()
    .optional()
    .meta({
      description: "How often each device is asked for its status.",
      default: formatDuration(FENCE_TEST_EVERY),
    }),
});

const WATCHDOG_MODE = oneOf(["required", "best-effort", "none"]);

const watchdogTimeout = () =>
  leaf({ type: "string", examples: ["10s"] }, (value) => {
    const answer = parseDuration(value);
    if (answer.kind === "refused") return answer;
    const { min, max } = WATCHDOG_LIMITS;
    const fits = answer.value % 1000 === 0 && answer.value >= min && answer.value <= max;
    const limits = `whole seconds from ${formatDuration(min)} to ${max / 1000}s`;
    return fits ? answer : refuse(`${value} is nothing that a watchdog can be set to`, limits);
  });

export const WATCHDOG = choice("required, best-effort, none, or a map", [
  {
    when: isMap,
    schema: map({
      mode: WATCHDOG_MODE.meta({ examples: ["required"], description: "required, best-effort or none." }),
      device: leaves.absolutePath().optional().meta({ description: "Its path.", default: WATCHDOG_DEVICE }),
      timeout: watchdogTimeout()
        .optional()
        .meta({
          description: "The node is reset when it was not fed for this long.",
          default: formatDuration(WATCHDOG_TIMEOUT),
        }),
    }),
  },
  { when: () => true, schema: WATCHDOG_MODE },
]);
