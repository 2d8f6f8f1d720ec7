// Every command over a real socket: what it prints and how it ends.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { nodeId } from "#model/ids.ts";
import { because } from "#model/reason.ts";
import { samplePlacement } from "../golden/status-sample.ts";
import { entryNumber, until, World } from "./socket-world.ts";

const DALE = nodeId("dale");

let world: World;
beforeEach(async () => {
  world = new World();
  assert.equal((await world.listen({ answer: 100 })).kind, "listening");
});
afterEach(() => world.end());

test("status prints a sentence first, and JSON with the same facts", async () => {
  const text = await world.run("status");
  assert.equal(text.code, 0);
  assert.match(text.out, /^All well: mail is active on chip/);
  const { code, out } = await world.run("status --json");
  const document = JSON.parse(out);
  assert.equal(code, 0);
  assert.equal(document.state, "well");
  assert.ok(text.out.startsWith(document.sentence));
  assert.deepEqual(
    document.services.map((service: { name: string; active: string }) => [service.name, service.active]),
    [
      ["mail", "chip"],
      ["web", "chip"],
    ],
  );
});

test("status ends with 1 when degraded and 2 when down", async () => {
  world.host.picture = { ...world.host.picture, placements: [samplePlacement("web", { ready: [] })] };
  assert.equal((await world.run("status")).code, 1);
  world.host.picture = {
    ...world.host.picture,
    placements: [samplePlacement("web", { active: null, node: null, ready: [] })],
  };
  assert.equal((await world.run("status")).code, 2);
});

test("status --watch shows it again and again until it is interrupted", async () => {
  const stop = new AbortController();
  let shown = 0;
  const { code, out } = await world.run("status --watch --json", {
    signal: stop.signal,
    onOut: () => {
      shown += 1;
      if (shown === 2) stop.abort();
    },
  });
  assert.equal(code, 0);
  assert.equal(out.split("\n").length, 2);
});

test("switchover asks with from and to, moves, and says how long it took", async () => {
  world.host.answer = (intent) => {
    assert.deepEqual(intent, { kind: "switchover", service: "web", to: null });
    setTimeout(() => {
      world.host.showAccepted({
        placements: [samplePlacement("mail"), samplePlacement("web", { node: DALE, active: DALE })],
      });
    }, 30);
    return { kind: "accepted", version: { ...world.host.picture.intents.version, number: 3 }, text: "" };
  };
  const { code, out, err } = await world.run("switchover web", { typed: "y\n" });
  assert.match(err, /^web moves from chip to another node, probably dale; .* Go on\? \[y\/N\] $/);
  assert.match(out, /^web is active on dale, moved from chip \([\d.]+ ms\)$/);
  assert.equal(code, 0);
});

test("switchover with --json says the same in fields", async () => {
  world.host.showAccepted({ placements: [samplePlacement("web", { node: DALE, active: DALE })] });
  const { code, out } = await world.run("switchover web --to dale --yes --json");
  const { took_ms, text, ...rest } = JSON.parse(out);
  assert.equal(code, 0);
  assert.equal(typeof took_ms, "number");
  assert.match(text, /^web stays on dale/);
  assert.deepEqual(rest, { service: "web", from: "dale", to: "dale", result: "done" });
});

test("switchover does nothing without a yes: 2 when answered no, 64 without a terminal", async () => {
  const no = await world.run("switchover web --to dale", { typed: "\n" });
  assert.equal(no.code, 2);
  assert.match(no.err, /nothing was done$/);
  const nobody = await world.run("switchover web --to dale");
  assert.equal(nobody.code, 64);
  assert.match(nobody.err, /there is no terminal: say --yes$/);
  assert.deepEqual(world.host.asked, []);
});

test("switchover to an unknown service or node is a usage error with a suggestion", async () => {
  const service = await world.run("switchover wbe --yes");
  assert.equal(service.code, 64);
  assert.match(service.err, /there is no service "wbe"\ndid you mean web\?$/);
  const node = await world.run("switchover web --to dael --yes");
  assert.equal(node.code, 64);
  assert.match(node.err, /did you mean dale\?$/);
  assert.equal((await world.run("switchover web --to witness --yes")).code, 64);
});

test("switchover that is refused ends with 2 and the leader's words", async () => {
  world.host.answer = () => ({ kind: "refused", reason: "web is under maintenance" });
  const { code, err } = await world.run("switchover web --to dale --yes");
  assert.equal(code, 2);
  assert.equal(err, "understudy: web is under maintenance");
});

test("switchover without an answer in time is unknown", async () => {
  world.host.answer = null;
  const late = await world.run("switchover web --to dale --yes");
  assert.equal(late.code, 3);
  assert.match(late.err, /it may have accepted it or not$/);
  world.host.answer = () => ({ kind: "unknown", reason: "the leader changed" });
  assert.equal((await world.run("switchover web --to dale --yes")).code, 3);
});

test("switchover that is accepted but not done by the deadline is unknown, with what it waits for", async () => {
  world.host.showAccepted({
    placements: [
      samplePlacement("web", { node: DALE, waiting: because("stopping", "web is stopping on chip") }),
    ],
  });
  const { code, err } = await world.run("switchover web --to dale --yes", { times: { move: 200 } });
  assert.equal(code, 3);
  assert.match(err, /accepted, but not done within 200 ms: web: web is stopping on chip/);
});

test("a switchover whose target fails ends with 2 once the service rests elsewhere", async () => {
  world.host.showAccepted();
  const { code, err } = await world.run("switchover web --to dale --yes");
  assert.equal(code, 2);
  assert.equal(err, "understudy: web is on chip: chip runs web and is healthy");
});

test("--no-wait ends when the wish is accepted", async () => {
  const { code, out } = await world.run("switchover web --to dale --yes --no-wait");
  assert.equal(code, 0);
  assert.equal(out, "on disk at chip, witness");
});

test("a picture from before the wish is not taken for its result", async () => {
  world.host.picture = {
    ...world.host.picture,
    placements: [samplePlacement("web", { node: DALE, active: DALE })],
  };
  const { code } = await world.run("switchover web --to dale --yes", { times: { move: 150 } });
  assert.equal(code, 3);
});

test("drain says what moves away and waits until it has", async () => {
  world.host.answer = () => {
    world.host.showAccepted({
      placements: ["mail", "web"].map((name) => samplePlacement(name, { node: DALE, active: DALE })),
    });
    return { kind: "accepted", version: world.host.picture.intents.version, text: "" };
  };
  const { code, out, err } = await world.run("drain chip", { typed: "yes\n" });
  assert.match(err, /^mail, web moves away from chip/);
  assert.match(out, /^chip is drained \(/);
  assert.equal(code, 0);
  assert.deepEqual(world.host.asked, [{ kind: "drain", node: "chip" }]);
});

test("drain of what cannot move ends with 2 and why", async () => {
  world.host.showAccepted({
    placements: [
      samplePlacement("web", { reasons: [because("no-candidate", "no other node may take web")] }),
    ],
  });
  const { code, err } = await world.run("drain chip --yes");
  assert.equal(code, 2);
  assert.equal(err, "understudy: web stays on chip: no other node may take web");
});

test("undrain and maintenance are done when accepted and seen", async () => {
  world.host.showAccepted();
  assert.match((await world.run("undrain chip --yes")).out, /^chip may have services again/);
  assert.match((await world.run("maintenance on web")).out, /^maintenance of web is on/);
  assert.match((await world.run("maintenance on chip")).out, /^maintenance of chip is on/);
  assert.match((await world.run("maintenance off")).out, /^maintenance of the cluster is off/);
  assert.deepEqual(world.host.asked, [
    { kind: "undrain", node: "chip" },
    { kind: "maintenance", on: true, target: { kind: "service", service: "web" } },
    { kind: "maintenance", on: true, target: { kind: "node", node: "chip" } },
    { kind: "maintenance", on: false, target: null },
  ]);
});

test("maintenance knows only on and off, services and nodes", async () => {
  assert.equal((await world.run("maintenance maybe")).code, 64);
  assert.equal((await world.run("maintenance on witness")).code, 64);
  assert.equal((await world.run("maintenance on service:chip")).code, 64);
  assert.deepEqual(world.host.asked, []);
});

test("journal prints lines, since a date, as JSON, and follows", async () => {
  const all = await world.run("journal");
  assert.equal(all.code, 0);
  assert.equal(
    all.out.split("\n")[0],
    "2026-11-20 10:01:00.123  plan     web  chip -> dale 1  chip has lapsed [active-lost]",
  );
  const since = await world.run("journal --json --since 2026-11-20T10:02:30");
  assert.deepEqual(
    since.out.split("\n").map((line) => JSON.parse(line).number),
    [3],
  );
  assert.equal((await world.run("journal --since yesterday")).code, 64);

  const stop = new AbortController();
  const following = world.run("journal --follow --json", {
    signal: stop.signal,
    onOut: (line) => JSON.parse(line).number === 5 && stop.abort(),
  });
  await until(() => world.host.followers === 1, "the follower is there");
  world.host.append(entryNumber(4));
  world.host.append(entryNumber(5));
  const { code, out } = await following;
  assert.equal(code, 0);
  assert.deepEqual(
    out.split("\n").map((line) => JSON.parse(line).number),
    [1, 2, 3, 4, 5],
  );
  await until(() => world.host.followers === 0, "the follower is gone");
});

test("journal --follow says when the daemon goes away", async () => {
  const following = world.run("journal --follow");
  await until(() => world.host.followers === 1, "the follower is there");
  await world.close();
  const { code, err } = await following;
  assert.equal(code, 3);
  assert.match(err, /understudy went away$/);
});

test("why gives the leader's reasons", async () => {
  const { code, out } = await world.run("why web");
  assert.equal(code, 0);
  assert.match(out, /^web is active on chip/);
  assert.match(out, /dale is ready, but web stays where it runs/);
  assert.equal(JSON.parse((await world.run("why web --json")).out).reasons.length, 2);
  assert.equal((await world.run("why nothing")).code, 64);
});

test("reload tells what became of it: 0, 65 with the problems, 3", async () => {
  assert.deepEqual(await world.run("reload"), { code: 0, out: "the configuration was read again", err: "" });
  world.host.reloadAnswer = { kind: "refused", problems: "f.yaml:2:1: bad\n    2 | x\n      | ^" };
  const refused = await world.run("reload");
  assert.equal(refused.code, 65);
  assert.equal(
    refused.err,
    "f.yaml:2:1: bad\n    2 | x\n      | ^\nunderstudy: the new configuration was refused, the running one stays",
  );
  world.host.reloadAnswer = null;
  assert.equal((await world.run("reload")).code, 3);
});

test("without a daemon every command ends with 3 and says what is missing", async () => {
  await world.close();
  const lines =
    "status|why web|journal|switchover web --yes|drain chip --yes|undrain chip --yes|maintenance on|reload";
  for (const line of lines.split("|")) {
    const { code, out, err } = await world.run(line);
    assert.equal(code, 3, line);
    assert.equal(out, "", line);
    assert.equal(err, `understudy: is understudy running? There is no socket ${world.socket}`, line);
  }
});
