// The language of the configuration file, said once: types, errors and the JSON Schema all come from here.
// It judges each part by itself; what parts mean to each other is judged in sense.ts.

import type { z } from "zod";
import {
  CHECK,
  COMMAND_TIMEOUTS,
  FAILURE_AGE,
  HTTP_STATUS,
  KEY_FILE,
  PORT,
  PROCESS_RESTARTS,
  PROCESS_STOP_TIMEOUT,
  SERVICE_RESTARTS,
  TIMING_LIMITS,
  TIMING_PROFILES,
} from "./defaults.ts";
import { choice, isMap, jsonOf, kinds, leaf, list, map, named, oneOf, read, refuse } from "./kit.ts";
import * as leaves from "./leaves.ts";
import { formatDuration } from "./leaves.ts";
import * as later from "./not-yet.ts";
import { FENCE_POLICY, FENCING, WATCHDOG } from "./schema-fencing.ts";

/** A configuration as it was written, each part in order by itself. */
export type Written = z.output<typeof CONFIG>;
export type WrittenService = z.output<typeof SERVICE>;
export type WrittenResource = z.output<typeof RESOURCE>;
export type WrittenCheck = z.output<typeof CHECKS>[number];

const otherwise = { when: () => true };

const PROFILE = oneOf(["default", "fast", "wan"]);

const profiles = Object.values(TIMING_PROFILES)
  .map(
    ({ profile, lease, pulse }) =>
      `${profile} (lease ${formatDuration(lease)}, pulse ${formatDuration(pulse)})`,
  )
  .join(", ");

const TIMING = choice("a profile or a map", [
  {
    when: isMap,
    schema: map({
      profile: PROFILE.optional().meta({ description: "Gives what is not written out.", default: "default" }),
      lease: leaves
        .duration()
        .optional()
        .meta({ description: "How long a node may act without a quorum's acknowledgement." }),
      pulse: leaves.duration().optional().meta({ description: "Interval of the pulses." }),
      drift: leaves
        .share(TIMING_LIMITS.driftMax)
        .optional()
        .meta({ description: "How much faster one clock may run than another." }),
      worker_silence: leaves
        .duration()
        .optional()
        .meta({ description: "How long the worker may be stuck before the keeper lets go." }),
    }),
  },
  { ...otherwise, schema: PROFILE },
]);

const MEMBER = choice("an address or a map", [
  {
    when: isMap,
    schema: map(
      {
        address: leaves.hostAddress().optional().meta({ description: "Its address, when it has one link." }),
        links: list(leaves.hostAddress())
          .optional()
          .meta({ description: "Its addresses, one for each link; pulses go over all of them." }),
        site: leaves.text().optional().meta({ description: "A label for people." }),
      },
      later.LATER_IN_NODE,
      {
        fencing: {
          message: "the devices of all nodes stand together, on top of the file",
          hint: "fencing: { NODE: DEVICE }",
        },
      },
    ),
  },
  { ...otherwise, schema: leaves.hostAddress() },
]);

/** One witness with links is a map too; `address` and `links` are therefore no names of witnesses. */
export function isOneWitness(value: unknown): boolean {
  return isMap(value) && ("address" in value || "links" in value);
}

const WITNESS = choice("an address, a list or a map", [
  { when: (value) => isMap(value) && !isOneWitness(value), schema: named(leaves.NAME, MEMBER) },
  { when: Array.isArray, schema: list(leaves.hostAddress()) },
  { ...otherwise, schema: MEMBER },
]);

const LIMIT = map({
  limit: leaves.wholeNumber(0, 1000).meta({ examples: [3], description: "How often." }),
  within: leaves.duration().meta({ examples: ["10m"], description: "The window in which they are counted." }),
});

const limitText = (limit: { limit: number; within: number }) => ({
  limit: limit.limit,
  within: formatDuration(limit.within as never),
});

const NAMED = {
  name: leaves
    .name()
    .optional()
    .meta({ description: "Its name in status and journal; unique in the service." }),
};

const EXCLUSIVE = {
  exclusive: leaves.truth().optional().meta({
    description: "false: two copies do no harm, a lapse is proof enough. Otherwise true; with guard, false.",
  }),
};

const DEVICE = {
  device: leaves
    .deviceName()
    .optional()
    .meta({ description: "The network device; otherwise the one with an address in the same subnet." }),
};

const ADDRESS = map({
  address: leaves.floatingAddress().meta({ description: "A floating address with its prefix." }),
  ...DEVICE,
  ...NAMED,
});

const ADDRESSES = map({
  addresses: list(leaves.floatingAddress()).meta({ description: "Several floating addresses." }),
  ...DEVICE,
});

const timeout = (verb: keyof typeof COMMAND_TIMEOUTS) =>
  leaves
    .duration()
    .optional()
    .meta({ default: formatDuration(COMMAND_TIMEOUTS[verb]) });

const COMMAND = map({
  command: map({
    start: leaves.command().meta({ examples: ["/usr/local/bin/app start"] }),
    stop: leaves.command().meta({ examples: ["/usr/local/bin/app stop"] }),
    probe: leaves
      .command()
      .optional()
      .meta({ description: "Exit 0: it runs; 7: it does not; other: failed." }),
    promote: leaves
      .command()
      .optional()
      .meta({ description: "From standby to active; together with demote." }),
    demote: leaves
      .command()
      .optional()
      .meta({ description: "From active to standby; together with promote." }),
  }).meta({ description: "Something that is started and stopped by commands." }),
  timeouts: map({
    start: timeout("start"),
    stop: timeout("stop"),
    probe: timeout("probe"),
    promote: timeout("promote"),
    demote: timeout("demote"),
  }).optional(),
  ...EXCLUSIVE,
  ...NAMED,
});

const PROCESS = map({
  process: leaves.command().meta({ description: "A program that stays in the foreground, supervised." }),
  user: leaves.accountName().optional().meta({ description: "The account it runs under." }),
  directory: leaves.absolutePath().optional().meta({ description: "Its working directory.", default: "/" }),
  env: named(
    { pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, rule: "letters, digits and underscores, no digit first" },
    leaves.anyText(),
  )
    .optional()
    .meta({ description: "Added to its environment." }),
  restarts: LIMIT.optional().meta({ default: limitText(PROCESS_RESTARTS) }),
  stop_timeout: leaves
    .duration()
    .optional()
    .meta({ description: "From SIGTERM to SIGKILL.", default: formatDuration(PROCESS_STOP_TIMEOUT) }),
  ...EXCLUSIVE,
  ...NAMED,
});

export const RESOURCE = kinds(
  "resource",
  { address: ADDRESS, addresses: ADDRESSES, command: COMMAND, process: PROCESS },
  later.LATER_RESOURCES,
);

const CHECK_TIMING = {
  every: leaves
    .duration()
    .optional()
    .meta({ default: formatDuration(CHECK.every) }),
  timeout: leaves
    .duration()
    .optional()
    .meta({ description: "At most `every`.", default: formatDuration(CHECK.timeout) }),
  rise: leaves
    .wholeNumber(1, 1000)
    .optional()
    .meta({ description: "Good results in a row.", default: CHECK.rise }),
  fall: leaves
    .wholeNumber(1, 1000)
    .optional()
    .meta({ description: "Bad results in a row.", default: CHECK.fall }),
  grace: leaves
    .durationOrZero()
    .optional()
    .meta({
      description: "Bad results this soon after a start do not count.",
      default: formatDuration(CHECK.grace),
    }),
  ...NAMED,
};

const HTTP = map({
  http: leaves.url().meta({ description: "A URL, http or https." }),
  status: leaves
    .statusRanges()
    .optional()
    .meta({ description: "Good statuses.", default: HTTP_STATUS.map(({ from, to }) => `${from}-${to}`) }),
  contains: leaves.text().optional().meta({ description: "A text that the body must contain." }),
  insecure: leaves.truth().optional().meta({ description: "Accept any certificate.", default: false }),
  ...CHECK_TIMING,
});

const TCP = map({
  tcp: leaves.hostAndPort().meta({ description: "host:port that must accept a connection." }),
  ...CHECK_TIMING,
});

const COMMAND_CHECK = map({
  command: leaves.command().meta({ description: "A command with the conventions of Nagios plugins." }),
  ...CHECK_TIMING,
});

const CHECKS = list(kinds("check", { http: HTTP, tcp: TCP, command: COMMAND_CHECK }, later.LATER_CHECKS));

/** Placement by site is a map; this version knows lists only. */
const PLACE = choice("a list of nodes", [
  {
    when: isMap,
    schema: map({}, later.LATER_IN_PLACE) as unknown as z.ZodType<string[], unknown>,
    refuses: true,
  },
  { ...otherwise, schema: list(leaves.name()) },
]);

const SERVICE = map(
  {
    place: PLACE.meta({
      examples: [["web1", "web2"]],
      description: "Nodes that may run it, the preferred first.",
    }),
    resources: list(RESOURCE).meta({
      examples: [[{ address: "192.0.2.10/24" }]],
      description: "Started top to bottom, stopped bottom to top.",
    }),
    guard: list(leaves.guardedPort()).optional().meta({
      description: "Ports of the nodes' own addresses that are open only where the service is active.",
    }),
    split: oneOf(["proof", "eager"]).optional().meta({
      description: "Between two voters; eager: two actives are preferred to none.",
      default: "proof",
    }),
    accept_two_actives: leaves
      .onlyTrue()
      .optional()
      .meta({ description: "With split: eager: exclusive resources may run twice." }),
    checks: CHECKS.optional(),
    failback: leaves.failback().optional().meta({
      description: "When the preferred node is back: manual, auto or after DURATION.",
      default: "manual",
    }),
    restarts: LIMIT.optional().meta({
      description: "Restarts in place after a failed check, before the service moves.",
      default: limitText(SERVICE_RESTARTS),
    }),
    failure_age: leaves
      .duration()
      .optional()
      .meta({
        description: "How long a failure counts against a node.",
        default: formatDuration(FAILURE_AGE),
      }),
  },
  later.LATER_IN_SERVICE,
);

const VERSION = leaf({ const: 1 }, (value) => {
  if (value === 1) return read(1 as const);
  if (typeof value === "string" && value.trim() === "1")
    return refuse("expected the number 1", "remove the quotes");
  return refuse(`version ${JSON.stringify(value)} is not supported`, "this program reads version 1");
});

/** The whole file. */
export const CONFIG = map(
  {
    version: VERSION.meta({ examples: [1], description: "Of this language." }),
    cluster: leaves.name().meta({ examples: ["shop"], description: "The cluster's name." }),
    key_file: leaves.absolutePath().optional().meta({ description: "The cluster key.", default: KEY_FILE }),
    port: leaves
      .wholeNumber(1, 65534)
      .optional()
      .meta({ description: "UDP port of the pulses; the next one is used too.", default: PORT }),
    timing: TIMING.optional().meta({ description: `A profile: ${profiles}; or a map.`, default: "default" }),
    nodes: named(leaves.NAME, MEMBER).meta({
      examples: [{ web1: "192.0.2.11", web2: "192.0.2.12" }],
      description: "The servers that may run services.",
    }),
    witness: WITNESS.optional().meta({
      description: "Voters that run no services: an address, a list, or a map.",
    }),
    voters: list(leaves.name()).optional().meta({ description: "Otherwise all nodes and witnesses vote." }),
    fencing: FENCING.optional().meta({
      description: "Per node: a device that makes certain that it is dead, or levels of them.",
    }),
    fence_policy: FENCE_POLICY.optional().meta({ description: "When and how often nodes are fenced." }),
    watchdog: WATCHDOG.optional().meta({
      description: "A timer that resets a node which hangs: required, best-effort, none, or a map.",
      default: "none",
    }),
    reach: list(leaves.hostAddress())
      .optional()
      .meta({ description: "A node that reaches none of these while another does gives everything up." }),
    services: named(leaves.NAME, SERVICE).meta({
      examples: [{ www: { place: ["web1", "web2"], resources: [{ address: "192.0.2.10/24" }] } }],
      description: "What the cluster keeps running.",
    }),
  },
  later.LATER_ON_TOP,
);

/** For editors: the JSON Schema of the file, 2020-12. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of understudy",
    ...jsonOf(CONFIG),
  };
}
