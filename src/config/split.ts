// `split: eager`: who asks for two actives must be able to get them, and must have said so.

import { either, wrong, wrongKey } from "./complaint.ts";
import { key, top } from "./cursor.ts";
import type { Finding } from "./problem.ts";
import type { FoundService } from "./services.ts";
import { type FoundVoters, isPair } from "./voters.ts";

export function judgeSplit(
  config: unknown,
  voters: FoundVoters,
  { name, at, place, exclusive }: FoundService,
): readonly Finding[] {
  const split = key(at, "split");
  const accepted = key(at, "accept_two_actives");
  const isEager = split.value === "eager";
  const findings: Finding[] = [];
  if (accepted.value === true && !(isEager && exclusive.length > 0)) {
    const why = isEager ? `${name} has no exclusive resource` : "only split: eager can have two actives";
    findings.push(wrongKey(accepted, `this changes nothing: ${why}`, "remove it"));
  }
  if (!isEager) return findings;
  if (voters.isKnown && !isPair(voters)) {
    const message = `split: eager is for exactly two voters, both nodes; here are ${voters.members.length}`;
    findings.push(
      wrong(split, message, "remove it: with more, a quorum decides, and two actives are never needed"),
    );
  }
  const ids = voters.members.map(({ id }) => id);
  const outsider = place.find(({ value }) => !ids.includes(String(value)));
  if (isPair(voters) && outsider !== undefined) {
    const message = `${String(outsider.value)} does not vote: it cannot start ${name} without proof`;
    findings.push(wrong(outsider, message, `the voters are: ${ids.join(", ")}`));
  }
  if (key(top(config), "reach").value === undefined) {
    const message = "split: eager needs `reach`: a node that is cut off would start everything too";
    findings.push(wrong(split, message, "on top of the file, a gateway for example: reach: [192.0.2.1]"));
  }
  if (exclusive.length > 0 && accepted.value !== true) {
    const what = either(exclusive.map(({ resource }) => resource.id));
    const message = `split: eager could run ${what} twice at once, and it is exclusive`;
    const hint =
      "exclusive: false if two copies do no harm; accept_two_actives: true if harm is preferred to a stop";
    findings.push(wrong(split, message, hint));
  }
  return findings;
}
