// Judges the fence devices: a device that does not answer now will not answer when it is needed.

import type { FenceFacts } from "#ports/host.ts";
import { type Finding, findingsOf } from "./finding.ts";

const fencing = findingsOf("fencing");

export function judgeFences(devices: readonly FenceFacts[]): readonly Finding[] {
  if (devices.length === 0) return [fencing.ok("device", "no fence device is configured")];
  return devices.flatMap(judgeDevice);
}

function judgeDevice({ node, id, kind, misfits, answer }: FenceFacts): readonly Finding[] {
  const name = `${id} (for ${node})`;
  const advice =
    "understudy fence test shows it again; look at address, user, password and network of the device";
  const fit = misfits.map((text) =>
    fencing.problem("options", `${name}: ${text}`, "correct the device's options"),
  );
  if (kind === "operator")
    return [...fit, fencing.ok("device", `${name}: waits for understudy confirm-dead ${node}`)];
  if (answer === null) return [...fit, fencing.untested("device", `${name}: it was not asked`)];
  switch (answer.kind) {
    case "is-on":
      return [...fit, fencing.ok("device", `${name} answers: the node is on`)];
    case "is-off":
      return [
        ...fit,
        fencing.warning("device", `${name} answers: the node is off`, "is it, or is it another machine's?"),
      ];
    case "done":
      return [...fit, fencing.ok("device", `${name} answers: ${answer.detail}`)];
    case "failed":
      return [...fit, fencing.problem("device", `${name}: ${answer.detail}`, advice)];
    default:
      return [
        ...fit,
        fencing.problem("device", `${name} did not answer within ${answer.waited / 1_000} s`, advice),
      ];
  }
}
