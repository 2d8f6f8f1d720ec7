// Time and mail for a thread that waits in the kernel itself: one ppoll(2) on everything that can have news for it.
//
// Between two turns of the keeper Node's event loop would go through timers, check phase, sockets and callbacks,
// none of which is warm at ten turns a second: more than the turn itself costs (docs/benchmarks.md). So the thread
// blocks here instead. The loop's own epoll descriptor is among those that are waited for, so that messages and files
// wake the thread as ever, and the loop gets its round. What only begins in the loop (a promise, a timer, setImmediate)
// waits until then, or for LOOP_AT_LEAST; who cannot wait says so by `yield`.

import { boottimeNow, monotonicNow } from "#drivers/sys/clock.ts";
import { SocketSet } from "#drivers/sys/libc.ts";
import { assert } from "#lib/assert.ts";
import { earlier, FOREVER, type Instant, type Ms, ms, NEVER, plus } from "#model/units.ts";
import type { Clock } from "./clock.ts";

/** Something with descriptors that are readable when there is news. */
export interface Source {
  /** May change; another array after each change. */
  readonly fds: () => readonly number[];
  /** Reads it all. */
  readonly take: () => void;
  /** For so long after `take` it is not looked at again: what never ends, or is left unread, must not keep us busy. */
  readonly rest: Ms;
}

export interface Pump extends Clock {
  /** The event loop gets its round before this thread waits again. */
  yield(): void;
  /** Begins to wait, from the next round of the event loop on. Before, nothing is read and nobody is woken. */
  start(): void;
}

export interface PumpOptions {
  /** What must have been read before a deadline is judged. */
  readonly mail: Source;
  readonly others: readonly Source[];
  /** See findEventLoop. */
  readonly loopFd: number;
  /** At most once for each `wakeAt`, never within it and never early. All mail was taken just before. */
  readonly wake: () => void;
}

/** Ms. The event loop gets a round after this, as soon as something wakes the thread anyway, */
const LOOP_AFTER = ms(200);
/** and at the latest after this. */
const LOOP_AT_LEAST = ms(1_000);

interface Watched {
  readonly source: Source;
  fds: readonly number[];
  restsUntil: Instant;
}

export function createPump({ mail, others, loopFd, wake }: PumpOptions): Pump {
  const loop: Source = { fds: () => loopFds, take: endRound, rest: ms(0) };
  const loopFds = [loopFd];
  const all = [mail, ...others, loop].map((source): Watched => ({ source, fds: [], restsUntil: NEVER }));
  let set = new SocketSet([]);
  /** Whose descriptors are in `set`, in its order. */
  let waitedFor: Watched[] = [];
  let due: Instant = FOREVER;
  /** When the event loop gets its next round. */
  let loopAt: Instant = NEVER;
  let immediate: NodeJS.Immediate | null = null;

  function endRound(): void {
    loopAt = NEVER;
  }

  /** Who rests is left out; the set is made anew only when it differs. */
  function gather(now: Instant): void {
    const awake = all.filter((one) => one.restsUntil <= now);
    const isSame =
      awake.length === waitedFor.length &&
      awake.every((one, i) => one === waitedFor[i] && one.fds === one.source.fds());
    if (isSame) return;
    for (const one of awake) one.fds = one.source.fds();
    waitedFor = awake;
    set = new SocketSet(awake.flatMap(({ fds }) => fds));
  }

  function patience(now: Instant): Ms {
    let until = earlier(due, plus(now, LOOP_AT_LEAST));
    for (const { restsUntil } of all) if (restsUntil > now) until = earlier(until, restsUntil);
    return ms(Math.max(0, until - now));
  }

  function take(): void {
    let at = 0;
    for (const one of waitedFor) {
      const from = at;
      at += one.fds.length;
      if (!one.fds.some((_, i) => set.isReady(from + i))) continue;
      if (one.source.rest > 0) one.restsUntil = plus(monotonicNow(), one.source.rest);
      one.source.take();
    }
  }

  function round(): void {
    immediate = setImmediate(round);
    const begun = monotonicNow();
    loopAt = plus(begun, LOOP_AFTER);
    for (let now = begun; now < loopAt; now = monotonicNow()) wait(now);
  }

  function wait(now: Instant): void {
    gather(now);
    if (set.wait(patience(now))) take();
    if (monotonicNow() < due) return;
    // This thread may have been held up since it looked: what came meanwhile may put the deadline off.
    mail.take();
    if (monotonicNow() < due) return;
    due = FOREVER;
    wake();
  }

  return {
    now: monotonicNow,
    slept: () => ms(boottimeNow() - monotonicNow()),
    wakeAt(at) {
      assert(!Number.isNaN(at), "a deadline is a number");
      due = at;
    },
    yield: endRound,
    start() {
      immediate ??= setImmediate(round);
    },
    stop() {
      due = FOREVER;
      endRound();
      if (immediate !== null) clearImmediate(immediate);
      immediate = null;
    },
  };
}
