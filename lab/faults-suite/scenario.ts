// What a scenario of the suite is: a fault, what must hold under it, and how often it is played.
import type { Prng } from "#lib/prng.ts";
import type { TimingName } from "../cluster.ts";
import type { Stage, StageNeeds } from "./stage.ts";

export type Scenario = {
  /** Kebab-case; what `--only` takes. */
  readonly name: string;
  /** One sentence for the table: what is done, to whom, for how long. */
  readonly does: string;
  readonly must: Must;
  /**
   * Does it and undoes it; the cluster is whole before. Answers what went wrong with the doing or was found
   * beside what clients see. The harness waits until the cluster is whole again and judges all of it.
   */
  readonly play: (turn: Turn) => Promise<Played>;
  /** Before the first run of it on a stage; not judged. */
  readonly prepare?: (turn: Turn) => Promise<void>;
  /** After the last run of it on a stage; not judged. */
  readonly finish?: (stage: Stage) => Promise<void>;
  /** Longest time that one run of it may take, in ms, beyond what the harness itself waits for. */
  readonly withinMs: number;
};

/** three: two nodes and a witness. two: two nodes alone. fencing: devices for nodes that hold what is exclusive. */
export const PARTS = ["three", "two", "fencing"] as const;
export type Part = (typeof PARTS)[number];

/** Scenarios of one subject that may share a stage. */
export type Row = {
  readonly title: string;
  /** Which cluster it is about: `--part` takes it. Without: two nodes and a witness. */
  readonly part?: Part;
  readonly needs: StageNeeds;
  /** Another cluster than two nodes and a witness; it is settled. */
  readonly open?: (timing: TimingName, needs: StageNeeds) => Promise<Stage>;
  readonly scenarios: readonly Scenario[];
};

/** Beside these always: nobody answered twice, no address live on two hosts, terms only grow, whole at the end. */
export type Must = {
  /** How often another host answers the client: at least, at most. Null: the number is only stated. */
  readonly moves: readonly [number, number] | null;
  /**
   * The longest outage for a client: "none" (no request is lost), "failover" (the profile's bound), or
   * milliseconds beyond what `Played` excuses. Null: it is only stated.
   */
  readonly outage: "none" | "failover" | number | null;
  /** Two may answer, as the configuration wishes: how often is only stated. */
  readonly mayDouble?: boolean;
};

export type Turn = {
  readonly stage: Stage;
  readonly timing: TimingName;
  /** Where the service answered when the turn began, and the other node. */
  readonly active: string;
  readonly standby: string;
  /** A stream of its own for this run of this scenario. */
  readonly random: Prng;
  /** The short form of the suite: durations that only need to be long are shorter. */
  readonly isShort: boolean;
};

export type Played = {
  readonly trouble: readonly string[];
  /** How long the service could not be there, in ms: everybody was stopped, say. */
  readonly excusedMs?: number;
  /** For the table: what else was counted, in a few words. */
  readonly note?: string;
};

export const NOTHING: Must = { moves: [0, 0], outage: "none" };
export const ONE_MOVE: Must = { moves: [1, 1], outage: "failover" };
export const FINE: Played = { trouble: [] };

/** The one duration or the other. */
export function lasting(
  { isShort }: Turn,
  times: { readonly fullMs: number; readonly shortMs: number },
): number {
  return isShort ? times.shortMs : times.fullMs;
}
