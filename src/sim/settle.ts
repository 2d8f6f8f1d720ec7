// After the faults: one leader, every service active on exactly one node, within a bound. And without any
// faults: nothing ever moves.

import { isGrant, type ServiceConfig } from "#model/config.ts";
import { grantsOf } from "#model/grant.ts";
import type { Intents } from "#model/intents.ts";
import { LEASE } from "./cluster.ts";
import type { Host } from "./host.ts";
import type { Run } from "./simulate.ts";
import { clearing } from "./wishes.ts";
import { Violation } from "./world.ts";

/**
 * Ten leases for a leader that knows everybody, and what programs may take: an op that hangs until its
 * deadline and is killed, a stop that is tried again, a failure that ages out.
 */
const LEADER_WITHIN = 10 * LEASE + 8_000;
const ALL_WITHIN = 45_000;
const LOOK_EVERY = 250;
/** It must stay so for a while. */
const STAYS_FOR = 2_000;

export function settle(run: Run): void {
  const { world, wishes } = run;
  const over = world.now;
  run.rosters?.settle();
  run.operators.seeToBlocked();
  const doc = waitFor(run, over + LEADER_WITHIN, "no-leader", () => leadersDoc(run));
  wishes.checkLast(doc);
  waitFor(run, over + ALL_WITHIN, "not-cleared", () => (clearOne(run) ? true : null));
  // A wish that was under way may be granted only now: so they look again.
  const isWell = () => (clearOne(run) && firstProblem(run) === null ? true : null);
  waitFor(run, over + ALL_WITHIN, "not-serving", isWell);
  const until = world.now + STAYS_FOR;
  // Failback may move a service on purpose; what may not be is a service that nobody has in the end.
  world.runUntil(until);
  waitFor(run, until + ALL_WITHIN, "not-serving", isWell);
  misfortune(run, isWell);
}

/** Of the runs, in which one more thing happens when all is well. */
const MISFORTUNES = 0.3;
/** Fencing and watchdogs take their time, and operators look after some patience only, ms. */
const PROVED_WITHIN = 25_000;

/**
 * A node that never comes back by itself, or cannot stop what it has: with a fence device, a watchdog or an operator
 * every service still has to run, also one that no kernel takes back.
 */
function misfortune(run: Run, isWell: () => true | null): void {
  const { world, hosts, config } = run;
  const chance = world.chance("misfortune");
  if (!chance.chance(MISFORTUNES)) return;
  const active = hosts.filter((host) => config.services.some((service) => isServing(host, service)));
  const host = chance.pick(active);
  if (chance.chance(0.5)) {
    host.say("breaks for good");
    host.isBroken = true;
    host.crash();
    // Whoever is left may begin a new life in which it never heard the one that is gone.
    if (chance.chance(0.4))
      for (const each of hosts) if (each !== host) each.killDaemon("SIGKILL, restarted");
  } else {
    host.say("its programs cannot be stopped any more");
    // The version before does not say so, and nothing helps then but the log.
    for (const each of hosts) each.isUpgraded = true;
    host.programs.state = "stuck";
    host.killDaemon("SIGKILL");
  }
  world.runUntil(world.now + STAYS_FOR);
  waitFor(run, world.now + LEADER_WITHIN + ALL_WITHIN + PROVED_WITHIN, "not-serving", isWell);
  host.isBroken = false;
  host.powerOn();
  world.runUntil(world.now + STAYS_FOR);
  waitFor(run, world.now + LEADER_WITHIN + ALL_WITHIN, "not-serving", isWell);
}

/** Time for all to come up, to vote and to start everything, ms. */
const UP_WITHIN = 12_000;

export function runCalm(run: Run, end: number): void {
  const { world, invariants } = run;
  world.runUntil(UP_WITHIN);
  const problem = firstProblem(run);
  if (problem !== null) throw new Violation("not-serving", `without any fault: ${problem}`);
  const { moves, lapses, terms } = invariants;
  world.runUntil(Math.max(end, UP_WITHIN + 10_000));
  const now = { moves: invariants.moves, lapses: invariants.lapses, terms: invariants.terms };
  if (now.moves !== moves) throw new Violation("moved", "a service moved without any fault");
  if (now.lapses !== lapses) throw new Violation("lapsed", "a node lapsed without any fault");
  if (now.terms !== terms) throw new Violation("term-changed", "the leader changed without any fault");
  const later = firstProblem(run);
  if (later !== null) throw new Violation("not-serving", `without any fault: ${later}`);
}

function waitFor<T>(run: Run, deadline: number, invariant: string, look: () => T | null): T {
  for (;;) {
    const found = look();
    if (found !== null) return found;
    if (run.world.now >= deadline) {
      const why = firstProblem(run) ?? "it serves, but its intents could not be settled";
      throw new Violation(invariant, `${why}; ${standOf(run)}`);
    }
    run.world.runUntil(run.world.now + LOOK_EVERY);
  }
}

/** The intents by which the only leader plans; null: there is none yet. */
function leadersDoc(run: Run): Intents | null {
  const leaders = run.hosts.filter(isLeader);
  if (leaders.length !== 1) return null;
  const leader = leaders[0]?.life?.worker.state.leader ?? null;
  return leader !== null && leader.phase === "leading" ? leader.intents : null;
}

function isLeader(host: Host): boolean {
  const leading = host.life?.keeper.state.leading;
  return leading?.kind === "leads" && host.now() < leading.until && !host.isAway;
}

/** Operators take back what stands in the way, one wish at a time. True: nothing is left. */
function clearOne(run: Run): boolean {
  const doc = leadersDoc(run);
  if (doc === null) return false;
  const wish = clearing(doc);
  if (wish === null) return true;
  const host = run.hosts.find((each) => each.life !== null);
  if (host !== undefined && run.world.now >= run.wishes.askAgainAt)
    run.wishes.askToClear(host, wish, run.world.now);
  return false;
}

/** Why not everything is well; null: it is. */
function firstProblem(run: Run): string | null {
  run.rosters?.follow();
  const voters = run.rosters?.problem() ?? null;
  if (voters !== null) return voters;
  if (leadersDoc(run) === null) return "there is no leader that plans";
  for (const service of run.config.services) {
    const on = run.hosts.filter((host) => isServing(host, service));
    if (on.length !== 1)
      return `${service.name} is served by ${on.map((h) => h.id).join(" and ") || "nobody"}`;
  }
  return null;
}

function isServing(host: Host, service: ServiceConfig): boolean {
  return service.resources.every((resource) =>
    isGrant(resource)
      ? grantsOf(resource).every((grant) => host.kernel.isOpen(grant))
      : host.programs.isRunning(`${service.name}/${resource.id}`),
  );
}

function standOf(run: Run): string {
  const parts = run.hosts.map((host) => {
    const state = host.life?.keeper.state;
    if (state === undefined) return `${host.id} is down`;
    const { leading, acting } = state;
    const acts = acting.mayAct ? "acts" : "may not act";
    return `${host.id} ${leading.kind === "leads" ? `leads in ${leading.term}` : leading.kind} and ${acts}`;
  });
  return parts.join(", ");
}
