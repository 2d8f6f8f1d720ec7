// Asks a web server and looks at status and text of its answer.

import { type ClientRequest, type IncomingMessage, request as requestHttp, STATUS_CODES } from "node:http";
import { request as requestHttps } from "node:https";
import type { HttpCheck, StatusRange } from "#model/config.ts";
import { networkProblem, type Probe, type Verdict, verdict } from "./verdict.ts";

/** Bytes of a body that are looked at; what comes after them is neither read nor waited for. */
export const BODY_READ = 1024 * 1024;

export function httpProbe(check: HttpCheck): Probe {
  return (answer, settled) => {
    let request: ClientRequest;
    try {
      request = ask(check);
    } catch (error) {
      // An URL that Node does not take, such as one with a port that is not to be used.
      queueMicrotask(() => {
        answer(verdict("unknown", `${check.url}: ${networkProblem(error)}`));
        settled();
      });
      return () => {};
    }
    const finish = (found: Verdict) => {
      answer(found);
      request.destroy();
    };
    request.once("response", (response) => readAnswer(check, response, finish));
    // Stays for the whole life of the request: an error without a listener would end the daemon.
    request.on("error", (error) => answer(verdict("critical", `${check.url}: ${networkProblem(error)}`)));
    request.once("close", settled);
    request.end();
    return () => request.destroy();
  };
}

function ask(check: HttpCheck): ClientRequest {
  const url = new URL(check.url);
  // A connection of its own for each probe: a kept one would not notice that nobody listens any more.
  const options = { agent: false, headers: { "user-agent": "understudy", accept: "*/*" } };
  if (url.protocol === "http:") return requestHttp(url, options);
  return requestHttps(url, { ...options, rejectUnauthorized: !check.insecure });
}

function readAnswer(check: HttpCheck, response: IncomingMessage, finish: (found: Verdict) => void): void {
  const status = response.statusCode ?? 0;
  const said = `${status} ${response.statusMessage || STATUS_CODES[status] || ""}`.trim();
  if (!check.status.some((range) => range.from <= status && status <= range.to)) {
    return finish(
      verdict(
        "critical",
        `${check.url}: status ${said}, expected ${check.status.map(formatRange).join(", ")}`,
      ),
    );
  }
  const chunks: Buffer[] = [];
  let length = 0;
  const judge = () => {
    const isFound = check.contains === null || Buffer.concat(chunks).includes(check.contains);
    if (isFound) finish(verdict("ok", said));
    else
      finish(verdict("critical", `${check.url}: ${said}, but its ${length} bytes lack "${check.contains}"`));
  };
  response.on("data", (chunk: Buffer) => {
    if (length >= BODY_READ) return;
    chunks.push(chunk.subarray(0, BODY_READ - length));
    length = Math.min(BODY_READ, length + chunk.length);
    if (length >= BODY_READ) judge();
  });
  response.once("end", judge);
  response.on("error", (error) => {
    finish(verdict("critical", `${check.url}: ${said}, but the body broke off: ${networkProblem(error)}`));
  });
}

function formatRange({ from, to }: StatusRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}
