// What a probe found, before it is known how long it took; and network errors in plain words.

import type { CheckResult } from "#ports/checks.ts";
import { oneLine } from "./nagios.ts";

export type Verdict = Omit<CheckResult, "took">;

/**
 * Starts a probe, which answers later. The function returned gives it up; an answer may still come then and
 * is to be ignored. `settled` comes when nothing of the probe is left, and may come more than once.
 */
export type Probe = (answer: (verdict: Verdict) => void, settled: () => void) => () => void;

export function verdict(outcome: Verdict["outcome"], text: string): Verdict {
  return { outcome, text: oneLine(text), perfdata: [] };
}

/** Errors of connect(2), getaddrinfo(3) and TLS that are common enough to be said plainly. */
const PLAIN: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused: nothing listens there",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed",
  EHOSTUNREACH: "no route, or nobody has this address",
  ENETUNREACH: "no route to this network",
  ENOTFOUND: "there is no such name",
  EAI_AGAIN: "the name server does not answer",
  CERT_HAS_EXPIRED: "the certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is self-signed",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another name",
};

export function networkProblem(error: unknown): string {
  // Several addresses of one name were tried: the first error stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return networkProblem(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  if (code.startsWith("HPE_")) return `the answer is not HTTP (${code})`;
  return PLAIN[code] ?? error.message;
}
