// Real-time scheduling for the calling thread, so that nothing of normal priority makes it late.

import { DONE, type Outcome } from "#ports/outcome.ts";
import { sysFailure } from "./errno.ts";
import { setScheduler } from "./libc.ts";

const SCHED_RR = 2;

/**
 * Puts the calling thread (not the whole process) on SCHED_RR with priority 1 to 99; see sched(7).
 *
 * `EPERM`: neither CAP_SYS_NICE nor a large enough RLIMIT_RTPRIO, or a cgroup without real-time budget; the
 * thread then keeps its normal priority. Threads and processes it starts later inherit it: start them before.
 */
export function becomeRealtime(priority: number): Outcome {
  const result = setScheduler(0, { policy: SCHED_RR, priority });
  if (result >= 0) return DONE;
  const { code } = sysFailure(result, "");
  return { kind: "failed", code, detail: `real-time priority ${priority} (SCHED_RR): ${code}` };
}
