// Two nodes without a witness, each of which can have the other one's power switched off: what the rows for three
// members do, and what follows here. Silence of the standby costs nothing; silence of the active costs a fencing.
import { killDaemon } from "../cluster.ts";
import { signal } from "../namespaces.ts";
import { BLINK, DELETE, FLUSH, play as meddle } from "./meddling.ts";
import { flap, NODES, only, part, turned } from "./partitions.ts";
import { openPoweredStage } from "./powered.ts";
import { ACTIVE, ALL, kill, killAll, stop, type Whom } from "./processes.ts";
import { FINE, type Must, NOTHING, type Played, type Row, type Scenario, type Turn } from "./scenario.ts";
import { pidOf, type StageNeeds, start } from "./stage.ts";
import { storm } from "./storm.ts";
import { endure, WEATHERS } from "./weather.ts";

const WITHIN_MS = 120_000;
const STANDBY: Whom = ({ standby }) => [standby];
/** It goes on, or the other one has it fenced: after the head start, and as long as fencing takes. */
const AT_MOST_ONE: Must = { moves: [0, 1], outage: null };
const STATED: Must = { moves: null, outage: null };

export const PAIR: Row = rowOf("two nodes", 1, [
  scenario(
    "kill-active",
    "the active's daemon is killed, SIGKILL; started again 3 s later",
    AT_MOST_ONE,
    (turn) => kill(turn, ACTIVE),
  ),
  scenario(
    "restart-active",
    "the active's daemon is killed, SIGKILL, and started again at once",
    AT_MOST_ONE,
    restart,
  ),
  scenario(
    "stop-active",
    "the active's daemon stands still for 10 s, SIGSTOP and SIGCONT",
    AT_MOST_ONE,
    (turn) => stop(turn, ACTIVE),
  ),
  scenario(
    "kill-standby",
    "the standby's daemon is killed, SIGKILL; started again 3 s later",
    NOTHING,
    (turn) => kill(turn, STANDBY),
  ),
  scenario(
    "stop-standby",
    "the standby's daemon stands still for 10 s, SIGSTOP and SIGCONT",
    NOTHING,
    (turn) => stop(turn, STANDBY),
  ),
  scenario("kill-all", "both daemons are killed, SIGKILL, and started again at once", AT_MOST_ONE, killAll),
  scenario("stop-all", "both daemons stand still for 10 s, SIGSTOP and SIGCONT", STATED, (turn) =>
    stop(turn, ALL),
  ),
  scenario("part", "the nodes lose each other for 5 s", NOTHING, (turn) => part(turn, NODES)),
  scenario(
    "mute",
    "the standby does not hear the active for 5 s, the other way all is well",
    AT_MOST_ONE,
    (turn) => part(turn, only(NODES)),
  ),
  scenario(
    "deaf",
    "the active does not hear the standby for 5 s, the other way all is well",
    AT_MOST_ONE,
    (turn) => part(turn, turned(NODES)),
  ),
  scenario(
    "flap",
    "the nodes lose each other for 200 ms and have each other for 200 ms, 30 s long",
    STATED,
    (turn) => flap(turn, NODES),
  ),
  scenario(
    "storm",
    "each daemon is killed every 1 to 5 s at random, SIGKILL, and started at once, for 5 minutes",
    STATED,
    storm,
  ),
  scenario("flush", "`nft flush ruleset`, on the active, every 100 ms for 20 s", STATED, (turn) =>
    meddle(turn, [FLUSH]),
  ),
  scenario(
    "delete",
    "the floating address is deleted, on the active, every 100 ms for 20 s",
    STATED,
    (turn) => meddle(turn, [DELETE]),
  ),
  scenario(
    "blink",
    "the link goes down, and up again 40 ms later, on the active, every 100 ms for 20 s",
    STATED,
    (turn) => meddle(turn, [BLINK]),
  ),
]);

export const PAIR_WEATHER: Row = rowOf(
  "two nodes, weather",
  2,
  WEATHERS.map(({ name, does, weather }) =>
    scenario(name, `${does}; two links`, NOTHING, (turn) => endure(turn, weather(turn))),
  ),
);

function rowOf(title: string, links: StageNeeds["links"], scenarios: readonly Scenario[]): Row {
  return {
    title,
    part: "two",
    needs: { links, ownDisks: false },
    open: (timing) => openPoweredStage({ timing, links, hasWitness: false, fencing: "ipmi" }),
    scenarios,
  };
}

function scenario(name: string, does: string, must: Must, play: Scenario["play"]): Scenario {
  const withinMs = name === "storm" ? 330_000 : WITHIN_MS;
  return { name: `two-${name}`, does: `two nodes alone: ${does}`, must, play, withinMs };
}

async function restart(turn: Turn): Promise<Played> {
  const { stage, active } = turn;
  signal(-pidOf(stage, active), "SIGKILL");
  await killDaemon(stage.cluster, active);
  start(stage, active);
  return FINE;
}
