// Fence devices that are commands of the operator's.

import type { CommandDevice } from "#model/fencing.ts";
import type { FenceAnswer, FenceCall, FenceVerb } from "#ports/fence.ts";
import { failed, type Prepared, refuse } from "./prepared.ts";
import { sentenceOf } from "./said.ts";

export function prepareCommand(device: CommandDevice, { node, verb }: FenceCall): Prepared {
  const argv = device[verb];
  if (argv === null) return refuse(`no command for "${verb}" is configured: the node stays off`);
  const env = { UNDERSTUDY_NODE: node, UNDERSTUDY_VERB: verb };
  return {
    kind: "run",
    program: { argv, user: null, directory: null, env },
    judgeExit: (code, output) => judgeCommand(verb, code, output),
    hide: (text) => text,
  };
}

/** As with fence agents: 0 is success, of `status` "on", 2 of `status` is "off". */
function judgeCommand(verb: FenceVerb, code: number, output: string): FenceAnswer {
  const said = sentenceOf(output, (text) => text);
  const detail = said === null ? `exit code ${code}` : `exit code ${code}: ${said}`;
  if (verb !== "status") return code === 0 ? { kind: "done", detail } : failed(detail);
  if (code === 0) return { kind: "is-on", detail };
  return code === 2 ? { kind: "is-off", detail } : failed(detail);
}
