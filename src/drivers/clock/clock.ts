// Time for a thread that lives in Node's event loop: the worker. The keeper's thread has a way of its own, pump.ts.
//
// The order of Node's event loop (libuv's uv_run, since 1.45: poll, check, timers, and round again) matters
// here. A timer is run after a poll that may have begun long before it was due: the host was frozen, say, and
// datagrams came meanwhile. So a due timer only queues a setImmediate. That runs in the next check phase, after
// one more poll phase that does not wait and hands in what is there. libuv reads at most 32 datagrams from a
// socket in one poll phase. So after a hold-up this is repeated until a full receive buffer would be read; a
// timer that fired in time needs one round, since hardly anything can have queued up.
// Sources: libuv docs/src/design.rst ("The I/O loop"), src/unix/udp.c (uv__udp_recvmsg, count = 32).

import { boottimeNow } from "#drivers/sys/clock.ts";
import { assert } from "#lib/assert.ts";
import { FOREVER, type Instant, instant, ms } from "#model/units.ts";
import type { ClockPort } from "#ports/clock.ts";

/** Poll phases before a deadline is judged: with 32 datagrams in each, more than one sender leaves in a hold-up. */
const POLLS = 12;
/** Ms. A timer that is no later than this was not held up: fewer than 32 datagrams can have come meanwhile. */
const IN_TIME = 5;
/** Ms. A deadline that is put off by more gets a new timer: waking for nothing costs more than that. */
const FAR = 20;
/** Ms. The longest wait that setTimeout takes; more would wake at once. A longer one is made of several. */
const TIMER_LIMIT = 2 ** 31 - 1;

export interface Clock extends ClockPort {
  /** Wakes no more; idempotent. */
  stop(): void;
}

/** `wake` is called at most once for each `wakeAt`, never within it and never early by this clock. */
export function createClock(wake: () => void): Clock {
  let due: Instant = FOREVER;
  let timer: NodeJS.Timeout | null = null;
  /** When `timer` was set for; it may be a little earlier than `due`, then it is set again. */
  let timerAt: Instant = FOREVER;
  let immediate: NodeJS.Immediate | null = null;

  function arm(): void {
    if (due === FOREVER || immediate !== null) return;
    if (timer !== null) {
      // Most calls only put a deadline off a little: the timer stands and looks again when it fires.
      if (timerAt <= due && due < timerAt + FAR) return;
      clearTimeout(timer);
    }
    timer = null;
    const at = now();
    const wait = due - at;
    if (wait <= 0) return poll(wait < -IN_TIME ? POLLS : 1);
    timerAt = due;
    // libuv counts whole milliseconds of this very clock, from the last one on. Rounding the wait alone up would end
    // it up to a millisecond early half of the time, and then there would be another.
    timer = setTimeout(fired, Math.min(Math.ceil(due) - Math.floor(at), TIMER_LIMIT));
  }

  function fired(): void {
    timer = null;
    arm();
  }

  function poll(left: number): void {
    immediate = setImmediate(() => {
      immediate = null;
      // What came by mail may have put the deadline off.
      if (due > now()) arm();
      else if (left > 1) poll(left - 1);
      else {
        due = FOREVER;
        wake();
      }
    });
  }

  return {
    now,
    slept: () => ms(boottimeNow() - now()),
    wakeAt(at) {
      assert(!Number.isNaN(at), "a deadline is a number");
      due = at;
      arm();
    },
    stop() {
      due = FOREVER;
      if (timer !== null) clearTimeout(timer);
      if (immediate !== null) clearImmediate(immediate);
      timer = null;
      immediate = null;
    },
  };
}

/**
 * CLOCK_MONOTONIC, the same for all threads of a host and not moved by clock steps: process.hrtime is
 * uv_hrtime(), which is clock_gettime(CLOCK_MONOTONIC) on Linux. (performance.now() counts from the start of
 * its thread.) A number holds a microsecond exactly for 285 years.
 */
export function now(): Instant {
  const [seconds, nanoseconds] = process.hrtime();
  return instant(seconds * 1e3 + nanoseconds / 1e6);
}
