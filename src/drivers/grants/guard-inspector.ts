// Notices when somebody else changes the guard. The kernel tells of foreign transactions (change-listener.ts), so
// a check in quiet times asks nothing. nf_tables also counts its transactions: when the count is what our own
// make it, nothing has changed. Only after a foreign transaction is the guard itself read and compared.

import { sysFailure } from "#drivers/sys/errno.ts";
import {
  listAttributes,
  type Message,
  MessageWriter,
  readAttributes,
  readText,
} from "#drivers/sys/message.ts";
import { type NetlinkSocket, NLM_F_DUMP, NLM_F_REQUEST } from "#drivers/sys/netlink.ts";
import type { GuardState } from "#ports/grants.ts";
import { DONE, failed, type Outcome } from "#ports/outcome.ts";
import type { ChangeListener } from "./change-listener.ts";
import { ARP_SETS, INET_SETS } from "./guard-rules.ts";
import { ATTR, MSG, NFGENMSG_BYTES, NFPROTO_INET, nfgenmsg, nftType, type Table } from "./nftables.ts";

type Finding =
  | Exclude<GuardState, { kind: "repaired" }>
  | { readonly kind: "changed"; readonly detail: string };

export class GuardInspector {
  readonly #socket: NetlinkSocket;
  readonly #listener: ChangeListener;
  readonly #tables: readonly Table[];
  readonly #writer = new MessageWriter();
  /** The count of transactions as it must be when nobody else made one. */
  #count = 0;
  /** The guard as it was put up: everything but entries that time out and counters. Null: not yet known. */
  #remembered: string | null = null;
  /** Somebody may have changed the guard, and it was not yet found to be intact since. */
  #isInDoubt = false;

  constructor(socket: NetlinkSocket, listener: ChangeListener, tables: readonly Table[]) {
    this.#socket = socket;
    this.#listener = listener;
    this.#tables = tables;
  }

  /** The count before the guard is put up, for `remember`. */
  readCount(): number | Failure {
    const answer = this.#ask(MSG.GETGEN, 0, { dump: false });
    if (!Array.isArray(answer)) return answer;
    const [message] = answer;
    const id = message && readAttributes(message.body, NFGENMSG_BYTES).get(ATTR.GEN_ID);
    return id?.readUInt32BE(0) ?? 0;
  }

  /**
   * Takes the guard as it stands now for the right one: call it right after it was put up.
   *
   * `disturbed`: somebody else changed nftables since the count was read, so it may not be the right one.
   */
  remember(countBefore: number): Outcome {
    const description = this.#describe();
    const count = this.readCount();
    if (typeof count !== "number") return count;
    if (typeof description !== "string") return description;
    if (count !== next(countBefore)) return failed("disturbed", "nftables is being changed all the time");
    this.#count = count;
    this.#remembered = description;
    return DONE;
  }

  /** Call it after each transaction of our own that was accepted and changed something. */
  noteOwnChange(): void {
    this.#count = next(this.#count);
  }

  /** The kernel refused what the guard as it was put up would have allowed: the next look is a close one. */
  suspect(): void {
    this.#isInDoubt = true;
  }

  inspect(): Finding {
    if (this.#listener.hasHeard()) this.#isInDoubt = true;
    if (!this.#isInDoubt) return { kind: "intact" };
    const finding = this.#look();
    // One that was changed, or could not be read, is looked at again until it is right.
    this.#isInDoubt = finding.kind !== "intact";
    return finding;
  }

  #look(): Finding {
    const count = this.readCount();
    if (typeof count !== "number") return count;
    if (count === this.#count) return { kind: "intact" };
    const description = this.#describe();
    if (typeof description !== "string") return description;
    if (description !== this.#remembered) {
      const detail =
        description === "" ? "somebody removed the nftables guard" : "somebody changed the nftables guard";
      return { kind: "changed", detail };
    }
    // What changed was not ours. The count was read before the guard: a later change shows next time.
    this.#count = count;
    return { kind: "intact" };
  }

  /** Tables with their flags, rules by handle in their order, what is guarded. "": nothing is there. */
  #describe(): string | Failure {
    const lines: string[] = [];
    for (const table of this.#tables) {
      const flags = this.#ask(MSG.GETTABLE, table.family, {
        dump: false,
        fill: (w) => w.text(ATTR.TABLE_NAME, table.name),
      });
      if (!Array.isArray(flags)) {
        if (flags.code === "ENOENT") continue;
        return flags;
      }
      const rules = this.#ask(MSG.GETRULE, table.family, {
        dump: true,
        fill: (w) => w.text(ATTR.RULE_TABLE, table.name),
      });
      if (!Array.isArray(rules)) return rules;
      lines.push(...flags.map(describeTable), ...rules.map((rule) => describeRule(rule, table)));
      const sets = table.family === NFPROTO_INET ? INET_GUARDED : [ARP_SETS.guarded];
      for (const set of sets) {
        const elements = this.#ask(MSG.GETSETELEM, table.family, {
          dump: true,
          fill: (w) => w.text(ATTR.ELEM_LIST_TABLE, table.name).text(ATTR.ELEM_LIST_SET, set.name),
        });
        // The set may vanish between the questions; then the description differs, which is all that matters.
        if (!Array.isArray(elements)) {
          if (elements.code === "ENOENT") continue;
          return elements;
        }
        lines.push(`${set.name} ${elements.flatMap(keysOf).sort().join(" ")}`);
      }
    }
    return lines.filter((line) => line !== "").join("\n");
  }

  #ask(
    message: number,
    family: number,
    options: { dump: boolean; fill?: (writer: MessageWriter) => void },
  ): Message[] | Failure {
    this.#writer.reset().begin({
      type: nftType(message),
      flags: NLM_F_REQUEST | (options.dump ? NLM_F_DUMP : 0),
      seq: this.#socket.nextSeq(),
      header: nfgenmsg(family),
    });
    options.fill?.(this.#writer);
    const answer = this.#socket.ask(this.#writer.end().bytes);
    return typeof answer === "number" ? sysFailure(answer, "reading the nftables guard") : answer;
  }
}

type Failure = ReturnType<typeof sysFailure>;

const INET_GUARDED = [INET_SETS.guarded4, INET_SETS.guarded6, INET_SETS.guardedPorts];

/** The kernel leaves 0 out when its 32 bits run over. */
const next = (count: number): number => (count + 1) >>> 0 || 1;

function describeTable(message: Message): string {
  const attributes = readAttributes(message.body, NFGENMSG_BYTES);
  return `table ${attributes.get(ATTR.TABLE_FLAGS)?.toString("hex") ?? ""}`;
}

/** A rule never changes under its handle: replacing it gives a new one. */
function describeRule(message: Message, table: Table): string {
  const attributes = readAttributes(message.body, NFGENMSG_BYTES);
  if (readText(attributes.get(ATTR.RULE_TABLE)) !== table.name) return "";
  const chain = readText(attributes.get(ATTR.RULE_CHAIN));
  return `${chain} ${attributes.get(ATTR.RULE_HANDLE)?.toString("hex") ?? ""}`;
}

function keysOf(message: Message): string[] {
  const list = readAttributes(message.body, NFGENMSG_BYTES).get(ATTR.ELEM_LIST_ELEMENTS);
  return listAttributes(list ?? Buffer.alloc(0), 0).map(([, element]) => {
    const key = readAttributes(element, 0).get(ATTR.ELEM_KEY);
    const value = key && readAttributes(key, 0).get(ATTR.DATA_VALUE);
    return value?.toString("hex") ?? "";
  });
}
