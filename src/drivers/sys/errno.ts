// Errno numbers as the names that people search for.

import { constants } from "node:os";
import { failed, type Outcome } from "#ports/outcome.ts";

export const { EACCES, EADDRNOTAVAIL, EAGAIN, EINTR, ENOBUFS, ENODATA, ENODEV, ENOENT } = constants.errno;

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `EPERM` for 1 or -1; `E123` for a number without a name. */
export function errnoName(number: number): string {
  return names.get(Math.abs(number)) ?? `E${Math.abs(number)}`;
}

/** A failed system call as an outcome: `doing` says what was tried, as in "adding 192.0.2.1/24 to eth0". */
export function sysFailure(number: number, doing: string): Outcome & { readonly kind: "failed" } {
  const name = errnoName(number);
  return failed(name, `${doing}: ${name}${hint(name)}`) as Outcome & { readonly kind: "failed" };
}

function hint(name: string): string {
  switch (name) {
    case "EPERM":
    case "EACCES":
      return " (needs root, or CAP_NET_ADMIN and CAP_NET_RAW)";
    case "ENODEV":
      return " (no such network device)";
    case "ENETDOWN":
      return " (the network device is down)";
    default:
      return "";
  }
}
