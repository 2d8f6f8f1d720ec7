// A small cluster at rest (chip, dale and a witness; web and mail on chip), as its daemon would know it; the
// stories and the fake daemon change it to what they need.

import assert from "node:assert/strict";
import type { Config } from "#model/config.ts";
import type { LeaseNews, MemberNews } from "#model/halves.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import type { ClusterPicture, MemberPicture, NodeReport, Placement } from "#model/order.ts";
import { because } from "#model/reason.ts";
import { instant, type Ms, ms, plus, term } from "#model/units.ts";
import { CONFIGURED } from "#model/voters.ts";
import type { StatusFacts } from "../../src/api/status.ts";
import { parseConfig } from "../../src/config/parse.ts";

export const NOW = instant(1_000_000);
const AT_MS = Date.UTC(2026, 10, 20, 10, 24, 34, 123);

export const SAMPLE_CONFIG = `version: 1
cluster: office
nodes:
  chip: 198.51.100.21
  dale: 198.51.100.22
witness: 198.51.100.9
services:
  mail:
    place: [dale, chip]
    resources:
      - address: 198.51.100.25/24
  web:
    place: [chip, dale]
    resources:
      - address: 198.51.100.80/24
`;

const SAFE = {
  state: "safe",
  text: "safe: its address is revoked by the kernel within 0.5 s",
  seconds: 0.8,
} as const;

const ago = (by: Ms) => plus(NOW, ms(-by));

export function sampleConfig(): Config {
  const parsed = parseConfig(SAMPLE_CONFIG);
  assert.ok(parsed.kind === "ok");
  return parsed.config;
}

export function sampleFacts(changes: Partial<StatusFacts> = {}): StatusFacts {
  const config = sampleConfig();
  return {
    now: NOW,
    at_ms: AT_MS,
    startedAt: ago(ms(3_600_000)),
    node: nodeId("chip"),
    version: "0.1.0",
    pid: 4711,
    config: { ...config, hash: "97f1e6eddf854446" },
    configFile: "/etc/understudy/understudy.yaml",
    configReadAt: ago(ms(3_600_000)),
    lease: { news: sampleNews(), at: ago(ms(40)) },
    picture: { picture: samplePicture(), at: ago(ms(120)) },
    votersProblem: null,
    report: sampleReport(),
    protections: new Map(config.services.map(({ name }) => [name, SAFE])),
    fencing: { devices: [], running: null, failed: [], lastHour: 0 },
    proving: [],
    proofs: [],
    realtime: { granted: true, detail: null },
    counters: { "pulses-refused": 0, "journal-lost": 0 },
    warnings: [],
    ...changes,
  };
}

export function sampleNews(changes: Partial<LeaseNews> = {}): LeaseNews {
  return {
    kind: "lease",
    session: { boot: 3, lapses: 1 },
    mayAct: true,
    mayActUntil: plus(NOW, ms(310)),
    term: term(5),
    leader: nodeId("chip"),
    leads: true,
    members: [sampleMemberNews("dale", "198.51.100.22"), sampleMemberNews("witness", "198.51.100.9")],
    othersSuffice: true,
    left: false,
    voters: { list: { id: CONFIGURED, voters: sampleConfig().voters }, floor: CONFIGURED, isSettled: true },
    pair: null,
    watchdog: { stage: "none", timeout: null, problem: null },
    ...changes,
  };
}

export function sampleMemberNews(node: string, address: string, isUp = true): MemberNews {
  return {
    node: nodeId(node),
    standing: isUp ? "alive" : "silent",
    session: { boot: 1, lapses: 0 },
    links: [{ address, up: isUp, since: ago(ms(isUp ? 3_500_000 : 2_400)) }],
    watchdog: null,
    foreignVoters: false,
    foreignConfig: false,
  };
}

export function samplePicture(changes: Partial<ClusterPicture> = {}): ClusterPicture {
  return {
    leader: nodeId("chip"),
    term: term(5),
    phase: "leading",
    members: [sampleMember("chip"), sampleMember("dale"), sampleMember("witness")],
    placements: [samplePlacement("mail"), samplePlacement("web")],
    proofs: [],
    proving: [],
    intents: {
      version: { term: term(5), number: 2 },
      maintenanceAll: false,
      maintenanceNodes: [],
      maintenanceServices: [],
      drained: [],
      switchovers: [],
    },
    ...changes,
  };
}

export function sampleMember(node: string, changes: Partial<MemberPicture> = {}): MemberPicture {
  return { node: nodeId(node), standing: "alive", reach: "ok", leaving: false, differs: false, ...changes };
}

export function samplePlacement(service: string, changes: Partial<Placement> = {}): Placement {
  return {
    service: serviceName(service),
    node: nodeId("chip"),
    active: nodeId("chip"),
    reasons: [
      because("active-healthy", `chip runs ${service} and is healthy`),
      because("stickiness", `dale is ready, but ${service} stays where it runs`),
    ],
    waiting: null,
    health: "healthy",
    ready: [nodeId("dale")],
    ...changes,
  };
}

export function sampleReport(): NodeReport {
  return {
    node: nodeId("chip"),
    session: { boot: 3, lapses: 1 },
    number: 17,
    term: term(5),
    order: { term: term(5), number: 4 },
    services: ["mail", "web"].map((name) => ({
      service: serviceName(name),
      standing: "active",
      health: "healthy",
      failures: 0,
      stuck: false,
      heldDown: false,
      flaps: 0,
      detail: null,
    })),
    reach: "unknown",
    leaving: false,
    config: "97f1e6eddf854446",
    intents: null,
    proofs: [],
  };
}
