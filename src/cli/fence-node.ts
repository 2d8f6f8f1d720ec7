// `understudy fence NODE` and `understudy fence test`: asked of this node's daemon, which calls the devices.

import type { DeviceStatus } from "#api/protocol.ts";
import { plain } from "#lib/plain.ts";
import { formatTable } from "#lib/table.ts";
import { nodeId } from "#model/ids.ts";
import type { Arguments } from "./command.ts";
import { complainConfirm, confirmName, doDeed, tellDone } from "./deeds.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";
import { complainName, nodeNames } from "./names.ts";
import { clientFor, complainAnswer } from "./talk.ts";

/** Switches a node off, proves it, and switches it on again. */
export async function fenceNode(args: Arguments, io: Io): Promise<ExitCode> {
  const [name = ""] = args.words;
  const unconfirmed = complainConfirm(args, io, { node: name, name: "fence" });
  if (unconfirmed !== null) return unconfirmed;
  const client = clientFor(args, io);
  const before = await client.status();
  if (before.kind !== "ok") return complainAnswer(before, io);
  const wrong = complainName({ kind: "node", name, names: nodeNames(before.value) }, io);
  if (wrong !== null) return wrong;
  const active = before.value.services.filter((service) => service.active === name).map((each) => each.name);
  const loses = active.length === 0 ? "" : ` ${active.join(", ")} is active there.`;
  const what = `${name} is switched off now, whatever it does, and on again afterwards.${loses}`;
  const go = await confirmName(args, io, { node: name, what });
  if (go !== true) return go;
  const deed = { kind: "fence", node: nodeId(name), who: io.who?.() ?? "somebody" } as const;
  return tellDone(name, await doDeed(client, deed, io), args, io);
}

/** Asks devices for their status, changes nothing, and prints a row for each. */
export async function testFences(args: Arguments, io: Io): Promise<ExitCode> {
  const [, name = null] = args.words;
  const client = clientFor(args, io);
  const before = await client.status();
  if (before.kind !== "ok") return complainAnswer(before, io);
  const wrong =
    name === null ? null : complainName({ kind: "node", name, names: nodeNames(before.value) }, io);
  if (wrong !== null) return wrong;
  const node = name === null ? null : nodeId(name);
  const { code, text, result, took_ms } = await doDeed(client, { kind: "fence-test", node }, io);
  if (result === "refused" || result === "unknown") {
    io.err(`understudy: ${plain(text)}`);
    return code;
  }
  const after = await client.status();
  if (after.kind !== "ok") return complainAnswer(after, io);
  const devices = after.value.fencing.devices.filter((device) => name === null || device.node === name);
  if (args.has("json")) io.out(JSON.stringify({ result, took_ms, devices }, null, 2));
  else io.out(formatTable([HEAD, ...devices.map(rowOf)], { width: io.columns() }).join("\n"));
  return code === EXIT.ok ? EXIT.ok : EXIT.failed;
}

const HEAD = ["NODE", "LEVEL", "DEVICE", "ANSWER"];

function rowOf({ node, level, device, proves, problem }: DeviceStatus): string[] {
  const answer = !proves ? "not asked: it proves nothing" : problem === null ? "answers" : `none: ${problem}`;
  return [node, String(level), device, answer];
}
