// The hardware watchdog of a Linux host, or the kernel's own (softdog): /dev/watchdog and its relatives.

import { constants } from "node:os";
import { closeFile, openForWriting } from "#drivers/sys/device.ts";
import { EAGAIN, errnoName } from "#drivers/sys/errno.ts";
import { lockFile } from "#drivers/sys/libc.ts";
import { assert } from "#lib/assert.ts";
import { type Ms, ms } from "#model/units.ts";
import type { WatchdogArmed, WatchdogPort } from "#ports/watchdog.ts";
import { askSupport, feed, type Support, setTimeoutOf, stop } from "./device.ts";

export interface WatchdogOptions {
  /** `/dev/watchdog`, or `/dev/watchdogN` where a host has several. */
  readonly device: string;
  /** The device counts whole seconds: a fraction counts as a whole one. */
  readonly timeout: Ms;
  /**
   * For tests: `device` is a FIFO, a terminal or a plain file that takes the bytes and knows no request. It then
   * says that it uses the wanted timeout. Without this a file that is no watchdog is refused, since a node that
   * believes in one that does nothing is what a takeover must not rest on.
   */
  readonly standIn?: boolean;
}

/** A device may round a timeout up to this many times the wanted one; never down, which would leave less slack. */
const LONGEST = 2;
const { EBUSY } = constants.errno;

type Armed = WatchdogArmed & { readonly kind: "armed" };
type Failed = WatchdogArmed & { readonly kind: "failed" };

/** Opens nothing yet: see `WatchdogPort.arm`. Programs that are started do not inherit the descriptor. */
export function createWatchdog({ device, timeout, standIn = false }: WatchdogOptions): WatchdogPort {
  assert(timeout > 0, "a watchdog's timeout is longer than nothing");
  const seconds = Math.ceil(timeout / 1e3);
  let open: { readonly fd: number; readonly answer: Armed } | null = null;
  /** What the last disarm said: asking again changes nothing about a timer that goes on. */
  let hasStopped = true;

  return {
    arm() {
      if (open !== null) return open.answer;
      const fd = openForWriting(device);
      if (fd < 0) return refused(device, fd);
      const answer = standIn ? startStandIn(device, fd, seconds) : start(device, fd, seconds);
      if (answer.kind === "armed") open = { fd, answer };
      else closeFile(fd);
      return answer;
    },
    feed() {
      return open !== null && feed(open.fd);
    },
    disarm() {
      if (open === null) return hasStopped;
      hasStopped = stop(open.fd);
      closeFile(open.fd);
      open = null;
      return hasStopped;
    },
  };
}

/** The timer runs since the device was opened. Where this fails it is stopped again, as far as that goes. */
function start(device: string, fd: number, seconds: number): WatchdogArmed {
  const support = askSupport(fd);
  // Nothing was written yet, so a disk or a terminal that somebody named by mistake has taken no harm.
  if (typeof support === "number") return refused(device, support);
  const used = setTimeoutOf(fd, seconds);
  const problem = used < 0 ? refused(device, used) : judge(support, { device, seconds, used });
  if (problem === null && feed(fd)) {
    return { kind: "armed", timeout: ms(used * 1e3), identity: support.identity };
  }
  const { code, detail } = problem ?? fail("EIO", `${device} does not take the byte that feeds it`);
  return fail(
    code,
    stop(fd) ? detail : `${detail}; it cannot be stopped (nowayout): it will reset this node`,
  );
}

interface Offer {
  readonly device: string;
  readonly seconds: number;
  readonly used: number;
}

/** Why this device will not do; null: it will. */
function judge({ identity, hasMagicClose }: Support, { device, seconds, used }: Offer): Failed | null {
  const name = `${device} (${identity})`;
  if (!hasMagicClose) {
    // The timer would stop with the process that feeds it, while others believe that it fires.
    return fail("no-magic-close", `${name} stops its timer when the daemon dies, so that it proves nothing`);
  }
  if (used >= seconds && used <= seconds * LONGEST) return null;
  return fail("timeout-refused", `${name} uses a timeout of ${used} s instead of ${seconds} s`);
}

/** flock(2) stands for the kernel's rule that a watchdog is open only once. */
function startStandIn(device: string, fd: number, seconds: number): WatchdogArmed {
  const locked = lockFile(fd);
  if (locked < 0) return refused(device, locked === -EAGAIN ? -EBUSY : locked);
  if (!feed(fd)) return fail("EIO", `${device} does not take the byte that feeds it`);
  return { kind: "armed", timeout: ms(seconds * 1e3), identity: "stand-in" };
}

function refused(device: string, errno: number): Failed {
  const code = errnoName(errno);
  return fail(code, `${device}: ${HINTS[code] ?? "the kernel refuses it"} (${code})`);
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such device; a host without a watchdog of its own can load the module softdog",
  ENODEV: "its driver is gone",
  ENXIO: "nothing is behind it",
  EBUSY:
    "another program has it, such as systemd (RuntimeWatchdogSec= in its system.conf) or the daemon watchdog",
  EACCES: "opening it for writing needs root",
  EPERM: "opening it for writing needs root",
  EISDIR: "it is a directory",
  ENOTTY: "it is not a watchdog",
};

const fail = (code: string, detail: string): Failed => ({ kind: "failed", code, detail });
