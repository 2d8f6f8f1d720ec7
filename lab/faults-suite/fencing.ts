// Two nodes and a witness, and a service that must never run twice: it starts elsewhere only when its node is proved
// dead by a management board that speaks IPMI, by the next device, or by an operator's word.

import { freezeBmc, setManner, stopBmc, thawBmc } from "../bmc.ts";
import { command, statusOf } from "../cluster.ts";
import { cut, freeze, heal } from "../faults.ts";
import { sleep, until } from "../shell.ts";
import { EXCLUSIVE, openPoweredStage, type PoweredOptions, type PoweredStage, runners } from "./powered.ts";
import { lasting, type Must, type Played, type Row, type Scenario, type Turn } from "./scenario.ts";

const WITHIN_MS = 180_000;
/** Several calls of an agent, each of a second or two, or of a device's whole timeout. */
const STARTED_WITHIN_MS = 60_000;
const BLOCKED_WITHIN_MS = 60_000;
/** Long enough for a start that must not be. */
const STILL = { fullMs: 5_000, shortMs: 1_500 };
const BEFORE_MS = 200;
/** What clients see moves as soon as the lease is over; the exclusive process is judged by itself. */
const ONE_MOVE: Must = { moves: [1, 1], outage: null };

/** What happens to the node, and what to its board before. */
type Deed = (stage: PoweredStage, node: string) => Promise<void> | void;

const CUT: Deed = ({ cluster }, node) => cut(cluster.world, node);
const HANG: Deed = ({ cluster }, node) => freeze(cluster.world, node);
const DIE: Deed = (stage, node) => stage.crash(node);

const DEAF: Deed = (stage, node) => setManner(boardOf(stage, node), "deaf");
const FROZEN: Deed = (stage, node) => freezeBmc(boardOf(stage, node));
const GONE: Deed = (stage, node) => stopBmc(boardOf(stage, node));
const REFUSING: Deed = (stage) => stage.password.set("not the password");

export const FENCING: Row = rowOf("fencing by ipmi", "ipmi", [
  fenced("fence-cut", "is cut off", CUT),
  fenced("fence-hung", "hangs, every process of it stopped,", HANG),
  fenced("fence-dead", "dies", DIE),
  blocked("fence-deaf", "dies, and its board says that it obeys and does nothing", DEAF),
  blocked("fence-refused", "dies, and its board refuses the password", REFUSING),
  {
    name: "fence-thawed",
    does: "the active dies, and its board hangs: the exclusive service is blocked until the board answers again",
    must: ONE_MOVE,
    play: thawed,
    withinMs: WITHIN_MS,
  },
]);

export const FENCING_LEVELS: Row = rowOf("fencing by two levels", "ipmi, then an outlet", [
  fenced("next-deaf", "hangs, its board says that it obeys and does nothing, and", HANG, DEAF),
  fenced("next-frozen", "is cut off, its board hangs, and", CUT, FROZEN),
  fenced("next-refused", "dies, its board refuses the password, and", DIE, REFUSING),
  fenced("next-gone", "dies, its board is gone, and", DIE, GONE),
]);

export const FENCING_INSIDE: Row = rowOf("boards that die with their hosts", "ipmi in the host itself", [
  blocked("fence-inside", "dies, and its board with it", () => {}),
]);

function rowOf(title: string, fencing: PoweredOptions["fencing"], scenarios: readonly Scenario[]): Row {
  return {
    title,
    part: "fencing",
    needs: { links: 1, ownDisks: false },
    open: (timing, { links }) => openPoweredStage({ timing, links, hasWitness: true, fencing }),
    scenarios,
  };
}

function fenced(name: string, what: string, fault: Deed, spoil: Deed = () => {}): Scenario {
  return {
    name,
    does: `the active ${what} is switched off, and only then the exclusive service starts on the other node`,
    must: ONE_MOVE,
    play: async (turn) => {
      const { stage, node, other, since } = await begin(turn);
      await spoil(stage, node);
      await fault(stage, node);
      const trouble = await startedAfter(since, { proof: `off ${node}`, other });
      await heal(stage.cluster.world);
      return { trouble };
    },
    withinMs: WITHIN_MS,
  };
}

function blocked(name: string, what: string, spoil: Deed): Scenario {
  return {
    name,
    does: `the active ${what}: the exclusive service is blocked, status and why say what to do, and \`confirm-dead\` frees it`,
    must: ONE_MOVE,
    play: async (turn) => {
      const { stage, node, other, since } = await begin(turn);
      await spoil(stage, node);
      await DIE(stage, node);
      const trouble = [...(await staysBlocked(turn, { node, other }))];
      stage.events.add(`dead ${node}`);
      const { code, stderr } = await command(stage.cluster, other, ["confirm-dead", node, "--confirm", node]);
      if (code !== 0) trouble.push(`confirm-dead was refused: ${stderr.trim()}`);
      trouble.push(...(await startedAfter(since, { proof: `dead ${node}`, other })));
      return { trouble };
    },
    withinMs: WITHIN_MS,
  };
}

async function thawed(turn: Turn): Promise<Played> {
  const { stage, node, other, since } = await begin(turn);
  freezeBmc(boardOf(stage, node));
  await DIE(stage, node);
  const trouble = await staysBlocked(turn, { node, other });
  thawBmc(boardOf(stage, node));
  return { trouble: [...trouble, ...(await startedAfter(since, { proof: `off ${node}`, other }))] };
}

type Sides = { readonly node: string; readonly other: string };

type Begun = Sides & {
  readonly stage: PoweredStage;
  /** What was written about power and the exclusive service from here on. */
  readonly since: () => readonly string[];
};

async function begin(turn: Turn): Promise<Begun> {
  // The client shall have seen whom it leaves.
  await sleep(BEFORE_MS);
  const stage = turn.stage as PoweredStage;
  const node = turn.active;
  const before = stage.events.all().length;
  return { stage, node, other: turn.standby, since: () => stage.events.all().slice(before) };
}

/** Waits for the start on the other node, and looks what came before it. */
async function startedAfter(
  since: () => readonly string[],
  { proof, other }: { readonly proof: string; readonly other: string },
): Promise<readonly string[]> {
  const start = `start ${other}`;
  await until(() => since().includes(start), { withinMs: STARTED_WITHIN_MS });
  const lines = since();
  const at = lines.indexOf(start);
  if (at < 0) return [`${EXCLUSIVE} did not start on ${other}: ${lines.join(", ") || "nothing happened"}`];
  return lines.slice(0, at).includes(proof) ? [] : [`no "${proof}" before "${start}": ${lines.join(", ")}`];
}

/** It runs nowhere, and both ways to ask say what an operator has to type. */
async function staysBlocked(turn: Turn, { node, other }: Sides): Promise<readonly string[]> {
  const { cluster } = turn.stage;
  const word = `understudy confirm-dead ${node}`;
  const isSaid = await until(
    async () => {
      const status = await statusOf(cluster, other);
      const service = status?.services.find(({ name }) => name === EXCLUSIVE);
      return service?.protection.state === "blocked" && service.protection.text.includes(word);
    },
    { withinMs: BLOCKED_WITHIN_MS },
  );
  if (isSaid === null) return [`status does not say: blocked, ${word}`];
  const why = await command(cluster, other, ["why", EXCLUSIVE]);
  await sleep(lasting(turn, STILL));
  const trouble: string[] = [];
  if (!why.stdout.includes(word)) trouble.push(`why does not say ${word}: ${why.stdout.trim()}`);
  const where = runners(turn.stage);
  if (where.length > 0) trouble.push(`${EXCLUSIVE} runs on ${where.join(" and ")} unproved`);
  return trouble;
}

function boardOf({ boards }: PoweredStage, node: string) {
  const board = boards.get(node);
  if (board === undefined) throw new Error(`${node} has no board`);
  return board;
}
