import type { ServiceStatus, StatusDocument } from "#api/protocol.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import { JSON_OPTION, RUN_DIR_OPTION, type RunnableCommand, YES_OPTION } from "./command.ts";
import { carryOut, isAtRest, type Judged, NO_WAIT_OPTION } from "./moving.ts";
import { complainName, serviceNames } from "./names.ts";
import { clientFor, complainAnswer, confirm } from "./talk.ts";

export const command: RunnableCommand = {
  name: "switchover",
  usage: "SERVICE [--to NODE] [--yes] [--no-wait] [--json] [--run-dir D]",
  summary: "Moves a service to another node, in an orderly way",
  about: [
    "It stops on the one node and starts on the other; with addresses only, clients notice some milliseconds.",
    "It stays there while that node can run it. Waits until it is done, 30 s at most.",
  ],
  options: {
    to: { value: "NODE", about: "Where to; without it the leader takes the best other node" },
    yes: YES_OPTION,
    "no-wait": NO_WAIT_OPTION,
    json: JSON_OPTION,
    "run-dir": RUN_DIR_OPTION,
  },
  words: { least: 1, most: 1 },
  examples: [
    { line: "understudy switchover web", about: "asks first, with from and to" },
    { line: "understudy switchover web --to dale --yes", about: "in a script" },
  ],
  run: async (args, io) => {
    const client = clientFor(args, io);
    const [name = ""] = args.words;
    const to = args.get("to");
    const before = await client.status();
    if (before.kind !== "ok") return complainAnswer(before, io);
    const document = before.value;
    const wrong = complainName({ kind: "service", name, names: serviceNames(document) }, io);
    if (wrong !== null) return wrong;
    const service = find(document, name);
    const place = service?.place ?? [];
    const wrongNode =
      to === null ? null : complainName({ kind: `place of ${name} on`, name: to, names: place }, io);
    if (wrongNode !== null) return wrongNode;

    const from = service?.active ?? null;
    const what = announce({ name, from, to, likely: to ?? likelyTarget(document, service) });
    const go = await confirm(args, io, { what, name: "switchover" });
    if (go !== true) return go;
    return carryOut(
      client,
      {
        intent: { kind: "switchover", service: serviceName(name), to: to === null ? null : nodeId(to) },
        judge: (now) => judge(find(now, name), { from, to }),
        facts: { service: name, from, to },
      },
      args,
      io,
    );
  },
};

const find = (document: StatusDocument, name: string): ServiceStatus | undefined =>
  document.services.find((service) => service.name === name);

function announce(move: {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly likely: string | null;
}): string {
  const { name, from, to, likely } = move;
  if (from !== null && from === to) return `${name} is active on ${from} already, and shall stay there.`;
  const target = likely === null ? "another node" : to === null ? `another node, probably ${likely}` : likely;
  if (from === null) return `${name} is active nowhere; it shall start on ${target}.`;
  return `${name} moves from ${from} to ${target}; clients are without it meanwhile.`;
}

/** The leader decides; this is only what it will most likely do. */
function likelyTarget(document: StatusDocument, service: ServiceStatus | undefined): string | null {
  const isFit = (name: string): boolean => {
    const member = document.members.find((each) => each.name === name);
    return member?.standing === "alive" && !member.drained && !member.leaving && member.reach !== "none";
  };
  return service?.place.find((name) => name !== service.active && isFit(name)) ?? null;
}

function judge(
  service: ServiceStatus | undefined,
  { from, to }: { readonly from: string | null; readonly to: string | null },
): Judged {
  if (service === undefined) return null;
  const { name, active, reasons } = service;
  const target = to ?? service.switchover_to;
  const isThere = active !== null && (target === null ? active !== from : active === target);
  if (isThere && active === from) return { kind: "done", text: `${name} stays on ${active}` };
  if (isThere) {
    const origin = from === null ? "" : `, moved from ${from}`;
    return { kind: "done", text: `${name} is active on ${active}${origin}` };
  }
  if (!isAtRest(service)) return null;
  const where = active === null ? "is active nowhere" : `is on ${active}`;
  return { kind: "stuck", text: `${name} ${where}: ${reasons[0]?.text ?? "no reason was given"}` };
}
