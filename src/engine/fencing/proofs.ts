// What is known for certain about nodes that are gone. Facts: they are kept, told, stored, and taken back only when
// the node itself shows that one was none.

import { coversSession, type DeathProof } from "#model/fencing.ts";
import type { LeaseNews } from "#model/halves.ts";
import type { NodeId } from "#model/ids.ts";
import { isEarlierSession, type Session } from "#model/session.ts";

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
  if (known !== undefined && !isEarlierSession(endOf(known), endOf(proof))) return proofs;
  const others = proofs.filter(({ node }) => node !== proof.node);
  return [...others, proof].sort((a, b) => (a.node < b.node ? -1 : 1));
}

const NONE: Session = { boot: 0, lapses: 0 };

/** The newest session of a node that this one has heard of; of boot 0: none, whatever it was before. */
export function lastSession(news: LeaseNews | null, node: NodeId): Session {
  return news?.members.find((member) => member.node === node)?.session ?? NONE;
}

/** Is it proved that whatever the node held, up to its newest known session, is over? */
export function isProvedDead(proofs: Proofs, news: LeaseNews | null, node: NodeId): boolean {
  return coversSession(proofOf(proofs, node), lastSession(news, node));
}

/** Proofs that the node itself contradicts: it lives on in a life that was proved over. */
export function contradicted(proofs: Proofs, news: LeaseNews | null): readonly DeathProof[] {
  return proofs.filter((proof) => {
    const member = news?.members.find(({ node }) => node === proof.node);
    return member?.standing === "alive" && member.session !== null && coversSession(proof, member.session);
  });
}
