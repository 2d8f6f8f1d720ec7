// Guarded ports: each belongs to one service on a node, and none is the daemon's own.

import type { GuardedPort } from "#model/config.ts";
import { type Judgement, wrong } from "./complaint.ts";
import { type Cursor, items, key, top } from "./cursor.ts";
import { PORT, SSH_PORT } from "./defaults.ts";
import { parseGuardedPort } from "./leaves.ts";
import type { Finding } from "./problem.ts";
import type { FoundService } from "./services.ts";

interface Guarded extends GuardedPort {
  readonly at: Cursor;
  readonly service: FoundService;
}

export function judgeGuards(config: unknown, services: readonly FoundService[]): Judgement {
  const written = key(top(config), "port").value;
  const pulses = typeof written === "number" ? written : PORT;
  const all = services.flatMap(guardedBy);
  return {
    findings: all.flatMap((one, index) => [
      ...judgeOwn(one, pulses),
      ...judgeTwice(one, all.slice(0, index)),
    ]),
    warnings: all.filter(({ protocol, port }) => protocol === "tcp" && port === SSH_PORT).map(warnOfSsh),
  };
}

function guardedBy(service: FoundService): readonly Guarded[] {
  return items(key(service.at, "guard")).flatMap((at) => {
    const answer = parseGuardedPort(at.value);
    return answer.kind === "read" ? [{ ...answer.value, at, service }] : [];
  });
}

const nameOf = ({ protocol, port }: GuardedPort) => `${protocol}/${port}`;

function judgeOwn({ at, protocol, port }: Guarded, pulses: number): readonly Finding[] {
  const isOwn = protocol === "udp" && (port === pulses || port === pulses + 1);
  if (!isOwn) return [];
  const message = `udp/${port} is this program's own: closed, the nodes would not hear each other`;
  return [wrong(at, message, "remove it, or give `port` another value")];
}

function judgeTwice(one: Guarded, before: readonly Guarded[]): readonly Finding[] {
  const { at, service } = one;
  const same = before.filter((other) => nameOf(other) === nameOf(one));
  if (same.some((other) => other.service === service))
    return [wrong(at, `${nameOf(one)} is guarded twice`, "remove one")];
  const places = service.place.map(({ value }) => value);
  for (const { service: other } of same) {
    const shared = other.place.find(({ value }) => places.includes(value));
    if (shared === undefined) continue;
    const message = `${nameOf(one)} is guarded by ${other.name} already, and ${String(shared.value)} may have both`;
    return [
      wrong(at, message, "a port of a node opens for one service; put both into one, or place them apart"),
    ];
  }
  return [];
}

function warnOfSsh({ at, service }: Guarded): Finding {
  const message = `nobody reaches a node by ssh while ${service.name} is not active on it`;
  return wrong(at, message, "guard the ports of the service only");
}
