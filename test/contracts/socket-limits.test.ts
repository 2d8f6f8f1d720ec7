// The socket under rough hands: strangers, hangers-on, leftovers, nonsense.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { BODY_LIMIT, CONNECTION_LIMIT, FOLLOWER_LIMIT } from "../../src/api/server.ts";
import { until, World } from "./socket-world.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.end());

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(method: string, path: string, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: world.socket, method, path }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const codeOf = ({ body }: Answer): string => JSON.parse(body).error.code;

test("only root and the group may use the socket", async () => {
  await world.listen();
  assert.equal(statSync(world.socket).mode & 0o777, 0o660);
});

test("who may not use the socket gets 77", { skip: process.getuid?.() !== 0 && "needs root" }, async () => {
  await world.listen();
  chmodSync(world.dir, 0o755);
  // A user of its own, in a process of its own: root may do everything.
  const script = `
    import { run } from ${JSON.stringify(import.meta.resolve("./socket-world.ts"))};
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    const { code, err } = await run(["status", "--run-dir", ${JSON.stringify(world.dir)}]);
    console.log(JSON.stringify({ code, err }));`;
  const child = await new Promise<string>((resolve) => {
    // Not spawnSync: the server answers in this process.
    const argv = ["--input-type=module", "--eval", script];
    execFile(process.execPath, argv, { timeout: 20_000 }, (_, stdout, stderr) => resolve(stdout || stderr));
  });
  const { code, err } = JSON.parse(child);
  assert.equal(code, 77);
  assert.match(err, /^understudy: not allowed to use .*: be root, or in its group$/);
});

test("nonsense is answered with an error and its code", async () => {
  await world.listen();
  const { host } = world;
  assert.equal(codeOf(await ask("POST", "/v1/intents", "{")), "bad-request");
  assert.equal(codeOf(await ask("POST", "/v1/intents", "null")), "bad-request");
  assert.equal(codeOf(await ask("POST", "/v1/intents", '{"kind":"drain"}')), "bad-request");
  assert.equal(codeOf(await ask("GET", "/v1/journal?since_number=x")), "bad-request");
  assert.equal(codeOf(await ask("GET", "/v1/nothing")), "no-such-route");
  assert.equal((await ask("DELETE", "/v1/status")).status, 405);
  assert.equal(codeOf(await ask("GET", "/__proto__")), "no-such-route");
  assert.deepEqual(host.asked, []);
});

test("a body that is too long is refused, and the daemon goes on", async () => {
  await world.listen();
  const answer = await ask("POST", "/v1/intents", "x".repeat(BODY_LIMIT + 1));
  assert.equal(answer.status, 413);
  assert.equal(codeOf(answer), "too-large");
  assert.equal((await ask("GET", "/v1/status")).status, 200);
});

test("a defect behind one route is told to who asked, and ends nothing", async () => {
  await world.listen();
  world.host.status = () => {
    throw new Error("a bug");
  };
  assert.equal(codeOf(await ask("GET", "/v1/status")), "internal");
  assert.equal((await world.run("status")).code, 2);
  assert.equal((await ask("GET", "/v1/journal")).status, 200);
});

test("200 connections that hang lock nobody out", async () => {
  // No deadline helps here: only the limit does.
  await world.listen({ receive: 60_000 });
  const hanging = await Promise.all(Array.from({ length: 200 }, (_, index) => hang(index % 2 === 0)));
  assert.equal((await world.run("status")).code, 0);
  assert.equal((await ask("GET", "/v1/status")).status, 200);
  await until(
    () => hanging.filter((each) => !each.destroyed).length <= CONNECTION_LIMIT,
    "the oldest are gone",
  );
  for (const each of hanging) each.destroy();
});

test("a connection that does not finish its request is ended", async () => {
  await world.listen({ receive: 100 });
  const hanging = await hang(true);
  await until(() => hanging.destroyed, "the daemon ended it");
});

test("followers are limited, and each place becomes free again", async () => {
  await world.listen();
  const stop = new AbortController();
  const followers = Array.from({ length: FOLLOWER_LIMIT }, () =>
    world.run("journal --follow", { signal: stop.signal }),
  );
  await until(() => world.host.followers === FOLLOWER_LIMIT, "all follow");
  const { code, err } = await world.run("journal --follow");
  assert.equal(code, 2);
  assert.match(err, /others follow the journal already$/);
  stop.abort();
  for (const follower of followers) assert.equal((await follower).code, 0);
  await until(() => world.host.followers === 0, "all are gone");
});

test("a daemon that accepts and never answers is unknown, not waited for", async () => {
  const mute = createServer(() => {});
  await new Promise<void>((done) => mute.listen(world.socket, done));
  const { code, err } = await world.run("status", { times: { read: 100 } });
  assert.equal(code, 3);
  assert.match(err, /no answer on .* within 0\.1 s$/);
  mute.close();
});

test("a stranger on the socket is unknown", async () => {
  for (const words of ["hello\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", ""]) {
    const stranger = createServer((connection) => {
      connection.on("error", () => {});
      connection.resume();
      connection.end(words);
    });
    await new Promise<void>((done) => stranger.listen(world.socket, done));
    const { code, err } = await world.run("status");
    assert.equal(code, 3);
    assert.match(err, /^understudy: cannot ask understudy on /);
    await new Promise<void>((done) => stranger.close(() => done()));
  }
});

test("a socket that nobody answers on is replaced; a live one is not", async () => {
  leaveSocketBehind();
  const stale = await world.run("status");
  assert.equal(stale.code, 3);
  assert.match(stale.err, /Nobody answers on/);
  assert.equal((await world.listen()).kind, "listening");
  assert.equal((await world.run("status")).code, 0);

  const second = await world.listen();
  assert.deepEqual(second, { kind: "failed", problem: `another understudy answers on ${world.socket}` });
  assert.equal((await world.run("status")).code, 0);
});

test("a file that is in the way is replaced too, and a missing folder is said", async () => {
  writeFileSync(world.socket, "");
  assert.equal((await world.listen()).kind, "listening");
  await world.end();
  const missing = await world.listen();
  assert.equal(missing.kind, "failed");
  assert.match(missing.kind === "failed" ? missing.problem : "", /^cannot open /);
});

test("the end of the daemon takes the socket away", async () => {
  await world.listen();
  await world.close();
  assert.throws(() => statSync(world.socket), { code: "ENOENT" });
});

/** A connection that says nothing, or the beginning of something. */
function hang(speaks: boolean): Promise<Socket> {
  return new Promise((resolve) => {
    const connection = connect(world.socket, () => {
      if (speaks) connection.write("GET /v1/status HTTP/1.1\r\nho");
      resolve(connection);
    });
    connection.on("error", () => {});
    connection.resume();
  });
}

/** As after SIGKILL: the file stays, nobody listens. */
function leaveSocketBehind(): void {
  const script = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  const { signal } = spawnSync(process.execPath, ["--eval", script, world.socket], { timeout: 20_000 });
  assert.equal(signal, "SIGKILL");
}
