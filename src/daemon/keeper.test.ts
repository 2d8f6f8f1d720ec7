import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grant } from "#model/grant.ts";
import { formatGrant } from "#model/grant.ts";
import type { ToWorker } from "#model/halves.ts";
import { instant, ms } from "#model/units.ts";
import { DONE } from "#ports/outcome.ts";
import { ADDRESS, identityOf, MUTE } from "../../test/helpers/keeper.ts";
import { Keeper, type KeeperPorts } from "./keeper.ts";

const PORT: Grant = { protocol: "tcp", port: 3306 };
const OTHER: Grant = { protocol: "udp", port: 53 };
const texts = (grants: readonly Grant[]) => grants.map(formatGrant).join(" ");

/** A node that votes alone, so that it may act as soon as it is not mute; `calls`: what it asks of the kernel. */
function keeperOf(grants: readonly Grant[], isTold = false) {
  let now = 0;
  let slept = 0;
  /** How often the kernel was asked what others did. */
  let asked = 0;
  const calls: string[] = [];
  const told: ToWorker[] = [];
  const call = (text: string) => {
    calls.push(text);
    return DONE;
  };
  const ports: KeeperPorts = {
    clock: { now: () => instant(now), slept: () => ms(slept), wakeAt: () => {} },
    pulses: { send: () => {} },
    store: {
      read: () => ({ kind: "absent" }),
      write: (_name, _text, answer) => answer({ kind: "done" }),
      writeSync: () => ({ kind: "done" }),
    },
    grants: {
      install: (some) => call(`install ${texts(some)}`),
      arm: (some) => call(`arm ${texts(some)}`),
      close: (some) => call(`close ${texts(some)}`),
      check: () => ({ kind: "intact" }),
      remove: () => call("remove guard"),
    },
    addresses: {
      prepare: () => DONE,
      add: (address) => call(`add ${texts([address])}`),
      refresh: () => {},
      remove: (address) => call(`delete ${texts([address])}`),
      announce: () => DONE,
      probe: () => DONE,
      poll: () => {
        asked++;
        return [];
      },
      sweep: (some) => {
        calls.push(`sweep ${texts(some)}`);
        return { kind: "done", ips: [] };
      },
      stop: () => {},
    },
    watchdog: {
      arm: () => ({ kind: "failed", code: "none", detail: "none" }),
      feed: () => false,
      disarm: () => false,
    },
    tell: (message) => told.push(message),
  };
  const keeper = Keeper.start(ports, {
    identity: identityOf("a", { voters: ["a"] }),
    members: [],
    grants,
    isTold,
  });
  assert.ok(keeper instanceof Keeper);
  const at = (time: number) => {
    now = time;
    keeper.onWake();
  };
  /** What was called since the last look. */
  const did = () => calls.splice(0);
  /** The host sleeps: only the clock that counts sleep goes on. */
  const sleep = (duration: number) => {
    slept += duration;
  };
  const askedSince = () => {
    const count = asked;
    asked = 0;
    return count;
  };
  return { keeper, at, did, told, sleep, askedSince };
}

/** Holds these already. */
function holding(grants: readonly Grant[]) {
  const made = keeperOf(grants);
  made.at(MUTE + 1);
  assert.equal(made.keeper.state.acting.mayAct, true);
  const { session } = made.keeper.state.acting;
  made.did();
  made.keeper.onWorker({ kind: "take", id: 1, session, grants });
  return made;
}

test("ports are guarded from the start, closed, and need no address beside them", () => {
  assert.deepEqual(keeperOf([PORT]).did(), ["install tcp/3306", "sweep "]);
  assert.deepEqual(keeperOf([ADDRESS, PORT]).did(), [
    "install 10.77.0.100/24 tcp/3306",
    "sweep 10.77.0.100/24",
  ]);
  assert.deepEqual(keeperOf([]).did(), []);
});

test("address and port open in one step, once the address is there, and close in one before it goes", () => {
  const { keeper, did } = holding([ADDRESS, PORT]);
  assert.deepEqual(did(), ["add 10.77.0.100/24", "arm 10.77.0.100/24 tcp/3306"]);
  keeper.onWorker({ kind: "release", id: 2, grants: [ADDRESS, PORT] });
  assert.deepEqual(did(), ["close 10.77.0.100/24 tcp/3306", "delete 10.77.0.100/24"]);
});

test("a held port that the configuration does not name any more stays guarded until it is released", () => {
  const { keeper, did } = holding([PORT]);
  did();
  keeper.onWorker({ kind: "reconfigure", members: [], grants: [OTHER], configHash: "new" });
  assert.deepEqual(did(), ["install udp/53 tcp/3306", "arm tcp/3306"]);
  keeper.onWorker({ kind: "release", id: 2, grants: [PORT] });
  assert.deepEqual(did(), ["close tcp/3306", "install udp/53"]);
});

test("who left in good order takes the guard away, with everything stopped before", () => {
  const { keeper, did } = holding([ADDRESS, PORT]);
  keeper.onWorker({ kind: "leave" });
  did();
  keeper.remove();
  assert.deepEqual(did(), ["sweep 10.77.0.100/24", "remove guard"]);
});

test("who ends in any other way leaves ports closed, and says so; addresses alone leave nothing", () => {
  const { keeper, did, told } = holding([ADDRESS, PORT]);
  did();
  keeper.remove();
  assert.deepEqual(did(), ["sweep 10.77.0.100/24", "close 10.77.0.100/24 tcp/3306"]);
  const codes = told.flatMap((message) => (message.kind === "journal" ? [message.line.code] : []));
  assert.ok(codes.includes("guard-stays"));
  const bare = holding([ADDRESS]);
  bare.did();
  bare.keeper.remove();
  assert.deepEqual(bare.did(), ["sweep 10.77.0.100/24", "remove guard"]);
});

test("after a sleep the grants are closed before anything else is used", () => {
  const { keeper, did, sleep, at, told } = holding([ADDRESS, PORT]);
  const before = keeper.state.acting.session;
  did();
  sleep(5_000);
  // Nothing else shows it: the lease has hardly run by the clock that decides.
  at(MUTE + 3);
  assert.equal(did()[0], "close 10.77.0.100/24 tcp/3306");
  assert.notDeepEqual(keeper.state.acting.session, before);
  const codes = told.flatMap((message) => (message.kind === "journal" ? [message.line.code] : []));
  assert.ok(codes.includes("resumed"));
});

test("a clock that is slewed a little is no sleep", () => {
  const { keeper, sleep, at } = holding([ADDRESS]);
  const before = keeper.state.acting.session;
  for (let time = MUTE + 2; time < MUTE + 1_000; time += 100) {
    sleep(8);
    at(time);
  }
  assert.deepEqual(keeper.state.acting.session, before);
});

test("the kernel is asked what others did ten times a second; where it tells by itself, then and once a second", () => {
  const counts = [false, true].map((isTold) => {
    const { at, askedSince } = keeperOf([ADDRESS], isTold);
    askedSince();
    for (let time = MUTE + 10; time <= MUTE + 5_010; time += 10) at(time);
    return askedSince();
  });
  // Whoever is awake anyway asks up to 30 ms early.
  assert.deepEqual(counts, [72, 6]);
  const { keeper, askedSince } = keeperOf([ADDRESS], true);
  askedSince();
  keeper.onKernel();
  keeper.onKernel();
  assert.equal(askedSince(), 2);
  const witness = keeperOf([], true);
  witness.keeper.onKernel();
  assert.equal(witness.askedSince(), 0);
});
