// Resources that are processes of ours: started, watched, started again, and ended as a whole group.

import { randomUUID } from "node:crypto";
import { assert } from "#lib/assert.ts";
import { unreachable } from "#lib/unreachable.ts";
import type { ProcessResource } from "#model/config.ts";
import type { ServiceName } from "#model/ids.ts";
import { type Ms, ms } from "#model/units.ts";
import type { Group, ProgramEnd, ProgramPort } from "#ports/programs.ts";
import type { OpResult, ProcessExit } from "#ports/resources.ts";
import type { Records } from "./records.ts";
import type { Turns } from "./turns.ts";

/** Between an exit and the next start: a process that fails at once must not keep a core busy. */
const RESTART_DELAY = ms(100);
/** SIGKILL comes early enough for its effect to be seen before the deadline of the op. */
const KILL_BY = 0.8;
/** What is left of a group whose first process is gone gets this long for SIGTERM, and once more. */
const REST_PATIENCE = ms(2000);

export interface ProcessOp {
  readonly key: string;
  readonly service: ServiceName;
  readonly resource: ProcessResource;
  readonly env: Readonly<Record<string, string>>;
}

/** What is known of a process; none of these: it is stopped. */
type Supervised =
  | {
      readonly kind: "running";
      readonly op: ProcessOp;
      readonly group: Group;
      readonly exits: readonly number[];
    }
  /** It ended by itself and is about to be started again. */
  | {
      readonly kind: "restarting";
      readonly op: ProcessOp;
      readonly group: Group;
      readonly exits: readonly number[];
    }
  /** Being ended, or not ended yet although that was tried. */
  | { readonly kind: "stopping"; readonly op: ProcessOp; readonly group: Group }
  /** It ended by itself too often. */
  | { readonly kind: "failed"; readonly why: string };

export interface Supervisor {
  /** These three are called in the turn of `key`; each answers once, later. */
  start(op: ProcessOp, answer: (result: OpResult) => void): void;
  stop(op: ProcessOp, deadline: Ms, answer: (result: OpResult) => void): void;
  probe(op: ProcessOp, answer: (result: OpResult) => void): void;
  onExit(listener: (exit: ProcessExit) => void): void;
  /** Ends what an earlier life left of a key that this life has not started. */
  endEarlier(key: string, deadline: Ms, answer: (problem: string | null) => void): void;
  /** Those that run or may run. */
  running(): readonly ProcessOp[];
}

export function createSupervisor(programs: ProgramPort, records: Records, turns: Turns): Supervisor {
  const supervised = new Map<string, Supervised>();
  let tell: (exit: ProcessExit) => void = () => {};

  /** Answers when the first process runs, or with why it does not. */
  function launch(op: ProcessOp, exits: readonly number[], answer: (problem: string | null) => void): void {
    const token = randomUUID();
    try {
      records.write(op.key, { pid: 0, startTicks: 0, token });
    } catch (error) {
      // Unrecorded it could outlive the daemon unseen.
      answer(`not started, because it cannot be recorded: ${error instanceof Error ? error.message : error}`);
      return;
    }
    const { run: argv, user, directory, env } = op.resource;
    programs.launch({ argv, user, directory, env: { ...op.env, ...env } }, token, {
      started(group) {
        supervised.set(op.key, { kind: "running", op, group, exits });
        try {
          records.write(op.key, group);
        } catch {
          // The first note has the token, which finds it as well.
        }
        answer(null);
      },
      ended(end) {
        if (end.kind === "not-started") {
          records.remove(op.key);
          answer(end.problem);
        } else recover(op, token, end);
      },
    });
  }

  /** The first process ended by itself: end the rest of its group, then start again if that is allowed. */
  function recover(op: ProcessOp, token: string, end: ProgramEnd): void {
    turns.take(op.key, (done) => {
      const now = supervised.get(op.key);
      // A stop that had its turn before has dealt with it.
      if (now?.kind !== "running" || now.group.token !== token) return done();
      const { limit, within } = op.resource.restarts;
      const at = performance.now();
      const exits = [...now.exits.filter((one) => at - one < within), at];
      const mayRestart = exits.length <= limit;
      const output = end.kind === "not-started" ? "" : end.output;
      const fail = (why: string) => {
        supervised.set(op.key, { kind: "failed", why });
        tell({ service: op.service, resource: op.resource.id, next: "failed", why, output });
        done();
      };
      supervised.set(op.key, { kind: "restarting", op, group: now.group, exits });
      endRest(now.group, (left) => {
        if (left.length > 0) {
          supervised.set(op.key, { kind: "stopping", op, group: now.group });
          const why = `${describeEnd(end)}, and ${stillAlive(left)}`;
          tell({ service: op.service, resource: op.resource.id, next: "failed", why, output });
          done();
        } else if (mayRestart) {
          const why = `${describeEnd(end)}; restart ${exits.length} of ${limit} within ${within / 1000} s`;
          tell({ service: op.service, resource: op.resource.id, next: "restarting", why, output });
          setTimeout(
            () => launch(op, exits, (problem) => (problem === null ? done() : fail(problem))),
            RESTART_DELAY,
          );
        } else {
          records.remove(op.key);
          const why =
            limit === 0
              ? "it is never restarted"
              : `it was restarted ${limit === 1 ? "once" : `${limit} times`} within ${within / 1000} s`;
          fail(`${describeEnd(end)}; ${why}`);
        }
      });
    });
  }

  function endRest(group: Group, answer: (left: readonly number[]) => void): void {
    programs.end(group, { killAfter: REST_PATIENCE, deadline: ms(2 * REST_PATIENCE) }, answer);
  }

  function endEarlier(key: string, deadline: Ms, answer: (problem: string | null) => void): void {
    const group = supervised.has(key) ? null : records.read(key);
    if (group === null) {
      if (!supervised.has(key)) records.remove(key);
      queueMicrotask(() => answer(null));
      return;
    }
    const killAfter = ms(Math.min(REST_PATIENCE, deadline / 2));
    programs.end(group, { killAfter, deadline: ms(deadline * KILL_BY) }, (left) => {
      if (left.length === 0) records.remove(key);
      answer(left.length === 0 ? null : `of an earlier life of the daemon ${stillAlive(left)}`);
    });
  }

  return {
    endEarlier,

    start(op, answer) {
      const now = supervised.get(op.key);
      if (now?.kind === "running") {
        queueMicrotask(() => answer(done("it runs already")));
        return;
      }
      assert(now?.kind !== "restarting", "a restart keeps its turn");
      const begin = () => launch(op, [], (problem) => answer(problem === null ? done("") : failed(problem)));
      if (now?.kind === "stopping") {
        endRest(now.group, (left) => {
          if (left.length === 0) supervised.delete(op.key);
          if (left.length === 0) begin();
          else answer(failed(`not started, because ${stillAlive(left)}`));
        });
        return;
      }
      supervised.delete(op.key);
      endEarlier(op.key, ms(2 * REST_PATIENCE), (problem) =>
        problem === null ? begin() : answer(failed(`not started, because ${problem}`)),
      );
    },

    stop(op, deadline, answer) {
      const now = supervised.get(op.key);
      if (now === undefined || now.kind === "failed") {
        supervised.delete(op.key);
        endEarlier(op.key, deadline, (problem) => answer(problem === null ? done("") : failed(problem)));
        return;
      }
      supervised.set(op.key, { kind: "stopping", op: now.op, group: now.group });
      const killAfter = ms(Math.min(op.resource.stopTimeout, deadline * KILL_BY));
      programs.end(now.group, { killAfter, deadline: ms(deadline * ((1 + KILL_BY) / 2)) }, (left, killed) => {
        if (left.length > 0) return answer(failed(stillAlive(left)));
        supervised.delete(op.key);
        records.remove(op.key);
        const remark = killed.length === 0 ? {} : { remark: killedText(killed, killAfter) };
        answer({ kind: "done", output: "", ...remark });
      });
    },

    probe(op, answer) {
      const result = judgeProbe(supervised.get(op.key), op.key);
      queueMicrotask(() => answer(result));
    },

    onExit(listener) {
      tell = listener;
    },

    running: () => [...supervised.values()].flatMap((one) => (one.kind === "failed" ? [] : [one.op])),
  };

  function judgeProbe(now: Supervised | undefined, key: string): OpResult {
    if (now === undefined) {
      const earlier = records.read(key);
      const left = earlier === null ? [] : programs.members(earlier);
      return left.length > 0 ? done("left by an earlier life of the daemon") : stopped("");
    }
    switch (now.kind) {
      case "running":
        return done("");
      case "restarting":
        return done("about to be started again");
      case "stopping": {
        const left = programs.members(now.group);
        return left.length > 0 ? done(stillAlive(left)) : stopped("");
      }
      case "failed":
        return stopped(now.why);
      default:
        return unreachable(now);
    }
  }
}

function stillAlive(left: readonly number[]): string {
  return `${processes(left)} ${left.length === 1 ? "is" : "are"} still alive after SIGKILL`;
}

function killedText(killed: readonly number[], killAfter: Ms): string {
  const did = killed.length === 1 ? "was" : "were";
  return `SIGTERM did not end it within ${killAfter / 1000} s, so ${processes(killed)} ${did} ended with SIGKILL`;
}

/** The first of many are enough to find the others. */
const processes = (pids: readonly number[]): string =>
  pids.length === 1 ? `process ${pids[0]}` : `processes ${pids.slice(0, 8).join(", ")}`;

function describeEnd(end: ProgramEnd): string {
  switch (end.kind) {
    case "exited":
      return `it ended by itself with exit code ${end.code}`;
    case "signalled":
      return `it was ended by ${end.signal}`;
    case "not-started":
      return end.problem;
    default:
      return unreachable(end);
  }
}

const done = (output: string): OpResult => ({ kind: "done", output });
const stopped = (output: string): OpResult => ({ kind: "stopped", output });
const failed = (output: string): OpResult => ({ kind: "failed", code: null, output });
