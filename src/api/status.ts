// Writes down what the parts of the daemon know as the one document that `status` shows.

import type { Config, MemberConfig, ServiceConfig } from "#model/config.ts";
import type { DeathProof } from "#model/fencing.ts";
import type { LeaseNews, MemberNews } from "#model/halves.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Intents } from "#model/intents.ts";
import type { ClusterPicture, NodeReport, Proving } from "#model/order.ts";
import { formatSession } from "#model/session.ts";
import { between, type Instant } from "#model/units.ts";
import type {
  IntentsStatus,
  LeaseStatus,
  LinkStatus,
  MemberStatus,
  ProtectionStatus,
  RealtimeStatus,
  ServiceStatus,
  StatusDocument,
  VotersStatus,
} from "./protocol.ts";
import {
  type FencingFacts,
  fencingStatus,
  fencingWarnings,
  pairStatus,
  proofStatus,
  watchdogStatus,
} from "./status-fencing.ts";

/** What the daemon knows, as its parts know it. Instants are of this host's monotonic clock. */
export interface StatusFacts {
  readonly now: Instant;
  /** The date, in milliseconds since 1970. */
  readonly at_ms: number;
  readonly startedAt: Instant;
  readonly node: NodeId;
  readonly version: string;
  readonly pid: number;
  readonly config: Config;
  readonly configFile: string;
  readonly configReadAt: Instant;
  /** The keeper's newest news and when they came; null: none yet. */
  readonly lease: { readonly news: LeaseNews; readonly at: Instant } | null;
  /** The leader's newest picture and when it came, or was made here; null: none in this session. */
  readonly picture: { readonly picture: ClusterPicture; readonly at: Instant } | null;
  /** Why the voters of the file do not come into effect by themselves; null: they do, or they are. */
  readonly votersProblem: string | null;
  /** What this node says of itself now; null: it is not ready. */
  readonly report: NodeReport | null;
  /** Of every configured service. */
  readonly protections: ReadonlyMap<ServiceName, ProtectionStatus>;
  readonly fencing: FencingFacts;
  readonly proving: readonly Proving[];
  readonly proofs: readonly DeathProof[];
  readonly realtime: RealtimeStatus;
  readonly counters: Readonly<Record<string, number>>;
  /** Sentences. Without a word on real-time priority: that is `realtime`, and no reason to wake anybody. */
  readonly warnings: readonly string[];
}

export function statusDocument(facts: StatusFacts): StatusDocument {
  const { now, config } = facts;
  const picture = facts.picture?.picture ?? null;
  const self = config.members.find((member) => member.id === facts.node);
  const news = facts.lease?.news ?? null;
  const fencing = fencingStatus(config, facts.fencing, now);
  const watchdog = watchdogStatus(config, news);
  return {
    format: 1,
    cluster: config.cluster,
    node: facts.node,
    kind: self?.kind ?? "node",
    version: facts.version,
    pid: facts.pid,
    at_ms: Math.round(facts.at_ms),
    up_ms: since(facts.startedAt, now),
    timing: {
      profile: config.timing.profile,
      lease_ms: config.timing.lease,
      pulse_ms: config.timing.pulse,
      drift: config.timing.drift,
    },
    lease: facts.lease === null ? null : leaseStatus(facts.lease, now),
    picture:
      facts.picture === null || picture === null
        ? null
        : {
            age_ms: since(facts.picture.at, now),
            leader: picture.leader,
            term: picture.term,
            phase: picture.phase,
          },
    members: config.members.map((member) => memberStatus(member, facts, picture)),
    services: config.services.map((service) => serviceStatus(service, facts, picture)),
    intents: picture === null ? null : intentsStatus(picture.intents),
    voters: votersStatus(facts),
    pair: pairStatus(news, facts.node, now),
    watchdog,
    fencing,
    proving: facts.proving,
    proofs: facts.proofs.map(proofStatus),
    config: { file: facts.configFile, hash: config.hash, age_ms: since(facts.configReadAt, now) },
    realtime: facts.realtime,
    counters: facts.counters,
    warnings: [...facts.warnings, ...fencingWarnings(fencing, watchdog)],
  };
}

function leaseStatus({ news, at }: NonNullable<StatusFacts["lease"]>, now: Instant): LeaseStatus {
  return {
    age_ms: since(at, now),
    may_act: news.mayAct,
    // Infinite for a lease that nothing ends; JSON has no word for it.
    may_act_for_ms: news.mayAct ? finite(Math.max(0, Math.round(between(now, news.mayActUntil)))) : 0,
    session: formatSession(news.session),
    term: news.term,
    leader: news.leader,
    leads: news.leads,
    left: news.left,
  };
}

function votersStatus({ lease, config, votersProblem }: StatusFacts): VotersStatus | null {
  if (lease === null) return null;
  const { list, isSettled } = lease.news.voters;
  return {
    in_effect: list.voters,
    configured: config.voters,
    list: `${list.id.term}.${list.id.number}`,
    settled: isSettled,
    problem: votersProblem,
  };
}

function memberStatus(
  member: MemberConfig,
  facts: StatusFacts,
  picture: ClusterPicture | null,
): MemberStatus {
  const news = facts.lease?.news.members.find((each) => each.node === member.id);
  const seen = picture?.members.find((each) => each.node === member.id);
  const own = picture?.members.find((each) => each.node === facts.node);
  const isSelf = member.id === facts.node;
  const voters = facts.lease?.news.voters.list.voters ?? facts.config.voters;
  // Two that have no vote send each other nothing.
  const hears = [member.id, facts.node].some((each) => voters.includes(each));
  return {
    name: member.id,
    kind: member.kind,
    voter: voters.includes(member.id),
    site: member.site,
    heard: isSelf ? "alive" : hears ? (news?.standing ?? null) : null,
    links: hears ? linksOf(news, facts.now) : [],
    standing: seen?.standing ?? null,
    reach: seen?.reach ?? null,
    leaving: seen?.leaving ?? false,
    config_differs: !isSelf && (news?.foreignConfig ?? (seen?.differs ?? false) !== (own?.differs ?? false)),
    voters_differ: news?.foreignVoters ?? false,
    drained: picture?.intents.drained.includes(member.id) ?? false,
    maintenance: picture?.intents.maintenanceNodes.includes(member.id) ?? false,
  };
}

function linksOf(news: MemberNews | undefined, now: Instant): LinkStatus[] {
  return (news?.links ?? []).map((link) => ({
    address: link.address,
    up: link.up,
    for_ms: Number.isFinite(link.since) ? since(link.since, now) : null,
  }));
}

function serviceStatus(
  service: ServiceConfig,
  facts: StatusFacts,
  picture: ClusterPicture | null,
): ServiceStatus {
  const placement = picture?.placements.find((each) => each.service === service.name);
  const own = facts.report?.services.find((each) => each.service === service.name);
  const intents = picture?.intents;
  const active = placement?.active ?? null;
  return {
    name: service.name,
    place: service.place,
    active,
    wanted: placement?.node ?? null,
    health: placement?.health ?? "unknown",
    reasons: placement?.reasons ?? [],
    waiting: placement?.waiting ?? null,
    ready: placement?.ready ?? [],
    maintenance:
      intents !== undefined &&
      (intents.maintenanceAll ||
        intents.maintenanceServices.includes(service.name) ||
        (active !== null && intents.maintenanceNodes.includes(active))),
    switchover_to: intents?.switchovers.find((each) => each.service === service.name)?.to ?? null,
    protection: facts.protections.get(service.name) ?? UNPROTECTED,
    here:
      own === undefined
        ? null
        : { standing: own.standing, health: own.health, failures: own.failures, detail: own.detail },
  };
}

/** The daemon says something of every service; this is for one that it has just learned of. */
const UNPROTECTED: ProtectionStatus = { state: "none", text: "unprotected: not judged yet", seconds: null };

function intentsStatus(intents: Intents): IntentsStatus {
  return {
    version: intents.version,
    maintenance_all: intents.maintenanceAll,
    maintenance_nodes: intents.maintenanceNodes,
    maintenance_services: intents.maintenanceServices,
    drained: intents.drained,
    switchovers: intents.switchovers,
  };
}

const since = (from: Instant, now: Instant): number => finite(Math.max(0, Math.round(between(from, now))));
const finite = (value: number): number => (Number.isFinite(value) ? value : Number.MAX_SAFE_INTEGER);
