// Does an address answer? By ping(8), which may send echo requests without root on every distribution.

import { unreachable } from "#lib/unreachable.ts";
import type { ReachResult } from "#ports/checks.ts";
import type { RunEnd } from "#ports/programs.ts";

/** Exit codes of iputils' ping(8): 0 a reply came, 1 none came, 2 another error, mostly no route. */
export function judgePing(end: RunEnd): ReachResult {
  switch (end.kind) {
    case "exited":
      if (end.code === 0) return { kind: "reached" };
      if (end.code === 1) return { kind: "silent", why: "no reply" };
      if (end.code === 2) return { kind: "silent", why: end.output.trim().split("\n").at(-1) ?? "" };
      return { kind: "unknown", why: `ping ended with exit code ${end.code}: ${end.output.trim()}` };
    case "deadline":
      return { kind: "silent", why: `no reply after ${Math.round(end.waited)} ms` };
    case "signalled":
      return { kind: "unknown", why: `ping was ended by ${end.signal}` };
    case "not-started":
      return { kind: "unknown", why: end.problem };
    default:
      return unreachable(end);
  }
}
