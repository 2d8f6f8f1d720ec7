// Judges the watchdog device against what the configuration asks for.

import type { WatchdogConfig } from "#model/config.ts";
import type { Process, WatchdogFacts } from "#ports/host.ts";
import { type Finding, findingsOf } from "./finding.ts";

const watchdog = findingsOf("watchdog");
const LOAD = "load the driver of this machine's watchdog, or softdog (modprobe softdog, /etc/modules-load.d)";

/** `daemon`: process id of the local daemon, which may have the device open; null: none runs. */
export function judgeWatchdog(
  facts: WatchdogFacts,
  config: WatchdogConfig,
  daemon: number | null,
): readonly Finding[] {
  const { mode, device } = config;
  if (mode === "none") return [watchdog.ok("device", "no watchdog is configured: none is needed")];
  const complain = mode === "required" ? watchdog.problem : watchdog.warning;
  if (facts.kind === "absent")
    return [complain("device", `${device} is not there (watchdog: ${mode})`, LOAD)];
  if (facts.kind === "stranger") return [complain("device", `${device} is ${facts.what}, no watchdog`, LOAD)];
  const name = facts.identity === null ? device : `${device} (${facts.identity})`;
  const others = facts.openers.filter(({ pid }) => pid !== daemon);
  const [other] = others;
  const open =
    other === undefined
      ? watchdog.ok(
          "device",
          `${name} is there and ${facts.openers.length > 0 ? "fed by the daemon" : "free"}`,
        )
      : complain("device", `${name} is in use by ${nameOf(other)}`, adviceAgainst(other));
  return [open, judgeTimeout(facts, config), ...judgePauses(facts)];
}

function judgeTimeout(
  { least, most }: WatchdogFacts & { readonly kind: "present" },
  { timeout }: WatchdogConfig,
): Finding {
  const seconds = timeout / 1_000;
  if (least === null && most === null) {
    return watchdog.untested(
      "timeout",
      `the driver does not say which timeouts it can have (${seconds} s is wanted)`,
    );
  }
  // 0: no limit.
  const isWithin = seconds >= (least ?? 0) && (most === null || most === 0 || seconds <= most);
  const range = `${least ?? 0} to ${most === null || most === 0 ? "any number of" : most} s`;
  if (isWithin) return watchdog.ok("timeout", `its timeout can be ${seconds} s (${range})`);
  return watchdog.problem(
    "timeout",
    `its timeout cannot be ${seconds} s, only ${range}`,
    "change watchdog.timeout",
  );
}

/** While a machine is paused its watchdog stands still with it, and the others take it for fired. */
function judgePauses({ isVirtual }: WatchdogFacts & { readonly kind: "present" }): readonly Finding[] {
  if (!isVirtual) return [];
  return [
    watchdog.warning(
      "pauses",
      "this is a virtual machine: while it is paused its watchdog does not count",
      "fence it through its hypervisor, or see to it that nobody pauses it (docs/safety.md)",
    ),
  ];
}

const nameOf = ({ name, pid }: Process): string => `${name} (process ${pid})`;

function adviceAgainst({ name }: Process): string {
  if (name === "systemd")
    return "unset RuntimeWatchdogSec= in /etc/systemd/system.conf: only one can have the device";
  return `stop ${name}, or configure another device: only one can have it open`;
}
