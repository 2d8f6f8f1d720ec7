// Could a service ever fail over by itself? What nothing could free is refused here, with the ways out, and not
// found out on the day that its node dies.

import { provesAlone } from "#model/fencing.ts";
import { either, isNode, type Judgement, wrong, wrongKey } from "./complaint.ts";
import { type Cursor, key, top } from "./cursor.ts";
import { levelsFrom } from "./fencing.ts";
import { isMap } from "./kit.ts";
import type { FoundMember } from "./members.ts";
import type { Finding } from "./problem.ts";
import { NODE_FENCING } from "./schema-fencing.ts";
import type { FoundService } from "./services.ts";
import { type FoundVoters, isPair } from "./voters.ts";

/** What could prove that a node is dead. */
type Proof =
  /** A fence device, by itself. */
  | "device"
  /** Its watchdog, and nothing else. */
  | "watchdog"
  /** Somebody who says `understudy confirm-dead`, as the file asks for. */
  | "operator"
  /** Only asked to stop. */
  | "polite"
  | "none";

export function judgeProtection(
  config: unknown,
  members: readonly FoundMember[],
  voters: FoundVoters,
  services: readonly FoundService[],
): Judgement {
  if (!voters.isKnown) return { findings: [], warnings: [] };
  const pair = isPair(voters);
  const needy = services.filter((service) => needsProof(service, pair));
  if (pair && needy.length > 0 && !saysAnything(config, services)) {
    return { findings: [aloneTogether(members, voters)], warnings: [] };
  }
  const proofs = new Map(members.filter(isNode).map(({ id }) => [id, proofOf(config, id, pair)]));
  const cases = needy.map((service) => caseOf(service, proofs));
  const isWitnessed = members.some(({ kind }) => kind === "witness");
  return {
    findings: cases.flatMap((one) => stuck(one, pair, isWitnessed)),
    warnings: cases.flatMap((one) => [...waiting(one), ...watched(config, one, pair)]),
  };
}

/** A quorum of three or more proves of what the kernel revokes that it is gone; between two nobody can. */
function needsProof({ at, place, exclusive }: FoundService, pair: boolean): boolean {
  const isEager = pair && key(at, "split").value === "eager";
  return place.length > 1 && !isEager && (pair || exclusive.length > 0);
}

function saysAnything(config: unknown, services: readonly FoundService[]): boolean {
  const has = (name: string) => key(top(config), name).value !== undefined;
  return has("fencing") || has("watchdog") || services.some(({ at }) => key(at, "split").value !== undefined);
}

const PAIR_WAYS =
  "the ways out: a witness, a third machine that runs `understudy witness` (witness: 192.0.2.5); fencing: " +
  "(web1: { ipmi: 10.9.8.1, user: ha, password_file: PATH }); split: eager in a service; or fencing by hand " +
  "(web1: operator)";

function aloneTogether(members: readonly FoundMember[], { members: voters, place }: FoundVoters): Finding {
  const who = members.length === voters.length ? "two nodes and no witness" : "only two voters";
  const hint =
    members.length > voters.length
      ? `list three voters, or leave \`voters\` out: then all members vote; ${PAIR_WAYS}`
      : PAIR_WAYS;
  return wrongKey(place, `${who}: no service could ever fail over by itself`, hint);
}

interface Case {
  readonly service: FoundService;
  readonly nodes: readonly { readonly at: Cursor; readonly id: string; readonly proof: Proof }[];
}

/** Names that no node has are another mistake, and are told elsewhere. */
function caseOf(service: FoundService, proofs: ReadonlyMap<string, Proof>): Case {
  const nodes = service.place.flatMap((at) => {
    const id = String(at.value);
    const proof = proofs.get(id);
    return proof === undefined ? [] : [{ at, id, proof }];
  });
  return { service, nodes };
}

/** The best there is. What is not well written is taken for good: one mistake is enough to read about. */
function proofOf(config: unknown, node: string, pair: boolean): Proof {
  const at = key(key(top(config), "fencing"), node);
  // The holder of a tenure does not lapse by being alone, so nobody can tell that its watchdog has fired.
  const isWatched = watchdogMode(config) !== "none" && !pair;
  if (at.value === undefined) return isWatched ? "watchdog" : "none";
  const written = NODE_FENCING.safeParse(at.value);
  if (!written.success) return "device";
  const levels = levelsFrom(written.data);
  if (levels.some(provesAlone)) return "device";
  if (isWatched) return "watchdog";
  return levels.some((level) => level.some(({ kind }) => kind === "operator")) ? "operator" : "polite";
}

function watchdogMode(config: unknown): "required" | "best-effort" | "none" {
  const { value } = key(top(config), "watchdog");
  const mode = isMap(value) ? value.mode : value;
  if (mode === undefined || mode === "none") return "none";
  return mode === "best-effort" ? mode : "required";
}

function stuck({ service, nodes }: Case, pair: boolean, isWitnessed: boolean): readonly Finding[] {
  const [first, ...more] = nodes.filter(({ proof }) => proof === "none" || proof === "polite");
  if (first === undefined) return [];
  const who = either([first, ...more].map(({ id }) => id));
  const what = pair
    ? "is dead"
    : `no longer runs ${either([...new Set(service.exclusive.map(({ resource }) => resource.id))])}`;
  const polite = first.proof === "polite" ? " (ssh only asks)" : "";
  const message = `nothing could ever prove that ${who} ${what}${polite}, so ${service.name} would never fail over by itself`;
  const device = `fencing: { ${first.id}: { ipmi: 10.9.8.1, user: ha, password_file: PATH } }`;
  const byHand = `fencing: { ${first.id}: operator } to decide by hand`;
  const ways = pair
    ? [
        isWitnessed ? "let the witness vote" : "a witness (witness: 192.0.2.5)",
        device,
        "split: eager",
        byHand,
      ]
    : [device, "watchdog: required", "exclusive: false if two copies do no harm", byHand];
  return [wrong(first.at, message, `the ways out: ${ways.join("; ")}`)];
}

function waiting({ service, nodes }: Case): readonly Finding[] {
  const [first, ...more] = nodes.filter(({ proof }) => proof === "operator");
  if (first === undefined) return [];
  const who = either([first, ...more].map(({ id }) => id));
  const message = `when ${who} dies, nothing moves ${service.name} by itself: it waits for an operator`;
  return [wrong(first.at, message, `understudy confirm-dead ${first.id}; a fence device would need nobody`)];
}

function watched(config: unknown, { service, nodes }: Case, pair: boolean): readonly Finding[] {
  const [first, ...more] = nodes.filter(({ proof }) => proof === "watchdog");
  if (first === undefined) return [];
  const who = either([first, ...more].map(({ id }) => id));
  if (pair) {
    const message = `only a watchdog could prove that ${who} is dead, and a node that is merely cut off goes on feeding it`;
    return [wrong(first.at, message, `a witness, or a fence device, lets ${service.name} move then too`)];
  }
  if (watchdogMode(config) === "required") return [];
  const message = `${service.name} moves by itself only from where a watchdog is found: best-effort promises none on ${who}`;
  return [wrong(first.at, message, "watchdog: required, or a fence device")];
}
