import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { type TestContext, test } from "node:test";
import { createPrograms } from "#drivers/programs/programs.ts";
import type { CheckConfig, CheckTiming, HttpCheck } from "#model/config.ts";
import { nodeId, serviceName } from "#model/ids.ts";
import { ms } from "#model/units.ts";
import type { CheckResult, ReachResult } from "#ports/checks.ts";
import { CHECKS_RUNNING, CHECKS_WAITING, createChecks } from "./checks.ts";

const options = { timeout: 30_000 };
const checks = createChecks(createPrograms());
const context = { service: serviceName("www"), node: nodeId("chip") };
const timing: CheckTiming = { id: "one", every: ms(1000), timeout: ms(1000), rise: 1, fall: 1, grace: ms(0) };

function run(check: CheckConfig, deadline = 10_000, port = checks): Promise<CheckResult> {
  return new Promise((resolve) => port.run(check, context, ms(deadline), resolve));
}

async function outcomeOf(check: CheckConfig, deadline?: number): Promise<string> {
  const result = await run(check, deadline);
  assert.ok(result.took >= 0);
  return `${result.outcome}: ${result.text}`;
}

function http(url: string, more: Partial<HttpCheck> = {}): HttpCheck {
  return {
    ...timing,
    kind: "http",
    url,
    status: [{ from: 200, to: 399 }],
    contains: null,
    insecure: false,
    ...more,
  };
}

const command = (...run: string[]): CheckConfig => ({ ...timing, kind: "command", run });
const sh = (script: string): CheckConfig => command("/bin/sh", "-c", script);

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener);
  const port = await listen(t, server);
  t.after(() => server.closeAllConnections());
  return `http://127.0.0.1:${port}/health`;
}

/** A server that says something that may not be HTTP and keeps the connection. */
async function serveBytes(t: TestContext, say: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(say);
    t.after(() => socket.destroy());
  });
  return `http://127.0.0.1:${await listen(t, server)}/`;
}

/** A port on which nothing listens: it was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a good answer is ok", options, async (t) => {
  const url = await serve(t, (_, response) => response.end("all is well"));
  assert.equal(await outcomeOf(http(url)), "ok: 200 OK");
  assert.equal(await outcomeOf(http(url, { contains: "is well" })), "ok: 200 OK");
});

test("status and text must be as expected, and redirects are not followed", options, async (t) => {
  const url = await serve(t, (request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { location: "/200" });
    response.end("bødy");
  });
  const at = (status: number) => url.replace("health", String(status));
  assert.equal(await outcomeOf(http(at(302))), "ok: 302 Found");
  assert.equal(
    await outcomeOf(http(at(503))),
    `critical: ${at(503)}: status 503 Service Unavailable, expected 200-399`,
  );
  const only = [
    { from: 200, to: 200 },
    { from: 410, to: 418 },
  ];
  assert.match(await outcomeOf(http(at(302), { status: only })), /status 302 Found, expected 200, 410-418$/);
  assert.equal(await outcomeOf(http(at(418), { status: only, contains: "bødy" })), "ok: 418 I'm a Teapot");
  assert.match(await outcomeOf(http(at(200), { contains: "body" })), /200 OK, but its 5 bytes lack "body"$/);
});

test("a certificate counts unless it is said that it does not", options, async (t) => {
  const args = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
  ];
  const made = spawnSync("openssl", [...args, "-subj", "/CN=localhost", "-keyout", "-"], {
    encoding: "utf8",
  });
  if (made.status !== 0) return t.skip("needs openssl to make a certificate");
  const server = createHttpsServer({ key: made.stdout, cert: made.stdout }, (_, response) =>
    response.end("safe"),
  );
  const url = `https://127.0.0.1:${await listen(t, server)}/`;
  t.after(() => server.closeAllConnections());
  assert.equal(await outcomeOf(http(url)), `critical: ${url}: the certificate is self-signed`);
  assert.equal(await outcomeOf(http(url, { insecure: true, contains: "safe" })), "ok: 200 OK");
});

test("a text that arrives in pieces is found", options, async (t) => {
  const url = await serve(t, (_, response) => {
    response.write("all is w");
    setTimeout(() => response.end("ell"), 20);
  });
  assert.equal(await outcomeOf(http(url, { contains: "is well" })), "ok: 200 OK");
});

for (const [what, listener] of [
  ["never answers", () => {}],
  ["sends no end of its headers", null],
  [
    "drips its body",
    (
      _request: unknown,
      response: { write(text: string): unknown; on(event: "close", f: () => void): unknown },
    ) => {
      const drip = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(drip));
    },
  ],
] as const) {
  test(`a server that ${what} is a timeout`, options, async (t) => {
    const url =
      listener === null
        ? await serveBytes(t, "HTTP/1.1 200 OK\r\nx: y")
        : await serve(t, listener as RequestListener);
    assert.equal(
      await outcomeOf(http(url, { contains: "never" }), 200),
      `timeout: ${url}: no answer after 200 ms`,
    );
  });
}

test("of an endless body a megabyte is read", options, async (t) => {
  const url = await serve(t, (_, response) => {
    const chunk = Buffer.alloc(64 * 1024, "x");
    const pour = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("drain", pour);
    pour();
  });
  assert.equal(await outcomeOf(http(url)), "ok: 200 OK");
  assert.match(await outcomeOf(http(url, { contains: "y" })), /its 1048576 bytes lack "y"$/);
});

test("what is not HTTP, or breaks off, is critical", options, async (t) => {
  const nonsense = await serveBytes(t, "SSH-2.0-OpenSSH_9.2\r\n");
  assert.match(await outcomeOf(http(nonsense)), /^critical: .*the answer is not HTTP \(HPE_/);
  const headers = await serveBytes(t, `HTTP/1.1 200 OK\r\n${`a: ${"b".repeat(1000)}\r\n`.repeat(30)}`);
  assert.match(await outcomeOf(http(headers)), /^critical: .*HPE_HEADER_OVERFLOW/);
  const broken = await serve(t, (request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("part");
    setTimeout(() => request.socket.destroy(), 20);
  });
  assert.match(await outcomeOf(http(broken)), /^critical: .*200 OK, but the body broke off/);
});

test("nobody listening is critical, for http and tcp", options, async () => {
  const port = await freePort();
  const refused = "connection refused: nothing listens there";
  const url = `http://127.0.0.1:${port}/`;
  assert.equal(await outcomeOf(http(url)), `critical: ${url}: ${refused}`);
  const tcp: CheckConfig = { ...timing, kind: "tcp", host: "127.0.0.1", port };
  assert.equal(await outcomeOf(tcp), `critical: 127.0.0.1 port ${port}: ${refused}`);
});

test("an accepted connection is ok, by name too", options, async (t) => {
  const port = await listen(
    t,
    createServer((socket) => socket.on("error", () => {})),
  );
  const tcp: CheckConfig = { ...timing, kind: "tcp", host: "localhost", port };
  assert.equal(await outcomeOf(tcp), `ok: localhost port ${port} accepts connections`);
});

test("a plugin's exit code, text and figures come back, and it knows what it checks", options, async () => {
  const result = await run(
    sh('echo "SLOW $UNDERSTUDY_SERVICE $UNDERSTUDY_NODE $UNDERSTUDY_CHECK | t=3s;2;5"; exit 1'),
  );
  assert.equal(result.outcome, "warning");
  assert.equal(result.text, "SLOW www chip one");
  assert.deepEqual(result.perfdata, [
    { name: "t", value: 3, unit: "s", warn: "2", crit: "5", min: null, max: null },
  ]);
});

test("a plugin that hangs is a timeout, a missing one unknown", options, async () => {
  assert.match(await outcomeOf(sh("echo before; sleep 1040"), 200), /^timeout: .* after \d+ ms$/);
  assert.equal(
    await outcomeOf(command("/nowhere/check")),
    "unknown: /nowhere/check: there is no such program",
  );
});

test("a given up check never answers, and lets go of its connection or command", options, async (t) => {
  let answers = 0;
  const asked = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const url = await serve(t, (request) => {
    request.socket.on("close", () => closed.resolve());
    asked.resolve();
  });
  const giveUps = [http(url), sh("sleep 1041")].map((check) =>
    checks.run(check, context, ms(20_000), () => {
      answers += 1;
    }),
  );
  await asked.promise;
  for (const giveUp of [...giveUps, ...giveUps]) giveUp();
  await closed.promise;
  assert.equal((await run(sh("sleep 0.1"))).outcome, "ok");
  assert.equal(answers, 0);
});

test("so many run at once, the next in line follow, too many are refused", options, async (t) => {
  const port = createChecks(createPrograms());
  let open = 0;
  let most = 0;
  const url = await serve(t, (_, response) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      response.end();
    }, 20);
  });
  const all = Array.from({ length: CHECKS_RUNNING + CHECKS_WAITING + 5 }, () => run(http(url), 20_000, port));
  const outcomes = (await Promise.all(all)).map((result) => result.outcome);
  assert.equal(outcomes.filter((one) => one === "ok").length, CHECKS_RUNNING + CHECKS_WAITING);
  assert.equal(outcomes.filter((one) => one === "unknown").length, 5);
  assert.ok(most <= CHECKS_RUNNING);
});

test(
  "a check that does not get its turn in time is unknown, not a timeout of the service",
  options,
  async (t) => {
    const port = createChecks(createPrograms());
    const url = await serve(t, () => {});
    const blocking = Array.from({ length: CHECKS_RUNNING }, () => run(http(url), 500, port));
    const result = await run(http(url), 100, port);
    assert.deepEqual(
      [result.outcome, result.text],
      ["unknown", "not carried out: 32 other checks were running"],
    );
    await Promise.all(blocking);
  },
);

test("loopback answers an echo request, an address for documentation does not", options, async () => {
  const reach = (address: string, deadline: number): Promise<ReachResult> =>
    new Promise((resolve) => checks.reach(address, ms(deadline), resolve));
  assert.deepEqual(await reach("127.0.0.1", 5000), { kind: "reached" });
  assert.deepEqual(await reach("::1", 5000), { kind: "reached" });
  // 240.0.0.0/4 is reserved (RFC 1112): there is never a route that leads anywhere.
  assert.equal((await reach("240.0.0.1", 5000)).kind, "silent");
  assert.deepEqual(await reach("-f", 5000), { kind: "unknown", why: "-f is not an IP address" });
});
