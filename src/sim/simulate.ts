// One run from one seed: a cluster, faults for a while with the invariants on, then peace, in which everything
// must run again within a bound.

import type { Clauses } from "#engine/lease/clauses.ts";
import { CLAUSES } from "#engine/lease/clauses.ts";
import { type Config, isGrant } from "#model/config.ts";
import type { VoterCount } from "./cluster.ts";
import { DRIFT, drawVoters, LEASE, makeCluster } from "./cluster.ts";
import type { FaultKind } from "./faults.ts";
import type { Surroundings } from "./host.ts";
import { Host } from "./host.ts";
import { Invariants } from "./invariants.ts";
import type { Calm } from "./network.ts";
import { Network } from "./network.ts";
import { Operators } from "./operators.ts";
import type { Profile } from "./profiles.ts";
import { PROFILES } from "./profiles.ts";
import { Rosters } from "./rosters.ts";
import { runCalm, settle } from "./settle.ts";
import { Troubles } from "./troubles.ts";
import { Wishes } from "./wishes.ts";
import { Violation, World } from "./world.ts";

export interface SimOptions {
  readonly seed: number;
  /** Virtual seconds with faults. */
  readonly seconds: number;
  /** Null: by the seed. */
  readonly voters: VoterCount | null;
  readonly profile: Profile;
  readonly clauses: Clauses;
  /** The drift bound that the nodes assume. */
  readonly drift: number;
  /** Every service holds something that no kernel takes back. */
  readonly exclusiveOnly: boolean;
  /** The nodes are told that nothing is exclusive. */
  readonly ignoresExclusive: boolean;
  /** Every node can be fenced, or none; null: by the seed. */
  readonly fencing: boolean | null;
  readonly watchdog: Config["watchdog"]["mode"] | null;
  /** Operators change the list of voters; null: by the seed, with three or more. */
  readonly rosters: boolean | null;
  /** Two voters at once, and nobody refuses the file. */
  readonly changesTwo: boolean;
  /** Between two voters: a service of addresses is eager, and another one is not; null: by the seed. */
  readonly eager: boolean | null;
  /** Fence devices whose answer is unknown, or that failed, are taken at their word. */
  readonly trustsUnknown: boolean;
  /** The clocks do not show that a host slept. */
  readonly hidesSleep: boolean;
  /** Keep readable lines; the run itself is the same. */
  readonly keepsLines: boolean;
}

export const DEFAULTS: Omit<SimOptions, "seed"> = {
  seconds: 60,
  voters: null,
  profile: PROFILES.all,
  clauses: CLAUSES,
  drift: DRIFT,
  exclusiveOnly: false,
  ignoresExclusive: false,
  fencing: null,
  watchdog: null,
  rosters: null,
  changesTwo: false,
  eager: null,
  trustsUnknown: false,
  hidesSleep: false,
  keepsLines: false,
};

export interface SimResult {
  readonly seed: number;
  readonly voters: number;
  /** Null: everything held. */
  readonly violation: { readonly invariant: string; readonly text: string; readonly at: number } | null;
  readonly hash: string;
  readonly events: number;
  /** True time at the end, ms. */
  readonly ended: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly counts: Counts;
  readonly lines: readonly string[];
}

/** How much happened: a run in which nothing does shows nothing. */
export interface Counts {
  readonly moves: number;
  readonly lapses: number;
  readonly terms: number;
  readonly wishes: number;
  readonly accepted: number;
  /** Nodes that operators vouched for. */
  readonly confirmed: number;
  /** Nodes that were switched off by a fence device, and came to be proved dead by it. */
  readonly fenced: number;
}

export function simulate(options: SimOptions): SimResult {
  const world = new World(options.seed, options.keepsLines);
  const run = build(world, options);
  let violation: SimResult["violation"] = null;
  try {
    play(run, options);
  } catch (error) {
    // An assertion or exception of the program is as bad as a broken invariant.
    const invariant = error instanceof Violation ? error.invariant : "exception";
    const text =
      error instanceof Error
        ? invariant === "exception"
          ? (error.stack ?? error.message)
          : error.message
        : String(error);
    violation = { invariant, text, at: world.now };
    world.trace.say("!!!", `${invariant}: ${text}`);
  }
  const { invariants, wishes, operators, troubles } = run;
  return {
    seed: options.seed,
    voters: run.config.voters.length,
    violation,
    hash: world.trace.hash,
    events: world.events,
    ended: world.now,
    faults: troubles.counts,
    counts: {
      moves: invariants.moves,
      lapses: invariants.lapses,
      terms: invariants.terms,
      wishes: wishes.asked,
      accepted: wishes.accepted,
      confirmed: operators.confirmed,
      fenced: invariants.fenced,
    },
    lines: world.trace.lines,
  };
}

/** Everything that a run consists of. */
export interface Run {
  readonly world: World;
  readonly network: Network;
  readonly config: Config;
  readonly hosts: readonly Host[];
  readonly invariants: Invariants;
  readonly wishes: Wishes;
  readonly operators: Operators;
  readonly troubles: Troubles;
  /** Null: the list of voters stays. */
  readonly rosters: Rosters | null;
}

/** All hosts, without power yet. `given`: this cluster instead of one from the seed. */
export function build(world: World, options: SimOptions, given: Config | null = null): Run {
  const chance = world.chance("cluster");
  const voters = options.voters ?? drawVoters(world.chance("voters"));
  // A stream of its own: what else the seed brings stays as it is.
  const mayChange = given === null && voters > 2 && world.chance("changes").chance(0.25);
  const changes = options.rosters ?? mayChange;
  const config = given ?? makeCluster(chance, { ...options, voters, rosters: changes });
  const calm: Calm = {
    loss: 0,
    delayFrom: 0.05,
    delayTo: chance.between(0.2, 3),
    twice: 0,
  };
  const links = config.members[0]?.links.length ?? 1;
  const network = new Network(world, { hosts: config.members.length, links, calm });
  const invariants = new Invariants();
  const hosts: Host[] = [];
  const mayDamage = chance.chance(0.2);
  const around: Surroundings = {
    world,
    network,
    config,
    nodesConfig: options.ignoresExclusive ? withoutExclusive(config) : config,
    clauses: options.clauses,
    hosts,
    invariants,
    mayDamage,
    trustsUnknown: options.trustsUnknown,
    takesAnyFile: options.changesTwo,
    hidesSleep: options.hidesSleep,
  };
  config.members.forEach((member, i) => {
    hosts.push(new Host(around, i, member));
  });
  invariants.hosts = hosts;
  const wishes = new Wishes(hosts, world.chance("wishes"));
  invariants.onLeaderBegan = (leader, term, version) => wishes.leaderBegan(leader, term, version);
  const troubles = new Troubles(world, options.profile, { hosts, network, calm, lease: LEASE });
  const rosters = changes ? new Rosters(world, hosts, options.changesTwo ? 2 : 1) : null;
  const operators = new Operators(world, hosts, world.chance("deeds"));
  return { world, network, config, hosts, invariants, wishes, operators, troubles, rosters };
}

/** Mean time between two commands of operators about dead nodes, ms. */
const DEEDS = 2_500;
/** Time to come up before anything goes wrong, ms. */
const BEFORE = 4_000;

function play(run: Run, options: SimOptions): void {
  const { world, hosts, troubles, wishes, operators } = run;
  const starts = world.chance("starts");
  for (const host of hosts) world.after(starts.between(0, 300), () => host.start());
  const end = options.seconds * 1000;
  if (options.profile === PROFILES.calm) return runCalm(run, end);
  troubles.begin(Math.min(BEFORE, end / 10), end);
  run.rosters?.begin(Math.min(BEFORE, end / 10) + 1_000, end);
  const { wishes: wished, deeds } = options.profile;
  if (wished !== null) nowAndThen(run, "operators", wished, end, () => wishes.askSomething());
  nowAndThen(run, "deeds now and then", deeds ?? DEEDS, end, () => operators.doSomething());
  world.runUntil(end);
  troubles.endAll();
  settle(run);
}

/** From time to time, as chance has it, until the faults are over. */
function nowAndThen({ world }: Run, what: string, mean: number, end: number, run: () => void): void {
  const chance = world.chance(what);
  const next = () => {
    world.after(-Math.log(1 - chance.float()) * mean, () => {
      if (world.now >= end) return;
      run();
      next();
    });
  };
  next();
}

function withoutExclusive(config: Config): Config {
  const services = config.services.map((service) => ({
    ...service,
    resources: service.resources.map((r) => (isGrant(r) ? r : { ...r, exclusive: false })),
  }));
  return { ...config, services };
}
