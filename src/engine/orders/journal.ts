// Journal lines about the services on this node: one for each transition.

import type { JournalLine } from "#model/journal.ts";
import { verdictOf } from "../health/check.ts";
import type { WorkerEffect, WorkerState } from "../worker.ts";
import { mapRuns } from "./node.ts";
import type { RunningOp, ServiceRun } from "./run.ts";
import { holdsExclusive, isStuck, RETRY_STOP, standingOf } from "./run.ts";

export function journalRuns(before: WorkerState, after: WorkerState): WorkerEffect[] {
  if (before.node.runs === after.node.runs && before.node.reach === after.node.reach) return [];
  const lines: JournalLine[] = [];
  const { self } = after.identity;
  const { term } = after.node;
  for (const [name, run] of after.node.runs) {
    const was = before.node.runs.get(name);
    if (was !== undefined && was !== run)
      lines.push(...linesFor(was, run, self, term), ...stopLines(was, run, after));
  }
  if (before.node.reach !== after.node.reach) {
    const why = after.node.reach === "none" ? "no reach target answers" : "a reach target answers";
    const what = `reach ${before.node.reach} -> ${after.node.reach}`;
    lines.push({ area: "health", subject: self, what, code: `reach-${after.node.reach}`, why, term });
  }
  return lines.map((line) => ({ kind: "journal", line }));
}

/**
 * Notes where each service has come to rest. With programs it passes through states in between, for many turns;
 * the journal tells of the whole way at its end.
 */
export function noteSettled(state: WorkerState): WorkerState {
  const runs = mapRuns(state.node.runs, (run) => {
    const standing = standingOf(run);
    if (standing === "changing" || standing === "unknown" || standing === run.settled) return run;
    return { ...run, settled: standing, voided: run.voided && standing === "stopped" };
  });
  return runs === state.node.runs ? state : { ...state, node: { ...state.node, runs } };
}

function linesFor(was: ServiceRun, run: ServiceRun, self: string, term: JournalLine["term"]): JournalLine[] {
  const subject = run.config.name;
  const lines: JournalLine[] = [];
  const say = (area: JournalLine["area"], what: string, code: string, why: string) =>
    lines.push({ area, subject, what, code, why, term });
  const health = verdictOf(run.checks);
  if (run.checks.length > 0 && verdictOf(was.checks) !== health) {
    const said = run.checks.find((c) => c.verdict === health)?.text ?? "";
    const text = said === "" ? "its checks have not answered since it was started" : said;
    say("health", `${self}: ${verdictOf(was.checks)} -> ${health}`, health, text);
  }
  if (run.heldDown && !was.heldDown) {
    say("service", `${self}: failed`, "failed", run.detail ?? "it could not be started");
  } else if (run.restarting && !was.restarting) {
    say("service", `${self}: restarting in place`, "restart", run.detail ?? "it failed");
  } else if (
    run.detail !== null &&
    run.detail !== was.detail &&
    run.failedStops === 0 &&
    run.resources.includes("unknown")
  ) {
    say("service", `${self}: state unknown`, "unknown", run.detail);
  }
  const [from, to] = [was.settled, run.settled];
  if (from !== to && to !== null && from !== null) {
    const why = to === "stopped" ? reasonDown(run) : "ordered by the leader";
    say("service", `${self}: ${from} -> ${to}`, to, why);
  }
  return lines;
}

/** What a stop waits for, and what follows when it does not work: each step of the way up to a reset of the node. */
function stopLines(was: ServiceRun, run: ServiceRun, { identity, node, news }: WorkerState): JournalLine[] {
  const { self } = identity;
  const say = (what: string, code: string, why: string): JournalLine[] => [
    { area: "service", subject: run.config.name, what: `${self}: ${what}`, code, why, term: node.term },
  ];
  if (run.op?.isSlow === true && was.op?.isSlow === false)
    return say("still stopping", "stop-slow", slowText(run, run.op));
  if (run.failedStops <= was.failedStops) return [];
  const why = run.detail ?? "it did not stop";
  if (!isStuck(run))
    return say("not stopped", "stop-failed", `${why}; tried again in ${RETRY_STOP / 1000} s`);
  if (isStuck(was)) return [];
  const { stage, timeout } = news?.watchdog ?? { stage: "none", timeout: null };
  const isReset = stage === "armed" && timeout !== null && holdsExclusive(run);
  const reset = isReset ? `; its watchdog is not fed any more and resets it within ${timeout / 1000} s` : "";
  return say(
    "cannot be stopped",
    "stuck",
    `${why}, for the second time; only a fence or reset of ${self} makes certain that it ends${reset}`,
  );
}

function slowText({ config }: ServiceRun, { verb, indices, deadline }: RunningOp): string {
  const resource = config.resources[indices[0] ?? -1];
  const asked = `${verb} of ${resource?.id ?? "it"} was asked and is not over`;
  if (resource?.kind !== "process") return `${asked}; it is given up after ${deadline / 1000} s`;
  return `${asked}; SIGKILL follows ${resource.stopTimeout / 1000} s after SIGTERM`;
}

function reasonDown(run: ServiceRun): string {
  if (run.heldDown) return "it failed here";
  return run.voided ? "the lease ended, which voids all orders" : "no order wants it here";
}
