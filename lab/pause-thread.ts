// Measures how long the machine itself stood still: a thread at a higher real-time priority than any daemon's that
// wakes every 5 ms. What holds this thread up holds everybody up, as a stalled hypervisor does.
import { parentPort } from "node:worker_threads";
import { becomeRealtime } from "#drivers/sys/realtime.ts";

const EVERY_MS = 5;
const PRIORITY = 50;

becomeRealtime(PRIORITY);
let last = performance.now();
setInterval(() => {
  const at = performance.now();
  parentPort?.postMessage(at - last - EVERY_MS);
  last = at;
}, EVERY_MS);
