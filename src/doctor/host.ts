// Judges what else runs on this host, and how the daemon is started.

import type { OtherFacts, UnitFacts } from "#ports/host.ts";
import { type Finding, findingsOf } from "./finding.ts";

const host = findingsOf("host");

export function judgeOthers(others: readonly OtherFacts[]): readonly Finding[] {
  if (others.length === 0) return [host.ok("others", "no other software that moves addresses runs here")];
  return others.map(judgeOther);
}

function judgeOther({ name, pid, shares, isRead }: OtherFacts): Finding {
  const who = `${name} (process ${pid})`;
  if (shares.length > 0) {
    return host.warning(
      "others",
      `${who} manages ${shares.join(", ")} too: it would take them without asking anybody`,
      `remove them from the configuration of ${name}, or stop it`,
    );
  }
  if (isRead) return host.ok("others", `${who} runs, and names none of the floating addresses`);
  return host.warning(
    "others",
    `${who} runs here; what it manages could not be read`,
    "make sure that it manages none of understudy's addresses and services",
  );
}

/** For information: understudy runs without a unit, too. */
export function judgeUnit({ booted, file, enabled }: UnitFacts): Finding {
  if (!booted)
    return host.ok("unit", "this host is not run by systemd: see that the daemon is started and restarted");
  if (file === null)
    return host.ok("unit", "there is no unit understudy.service (docs/operating.md has one)");
  return host.ok(
    "unit",
    `${file} is ${enabled ? "enabled" : "not enabled: the daemon does not start at boot"}`,
  );
}
