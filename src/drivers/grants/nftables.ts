// nf_tables over netlink, as far as the guard needs it (linux/netfilter/nf_tables.h, nfnetlink.h): no nft
// program is run, so the guard needs no package and stands again within a millisecond.

import type { MessageWriter } from "#drivers/sys/message.ts";
import { NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST } from "#drivers/sys/netlink.ts";

export const NFPROTO_INET = 1;
export const NFPROTO_IPV4 = 2;
export const NFPROTO_ARP = 3;
export const NFPROTO_IPV6 = 10;

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
/** Size of struct nfgenmsg, which every message has before its attributes. */
export const NFGENMSG_BYTES = 4;

export const MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  NEWRULE: 6,
  GETRULE: 7,
  NEWSET: 9,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  GETGEN: 16,
} as const;

export const ATTR = {
  TABLE_NAME: 1,
  TABLE_FLAGS: 2,
  RULE_TABLE: 1,
  RULE_CHAIN: 2,
  RULE_HANDLE: 3,
  ELEM_LIST_TABLE: 1,
  ELEM_LIST_SET: 2,
  ELEM_LIST_ELEMENTS: 3,
  ELEM_KEY: 1,
  DATA_VALUE: 1,
  GEN_ID: 1,
} as const;

const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, TYPE: 7, HOOK_NUMBER: 1, HOOK_PRIORITY: 2 } as const;
const SET = { TABLE: 1, NAME: 2, FLAGS: 3, KEY_TYPE: 4, KEY_LENGTH: 5, ID: 10 } as const;
const RULE_EXPRESSIONS = 4;
const LIST_ELEM = 1;
const EXPR = { NAME: 1, DATA: 2 } as const;
const ELEM_TIMEOUT = 4;
const NFT_SET_TIMEOUT = 0x10;
const NFT_REG_1 = 1;
/** The first four bytes of register 1, and the next four: for keys of two parts. */
export const PART_1 = 8;
export const PART_2 = 9;

export interface Table {
  /** NFPROTO_INET or NFPROTO_ARP. */
  readonly family: number;
  readonly name: string;
}

export interface SetSpec {
  readonly name: string;
  /** nft's number of the type, for its listings: 7 IPv4 address, 8 IPv6 address, 19 mark; parts of a key have six bits each. */
  readonly keyType: number;
  readonly keyLength: number;
  readonly timed: boolean;
}

export interface ChainSpec {
  readonly name: string;
  readonly hook: number;
  readonly priority: number;
  readonly rules: readonly Rule[];
}

/** One step of a rule: an expression's name and its attributes. */
export interface Expression {
  readonly name: string;
  readonly fill: (writer: MessageWriter) => void;
}

export type Rule = readonly Expression[];

/** A batch is one transaction: all of it or nothing, across tables; packets see it happen at once. */
export class Batch {
  readonly #writer: MessageWriter;
  readonly #nextSeq: () => number;

  constructor(writer: MessageWriter, nextSeq: () => number) {
    this.#writer = writer.reset();
    this.#nextSeq = nextSeq;
    this.#control(NFNL_MSG_BATCH_BEGIN);
  }

  createTable(table: Table): this {
    return this.#message(MSG.NEWTABLE, table, (w) => w.text(ATTR.TABLE_NAME, table.name));
  }

  /** With all that is in it. */
  deleteTable(table: Table): this {
    return this.#message(MSG.DELTABLE, table, (w) => w.text(ATTR.TABLE_NAME, table.name));
  }

  createSet(table: Table, set: SetSpec, id: number): this {
    return this.#message(MSG.NEWSET, table, (w) =>
      w
        .text(SET.TABLE, table.name)
        .text(SET.NAME, set.name)
        .be32(SET.FLAGS, set.timed ? NFT_SET_TIMEOUT : 0)
        .be32(SET.KEY_TYPE, set.keyType)
        .be32(SET.KEY_LENGTH, set.keyLength)
        .be32(SET.ID, id),
    );
  }

  createChain(table: Table, chain: ChainSpec): this {
    return this.#message(MSG.NEWCHAIN, table, (w) =>
      w
        .text(CHAIN.TABLE, table.name)
        .text(CHAIN.NAME, chain.name)
        .nest(CHAIN.HOOK, () =>
          w.be32(CHAIN.HOOK_NUMBER, chain.hook).be32(CHAIN.HOOK_PRIORITY, chain.priority),
        )
        .text(CHAIN.TYPE, "filter"),
    );
  }

  appendRule(table: Table, chain: string, rule: Rule): this {
    return this.#message(MSG.NEWRULE, table, (w) =>
      w
        .text(ATTR.RULE_TABLE, table.name)
        .text(ATTR.RULE_CHAIN, chain)
        .nest(RULE_EXPRESSIONS, () => {
          for (const { name, fill } of rule) {
            w.nest(LIST_ELEM, () => w.text(EXPR.NAME, name).nest(EXPR.DATA, fill));
          }
        }),
    );
  }

  /** `timeout` in milliseconds; the kernel rounds it down to its tick, and to 0 means forever. */
  addElements(table: Table, set: string, elements: readonly Element[]): this {
    return this.#elements(MSG.NEWSETELEM, table, set, elements);
  }

  /** The whole transaction is refused with ENOENT when one of them is missing or has expired. The message's number. */
  deleteElement(table: Table, set: string, key: Uint8Array): number {
    this.#elements(MSG.DELSETELEM, table, set, [{ key }]);
    return this.#lastSeq;
  }

  /** Deletes all elements; an empty set is no error. */
  flushSet(table: Table, set: string): this {
    return this.#message(MSG.DELSETELEM, table, (w) =>
      w.text(ATTR.ELEM_LIST_TABLE, table.name).text(ATTR.ELEM_LIST_SET, set),
    );
  }

  /** The finished transaction; valid until the writer is used again. */
  finish(): Buffer {
    this.#control(NFNL_MSG_BATCH_END);
    return this.#writer.bytes;
  }

  #lastSeq = 0;

  #elements(type: number, table: Table, set: string, elements: readonly Element[]): this {
    return this.#message(type, table, (w) =>
      w
        .text(ATTR.ELEM_LIST_TABLE, table.name)
        .text(ATTR.ELEM_LIST_SET, set)
        .nest(ATTR.ELEM_LIST_ELEMENTS, () => {
          for (const { key, timeout } of elements) {
            w.nest(LIST_ELEM, () => {
              w.nest(ATTR.ELEM_KEY, () => w.attribute(ATTR.DATA_VALUE, key));
              if (timeout !== undefined) w.be64(ELEM_TIMEOUT, timeout);
            });
          }
        }),
    );
  }

  #message(type: number, table: Table, fill: (writer: MessageWriter) => void): this {
    this.#lastSeq = this.#nextSeq();
    this.#writer.begin({
      type: nftType(type),
      flags:
        NLM_F_REQUEST |
        NLM_F_ACK |
        (isDeletion(type) ? 0 : NLM_F_CREATE | (type === MSG.NEWRULE ? NLM_F_APPEND : 0)),
      seq: this.#lastSeq,
      header: nfgenmsg(table.family),
    });
    fill(this.#writer);
    this.#writer.end();
    return this;
  }

  #control(type: number): void {
    const header = Uint8Array.of(0, 0, 0, NFNL_SUBSYS_NFTABLES);
    this.#writer.begin({ type, flags: NLM_F_REQUEST, seq: this.#nextSeq(), header }).end();
  }
}

export interface Element {
  readonly key: Uint8Array;
  readonly timeout?: number;
}

export const nftType = (message: number): number => (NFNL_SUBSYS_NFTABLES << 8) | message;

/** struct nfgenmsg: family, version 0, resource id 0. */
export const nfgenmsg = (family: number): Uint8Array => Uint8Array.of(family, 0, 0, 0);

const isDeletion = (type: number): boolean => type === MSG.DELTABLE || type === MSG.DELSETELEM;

// The expressions. All use register 1: each loads a value and judges it before the next one loads. What is shorter
// than four bytes is padded with zeros.

const META_KEY = { iif: 4, oif: 5, nfproto: 15, l4proto: 16 } as const;

/** Loads a property of the packet that is not in its bytes. */
export const meta = (key: keyof typeof META_KEY, register = NFT_REG_1): Expression => ({
  name: "meta",
  fill: (w) => w.be32(1, register).be32(2, META_KEY[key]),
});

const PAYLOAD_BASE = { network: 1, transport: 2 } as const;

/** Loads bytes of a header. */
export const payload = (
  base: keyof typeof PAYLOAD_BASE,
  offset: number,
  length: number,
  register = NFT_REG_1,
): Expression => ({
  name: "payload",
  fill: (w) => w.be32(1, register).be32(2, PAYLOAD_BASE[base]).be32(3, offset).be32(4, length),
});

const FIB_FLAG = { saddr: 1, daddr: 2 } as const;
const NFT_FIB_RESULT_ADDRTYPE = 3;

/** Loads what kind of address the packet's source or destination is on this host (RTN_LOCAL, ...). */
export const addressType = (of: keyof typeof FIB_FLAG): Expression => ({
  name: "fib",
  fill: (w) => w.be32(1, NFT_REG_1).be32(2, NFT_FIB_RESULT_ADDRTYPE).be32(3, FIB_FLAG[of]),
});

const NFT_CMP = { EQ: 0, NEQ: 1 } as const;

const compare = (how: number, bytes: readonly number[]): Expression => ({
  name: "cmp",
  fill: (w) =>
    w
      .be32(1, NFT_REG_1)
      .be32(2, how)
      .nest(3, () => w.attribute(ATTR.DATA_VALUE, Uint8Array.from(bytes))),
});

/** Goes on only when the loaded bytes are these. */
export const equals = (...bytes: number[]): Expression => compare(NFT_CMP.EQ, bytes);

/** Goes on only when the loaded bytes are others. */
export const differs = (...bytes: number[]): Expression => compare(NFT_CMP.NEQ, bytes);

const NFT_LOOKUP_F_INV = 1;

/** Goes on only when the loaded bytes are in the set, or with `not`, are not. */
export const lookup = (set: string, how: "in" | "not in"): Expression => ({
  name: "lookup",
  fill: (w) =>
    w
      .text(1, set)
      .be32(2, NFT_REG_1)
      .be32(5, how === "in" ? 0 : NFT_LOOKUP_F_INV),
});

export const counter: Expression = { name: "counter", fill: () => {} };

const NFT_REG_VERDICT = 0;
const VERDICT = { drop: 0 } as const;

/** Ends the chain for this packet. */
export const verdict = (code: keyof typeof VERDICT): Expression => ({
  name: "immediate",
  fill: (w) => w.be32(1, NFT_REG_VERDICT).nest(2, () => w.nest(2, () => w.be32(1, VERDICT[code]))),
});
