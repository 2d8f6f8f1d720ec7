// Asks a node over ssh to stop. It may do so or not, and nobody can tell from its silence: never a proof.

import type { SshDevice } from "#model/fencing.ts";
import { ms } from "#model/units.ts";
import type { FenceAnswer, FenceVerb } from "#ports/fence.ts";
import { failed, type Prepared, refuse } from "./prepared.ts";
import { sentenceOf } from "./said.ts";

const COMMANDS = { off: ["systemctl", "poweroff"], status: ["true"] } as const;

export function prepareSsh(device: SshDevice, verb: FenceVerb): Prepared {
  if (verb === "on") return refuse("nothing can be switched on over ssh");
  const seconds = Math.max(1, Math.floor(device.timeout / 1000));
  const key = device.keyFile === null ? [] : ["-i", device.keyFile];
  // Batch mode asks nothing: an unknown host key or a passphrase is a failure. After -- nothing is an option.
  const argv = [
    "ssh",
    "-o",
    "BatchMode=yes",
    "-o",
    `ConnectTimeout=${seconds}`,
    ...key,
    "--",
    device.target,
    ...COMMANDS[verb],
  ];
  return {
    kind: "run",
    program: { argv, user: null, directory: null, env: { LC_ALL: "C.UTF-8" } },
    judgeExit: (code, output) => judgeSsh(verb, code, output),
    hide: (text) => text,
  };
}

/** `status` has no answer that would be one: a node that answers is not off, one that does not may be anything. */
function judgeSsh(verb: "off" | "status", code: number, output: string): FenceAnswer {
  if (code !== 0) return failed(sentenceOf(output, (text) => text) ?? `ssh ended with exit code ${code}`);
  if (verb === "off") return { kind: "done", detail: "it was asked to power off, which proves nothing" };
  return { kind: "unknown", waited: ms(0), detail: "it answers over ssh, which proves nothing" };
}
