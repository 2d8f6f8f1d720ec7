// The engine: everything that is decided, and nothing else. Start here.
//
// It has two front doors of one form, `handle(state, event, now) -> { state, effects }`, one for each half of the
// daemon: `handleKeeper` for what must not be late, `handleWorker` for what may be. Both are pure: time comes in
// as `now`, wishes go out as effects, and what an effect brings comes back as the next event.
//
// A failover, from pulse to effect. chip is active and dies; dale and a witness are left.
//
//   keeper of dale and of the witness
//     membership/peers.ts     isSilent        chip was not heard for a lease
//     lease/voting.ts         isVoteFree      ... so the votes that chip had may be given anew
//     lease/leading.ts        runIfWanted     a quorum is free: dale asks for votes in a new term
//     lease/voting.ts         chooseVote      the witness puts its vote on disk, then states it
//     lease/leading.ts        countVotes      a quorum states it: dale leads
//     lease/exclusion.ts      leadMembers     dale asks to exclude chip; the voters promise; chip has lapsed
//     news.ts                 tellChanges     ... which the worker hears
//   worker of dale
//     leader/collect.ts       knowsAllNodes   every node has reported to the new leader, or has lapsed
//     leader/view.ts          viewOf          what the planner may look at
//     planner/place.ts        place           web should be on dale, because ...
//     planner/takeover.ts     judgeTakeover   ... and chip provably cannot have it any more
//     planner/direct.ts       direct          so dale may have it now
//     leader/command.ts       giveOrders      the order, with term, number and session
//     orders/node.ts          obey            dale (the node) obeys
//     orders/turn.ts          startOps        and takes the address
//   keeper of dale
//     lease/grants.ts         foldTake        if this is still the session that the order was for:
//                                             effect `take`, until the right to act ends; effect `announce`
//
// Of two voters one leads alone: lease/pair.ts says when its peer's word may be done without, and fencing/turn.ts
// gets the proof. lease/voters.ts changes the list of voters; lease/watchdog.ts lets the hardware reset who lapsed.
//
// chip meanwhile, if it was only frozen or cut off: lease/acting.ts `lapseIfDue`, before it uses anything new.
// By then its kernel has closed the address: the entry was armed until the right to act ended, and no longer.

import { handleKeeper, startKeeper } from "./keeper.ts";
import { handleWorker, startWorker } from "./worker.ts";

/** What must not be late: who is heard, the right to act, votes and leader, grants. */
export const keeperEngine = { start: startKeeper, handle: handleKeeper } as const;

/** What may be late: services, checks, orders and reports; the plan, while this node leads. */
export const workerEngine = { start: startWorker, handle: handleWorker } as const;
