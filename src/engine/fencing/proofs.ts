// What is known for certain about nodes that are gone. Facts: they are kept, told, stored, and taken back only when
// the node itself shows that one was none.

import { coversSession, type DeathProof, UNHEARD } from "#model/fencing.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import { isEarlierSession, type Session } from "#model/session.ts";
import type { WorkerState } from "../worker.ts";

/** At most one for each node, the one that covers most; sorted by node. */
export type Proofs = readonly DeathProof[];

export const proofOf = (proofs: Proofs, node: NodeId): DeathProof | undefined =>
  proofs.find((proof) => proof.node === node);

/** The last session that a proof covers; a whole life has no end of lapses. */
const endOf = ({ boot, lapses }: DeathProof): Session => ({
  boot,
  lapses: lapses ?? Number.MAX_SAFE_INTEGER,
});

/** The same object when the new one says nothing that was not known. */
export function addProof(proofs: Proofs, proof: DeathProof): Proofs {
  const known = proofOf(proofs, proof.node);
  // About a node that was not heard a new proof says more than any old one.
  if (proof.boot !== UNHEARD && known !== undefined && !isEarlierSession(endOf(known), endOf(proof)))
    return proofs;
  const others = proofs.filter(({ node }) => node !== proof.node);
  return [...others, proof].sort((a, b) => (a.node < b.node ? -1 : 1));
}

/** The newest session of a node that this one has heard of; null: none in this life. */
export function lastSession(news: LeaseNews | null, node: NodeId): Session | null {
  return news?.members.find((member) => member.node === node)?.session ?? null;
}

/**
 * Is it proved that whatever the node held, up to its newest known session, is over? Of one that was not heard yet
 * only a proof that was made meanwhile says so: an older one is about a life that may have been followed by others.
 * (Simulator, two voters, seed 98 of 2026-11-20.)
 */
export function isProvedDead({ fencing, news, identity }: WorkerState, node: NodeId): boolean {
  const session = lastSession(news, node);
  const proof = proofOf(fencing.proofs, node);
  if (session !== null) return coversSession(proof, session);
  return proof !== undefined && identity.clauses.provesUnheard(proof);
}

/** Those that mean the same to others, and after a restart. */
export const lastingProofs = (proofs: Proofs): Proofs =>
  proofs.some(({ boot }) => boot === UNHEARD) ? proofs.filter(({ boot }) => boot !== UNHEARD) : proofs;

/** What was proved of a node that was not heard ends when it is heard, and with the leadership that it was for. */
export function dropUnheard(proofs: Proofs, news: LeaseNews | null, isOver: boolean): Proofs {
  const stays = ({ boot, node }: DeathProof) =>
    boot !== UNHEARD || (!isOver && lastSession(news, node) === null);
  return proofs.every(stays) ? proofs : proofs.filter(stays);
}

/** Proofs that the node itself contradicts: it lives on in a life that was proved over. */
export function contradicted(proofs: Proofs, news: LeaseNews | null): readonly DeathProof[] {
  return proofs.filter((proof) => {
    const member = news?.members.find(({ node }) => node === proof.node);
    return member?.standing === "alive" && member.session !== null && coversSession(proof, member.session);
  });
}
