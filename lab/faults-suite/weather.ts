// Row 3: datagrams between the daemons that are lost, late, doubled or overtaken, with one link and with two.
import { sleep } from "../shell.ts";
import { lasting, type Must, NOTHING, type Played, type Row, type Scenario, type Turn } from "./scenario.ts";
import { membersOf } from "./stage.ts";
import { beginWeather, type Weather } from "./traffic.ts";

const BAD = { fullMs: 20_000, shortMs: 2_500 };
const WITHIN_MS = 60_000;

/** With one link the number of moves is only stated: no rule can tell bad weather from a dead host. */
const STATED: Must = { moves: null, outage: null };

export const WEATHERS: readonly {
  readonly name: string;
  readonly does: string;
  readonly weather: (turn: Turn) => Omit<Weather, "seed">;
  /** With one link; with two nothing may move. */
  readonly must: Must;
}[] = [
  {
    name: "loss",
    does: "30 % of all datagrams between the daemons are lost, on every link, for 20 s",
    weather: ({ stage }) => ({ hosts: membersOf(stage), links: [0, 1], loss: 0.3 }),
    must: STATED,
  },
  {
    name: "delay",
    does: "the active's first link delays by 400 ms, each way, for 20 s",
    weather: ({ active }) => ({ hosts: [active], links: [0], delayMs: 400 }),
    must: STATED,
  },
  {
    name: "duplicates",
    does: "every datagram comes twice, the copy up to 400 ms later, on every link, for 20 s",
    weather: ({ stage }) => ({ hosts: membersOf(stage), links: [0, 1], duplicate: 1 }),
    must: NOTHING,
  },
  {
    name: "reorder",
    does: "datagrams overtake each other: 0 to 150 ms late at random, on every link, for 20 s",
    weather: ({ stage }) => ({ hosts: membersOf(stage), links: [0, 1], jitterMs: 150 }),
    must: STATED,
  },
];

export const WEATHER_ONE_LINK: Row = rowOf(1);
export const WEATHER_TWO_LINKS: Row = rowOf(2);

function rowOf(links: 1 | 2): Row {
  const suffix = links === 1 ? "one-link" : "two-links";
  return {
    title: `weather, ${links === 1 ? "one link" : "two links"}`,
    needs: { links, ownDisks: false },
    scenarios: WEATHERS.map(
      ({ name, does, weather, must }): Scenario => ({
        name: `${name}-${suffix}`,
        does: `${does}; ${links === 1 ? "one link" : "two links"}`,
        must: links === 2 ? NOTHING : must,
        play: (turn) => endure(turn, weather(turn)),
        withinMs: WITHIN_MS,
      }),
    ),
  };
}

export async function endure(turn: Turn, weather: Omit<Weather, "seed">): Promise<Played> {
  const { world } = turn.stage.cluster;
  const end = await beginWeather(world, { ...weather, seed: turn.random.uint32() });
  await sleep(lasting(turn, BAD));
  const note = await end();
  const hasRelayed = /^[1-9]\d* carried/.test(note);
  return { trouble: hasRelayed ? [] : [`the relay carried nothing: ${note}`], note };
}
