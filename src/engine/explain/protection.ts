// What protects a service: what happens, and within which time, if its node dies, hangs or is cut off.
//
// The sums are those of the rules: silence (a lease), then the exclusion, then what proves the rest. From the
// configuration alone they say what can be expected (`check`), with what is known live what would happen now.

import { type Config, isExclusive, isGrant, type ServiceConfig, type Timing } from "#model/config.ts";
import { type FenceDevice, type FenceLevel, provesAlone } from "#model/fencing.ts";
import type { NodeId } from "#model/ids.ts";
import { between, type Instant, type Ms, ms, NEVER } from "#model/units.ts";
import { listNames } from "../planner/facts.ts";

export interface Protection {
  /**
   * safe: it starts elsewhere by itself, and never twice. eager: likewise, but two actives are possible. blocked: it
   * stops until an operator acts. none: there is nowhere to start it.
   */
  readonly state: "safe" | "eager" | "blocked" | "none";
  /** One sentence without a full stop, with the state as its first word (none: "unprotected"). */
  readonly text: string;
  /** Until another node may start it, about; how long its start takes comes on top. Null: not by itself. */
  readonly seconds: number | null;
}

/** What one node knows of the others. */
export interface LiveFacts {
  readonly now: Instant;
  /** In force here, which may be longer than the configured one. */
  readonly lease: Ms;
  /** Armed watchdogs, as their nodes announce them; null: not armed. Absent: not known. */
  readonly watchdogs: ReadonlyMap<NodeId, Ms | null>;
  readonly devices: readonly DeviceFacts[];
  /** Between two voters: who holds the tenure; null: nobody, or it is not known. */
  readonly holder: NodeId | null;
}

export interface DeviceFacts {
  readonly node: NodeId;
  readonly device: string;
  /** Null: it answered when it was asked last. */
  readonly problem: string | null;
  readonly answeredAt: Instant;
}

/** Three pulses: the leader asks for the exclusion, or for votes; the voters promise; it is told. */
const EXCLUSION_PULSES = 3;
/** What a device usually takes: an off that waits for the power to go, two statuses and the pause between. ms */
const FENCE_USUAL = 3_200;
/** A device that only asks takes about this before the next level has its turn, ms. */
const POLITE_USUAL = 2_000;
/** Past its timeout an answer is given up this much later, ms; a silent device is asked twice (off, status). */
const GRACE = 1_000;
const CALLS_OF_SILENT = 2;
/** Whole seconds of a watchdog, and the reset itself, ms. */
const WATCHDOG_MARGIN = 1_500;

/** Of the service while it is on `node`. `live` null: as the configuration alone promises. */
export function protectionOn(
  config: Config,
  service: ServiceConfig,
  node: NodeId,
  live: LiveFacts | null,
): Protection {
  const others = service.place.filter((each) => each !== node);
  if (others.length === 0)
    return { state: "none", text: `unprotected: only ${node} may run it`, seconds: null };
  const lost = lossTime(config.timing, live);
  const isPair = config.voters.length === 2;
  if (isPair && service.split === "eager") {
    const text = "eager: two actives possible for as long as the nodes do not hear each other";
    return { state: "eager", text, seconds: inSeconds(lost) };
  }
  if (!isPair && !service.resources.some(isExclusive)) {
    const lease = seconds(live?.lease ?? config.timing.lease);
    return {
      state: "safe",
      text: `safe: ${revoked(service, lease, seconds(lost))}`,
      seconds: inSeconds(lost),
    };
  }
  return provedProtection(config, node, live, lost);
}

/** On any node of its place, the worst first; what is the same for all is said once. */
export function protectionAnywhere(
  config: Config,
  service: ServiceConfig,
  live: LiveFacts | null = null,
): Protection {
  const cases = service.place.map((node) => ({ node, ...protectionOn(config, service, node, live) }));
  const order: readonly Protection["state"][] = ["none", "blocked", "eager", "safe"];
  const sorted = [...cases].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const [worst] = sorted;
  if (worst === undefined) return { state: "none", text: "unprotected: no node may run it", seconds: null };
  const texts = [...new Set(sorted.map(({ text }) => text))];
  const text =
    texts.length === 1
      ? worst.text
      : texts
          .map((each) => {
            const nodes = sorted.filter((one) => one.text === each).map(({ node }) => node);
            return `on ${listNames(nodes)} ${each}`;
          })
          .join("; ");
  const times = cases.map((each) => each.seconds);
  const longest = times.includes(null) ? null : Math.max(...times.map((each) => each ?? 0));
  return { state: worst.state, text, seconds: longest };
}

/** Until a node that says nothing more has certainly lapsed, and the others know. */
function lossTime(timing: Timing, live: LiveFacts | null): Ms {
  return ms((live?.lease ?? timing.lease) + EXCLUSION_PULSES * timing.pulse);
}

function revoked({ resources }: ServiceConfig, lease: string, lost: string): string {
  const addresses = resources.filter(({ kind }) => kind === "address").length;
  if (addresses > 0)
    return `its ${addresses === 1 ? "address is" : "addresses are"} revoked by the kernel within ${lease}`;
  if (resources.some(isGrant)) return `its ports are closed by the kernel within ${lease}`;
  return `two copies of it do no harm, about ${lost}`;
}

/** Where another node needs a proof: a device, the watchdog, or an operator. */
function provedProtection(config: Config, node: NodeId, live: LiveFacts | null, lost: Ms): Protection {
  const isPair = config.voters.length === 2;
  const levels = config.fencing.nodes.find((each) => each.node === node)?.levels ?? [];
  const fence = judgeLevels(node, levels, live);
  const watchdog = watchdogOf(config, node, live);
  // The holder of the tenure fences at once, the other one of two waits.
  const delay =
    isPair && (live === null || live.holder === null || live.holder === node) ? config.fencing.delay : 0;
  const fired =
    watchdog.timeout === null
      ? null
      : ms(lost + watchdog.timeout / (1 - config.timing.drift) + WATCHDOG_MARGIN);
  if (fence.proof !== null) {
    const takes = ms(lost + delay + fence.takes);
    const otherwise = fired === null ? "" : `; else reset by its watchdog, about ${seconds(fired)}`;
    const text = `safe: fenced by ${fence.proof}, about ${seconds(takes)}${noted(fence.silent)}${otherwise}`;
    return { state: "safe", text, seconds: inSeconds(takes) };
  }
  if (fired !== null) {
    const text = `safe: reset by its watchdog, about ${seconds(fired)}${noted(fence.silent)}`;
    return { state: "safe", text, seconds: inSeconds(fired) };
  }
  const why = [...fence.silent, ...(watchdog.why === null ? [] : [watchdog.why])];
  const needs = `needs \`understudy confirm-dead ${node}\``;
  return { state: "blocked", text: `blocked: ${[...why, needs].join("; ")}`, seconds: null };
}

interface Levels {
  /** The level that will prove it, as people call it; null: none can. */
  readonly proof: string | null;
  /** Until it has, from the first call on. */
  readonly takes: Ms;
  /** A part of a sentence for each device that did not answer. */
  readonly silent: readonly string[];
}

function judgeLevels(node: NodeId, levels: readonly FenceLevel[], live: LiveFacts | null): Levels {
  const factsOf = ({ id }: FenceDevice) =>
    live?.devices.find((each) => each.node === node && each.device === id) ?? null;
  const silent: string[] = [];
  let spent = 0;
  for (const level of levels) {
    const dumb = level.filter((device) => (factsOf(device)?.problem ?? null) !== null);
    if (dumb.length > 0) {
      silent.push(...dumb.map(({ id }) => `fence device ${id} does not answer`));
      spent += Math.max(...dumb.map(({ timeout }) => CALLS_OF_SILENT * (timeout + GRACE)));
    } else if (provesAlone(level)) {
      const names = level.map((device) => `${device.id}${answered(factsOf(device), live)}`);
      return { proof: names.join(" and "), takes: ms(spent + FENCE_USUAL), silent };
    } else if (level.some(({ kind }) => kind === "ssh")) {
      spent += POLITE_USUAL;
    }
  }
  return { proof: null, takes: ms(spent), silent };
}

function answered(facts: DeviceFacts | null, live: LiveFacts | null): string {
  if (facts === null || live === null || facts.answeredAt === NEVER) return "";
  return ` (answered ${ago(between(facts.answeredAt, live.now))})`;
}

/** Between two voters the holder of the tenure goes on feeding while it is merely cut off: nothing can be counted on. */
function watchdogOf(
  { voters, watchdog }: Config,
  node: NodeId,
  live: LiveFacts | null,
): { readonly timeout: Ms | null; readonly why: string | null } {
  if (watchdog.mode === "none") return { timeout: null, why: null };
  if (voters.length === 2 && (live === null || live.holder === null || live.holder === node))
    return { timeout: null, why: "between two voters its watchdog proves nothing" };
  const armed = live?.watchdogs.get(node);
  if (armed === null) return { timeout: null, why: "its watchdog is not armed" };
  if (armed !== undefined) return { timeout: armed, why: null };
  // Required: without it nothing exclusive starts there.
  if (watchdog.mode === "required") return { timeout: watchdog.timeout, why: null };
  return { timeout: null, why: "unless a watchdog is found there (best-effort)" };
}

const noted = (silent: readonly string[]): string => (silent.length === 0 ? "" : ` (${silent.join(", ")})`);

const inSeconds = (time: Ms): number => Math.round(time / 100) / 10;

/** `0.8 s`, `4 s`: what is only about right needs no more digits. */
const seconds = (time: Ms): string =>
  time < 2_000 ? `${Math.round(time / 100) / 10} s` : `${Math.round(time / 1000)} s`;

function ago(time: Ms): string {
  if (time < 120_000) return `${Math.max(0, Math.round(time / 1000))} s ago`;
  if (time < 7_200_000) return `${Math.round(time / 60_000)} minutes ago`;
  return `${Math.round(time / 3_600_000)} hours ago`;
}
