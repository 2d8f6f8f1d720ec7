// Real web servers, ports and plugins against the contract of CheckPort.

import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { after } from "node:test";
import { createChecks } from "#drivers/checks/checks.ts";
import { createPrograms } from "#drivers/programs/programs.ts";
import type { CheckConfig, CheckTiming } from "#model/config.ts";
import { ms } from "#model/units.ts";
import { checkContract } from "./check-port.ts";

const timing: CheckTiming = { id: "one", every: ms(1000), timeout: ms(1000), rise: 1, fall: 1, grace: ms(0) };

const web = createHttpServer((request, response) => {
  if (request.url === "/hang") return;
  response.statusCode = request.url === "/good" ? 200 : 500;
  response.end();
});
// Accepts and says nothing.
const mute = createServer({ pauseOnConnect: true });
for (const server of [web, mute]) {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
}
after(() => web.closeAllConnections());

function http(server: typeof web | typeof mute, path: string): CheckConfig {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  return { ...timing, kind: "http", url, status: [{ from: 200, to: 299 }], contains: null, insecure: false };
}

const command = (script: string): CheckConfig => ({
  ...timing,
  kind: "command",
  run: ["/bin/sh", "-c", script],
});

checkContract("http", () => ({
  port: createChecks(createPrograms()),
  good: http(web, "/good"),
  bad: http(web, "/bad"),
  hanging: http(web, "/hang"),
}));

checkContract("http, connected and mute", () => ({
  port: createChecks(createPrograms()),
  good: http(web, "/good"),
  bad: http(web, "/bad"),
  hanging: http(mute, "/"),
}));

checkContract("command", () => ({
  port: createChecks(createPrograms()),
  good: command("echo OK"),
  bad: command("echo DOWN; exit 2"),
  hanging: command("sleep 1050"),
}));
