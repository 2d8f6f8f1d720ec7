// Which of the pulses that came in at one moment are taken in by one turn of the keeper's engine.

import type { ReceivedPulse } from "#ports/pulse.ts";

/**
 * All of them, in their order, in as few parts as go without passing over anything: no part has two pulses of one
 * sender, but for copies that came over several links.
 */
export function turnsOf(received: readonly ReceivedPulse[]): readonly (readonly ReceivedPulse[])[] {
  const turns: ReceivedPulse[][] = [];
  let turn: ReceivedPulse[] = [];
  for (const next of received) {
    if (turn.length === 0 || turn.some((one) => isAnother(one, next))) {
      turn = [];
      turns.push(turn);
    }
    turn.push(next);
  }
  return turns;
}

/** Another pulse of the same sender, rather than a copy? */
function isAnother({ pulse: a }: ReceivedPulse, { pulse: b }: ReceivedPulse): boolean {
  return a.from === b.from && (a.number !== b.number || a.session.boot !== b.session.boot);
}
