// Messages on their way from one peer: fragments in any order, some twice, some never, to whole messages.

import { type Ack, FRAGMENT_BYTES, type Fragment, fragmentsOf } from "./packets.ts";

/** Messages of one peer that are not whole yet; the one without news for the longest is dropped for another. */
export const PENDING_LIMIT = 64;
/** Ms without a new fragment after which a message is dropped. Longer than any sender keeps trying. */
export const PENDING_AGE = 2000;
/** Whole messages whose number is remembered, so that fragments sent again are acknowledged and not handed on. */
const DONE_LIMIT = 256;

/** A message whose fragments are all there. */
export interface Whole {
  readonly bytes: Uint8Array;
  readonly isDeflated: boolean;
}

interface Pending {
  readonly bytes: Uint8Array;
  readonly isDeflated: boolean;
  readonly bits: Uint8Array;
  missing: number;
  newsAt: number;
}

/** For one boot of one sender. Time in ms is handed in. */
export class Inbox {
  readonly boot: number;
  /** In the order of their last news, oldest first. */
  readonly #pending = new Map<number, Pending>();
  readonly #done = new Set<number>();
  /** Messages with new fragments, and the newest datagram that brought one. */
  readonly #unanswered = new Map<number, number>();

  constructor(boot: number) {
    this.boot = boot;
  }

  /** Takes a fragment that came in datagram `number`. Answers the message that it made whole, if it did. */
  put(fragment: Fragment, number: number, now: number): Whole | null | "contradiction" {
    const { id } = fragment;
    if (this.#done.has(id)) {
      this.#answer(id, number);
      return null;
    }
    this.#expire(now);
    const pending = this.#pending.get(id) ?? begin(fragment);
    const isSame = pending.bytes.length === fragment.total && pending.isDeflated === fragment.isDeflated;
    if (!isSame) return "contradiction";
    this.#answer(id, number);
    if (!fold(pending, fragment)) return null;
    pending.newsAt = now;
    this.#pending.delete(id);
    if (pending.missing === 0) {
      this.#remember(id);
      return pending;
    }
    this.#pending.set(id, pending);
    const [oldest] = this.#pending.keys();
    if (this.#pending.size > PENDING_LIMIT && oldest !== undefined) this.#pending.delete(oldest);
    return null;
  }

  /** The acknowledgements that are due: one for each message that got a fragment since the last call. */
  takeAcks(): readonly Ack[] {
    const acks: Ack[] = [];
    for (const [id, newest] of this.#unanswered) {
      const bits = this.#pending.get(id)?.bits ?? null;
      // Neither pending nor done: dropped meanwhile, and nothing can be said of it.
      if (bits !== null || this.#done.has(id)) acks.push({ kind: "ack", boot: this.boot, id, newest, bits });
    }
    this.#unanswered.clear();
    return acks;
  }

  #answer(id: number, number: number): void {
    this.#unanswered.set(id, Math.max(number, this.#unanswered.get(id) ?? 0));
  }

  #remember(id: number): void {
    this.#done.add(id);
    const [oldest] = this.#done;
    if (this.#done.size > DONE_LIMIT && oldest !== undefined) this.#done.delete(oldest);
  }

  #expire(now: number): void {
    for (const [id, pending] of this.#pending) {
      if (now - pending.newsAt <= PENDING_AGE) return;
      this.#pending.delete(id);
    }
  }
}

function begin({ total, isDeflated }: Fragment): Pending {
  const count = fragmentsOf(total);
  const bits = new Uint8Array(Math.ceil(count / 8));
  return { bytes: new Uint8Array(total), isDeflated, bits, missing: count, newsAt: 0 };
}

/** Whether the fragment was new. */
function fold(pending: Pending, { index, bytes }: Fragment): boolean {
  const at = index >> 3;
  const bit = 1 << (index & 7);
  const before = pending.bits[at] ?? 0;
  if ((before & bit) !== 0) return false;
  pending.bits[at] = before | bit;
  pending.bytes.set(bytes, index * FRAGMENT_BYTES);
  pending.missing--;
  return true;
}
