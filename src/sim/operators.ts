// Operators who make certain that a node is dead, and say so; and who fence one now and then.
//
// They err about nothing: a node is confirmed dead only when that is so. What they look at is what `status` shows.

import { outlookOf } from "#engine/fencing/outlook.ts";
import { isProvedDead } from "#engine/fencing/proofs.ts";
import type { Prng } from "#lib/prng.ts";
import type { Deed } from "#model/deeds.ts";
import type { NodeId } from "#model/ids.ts";
import type { Proving } from "#model/order.ts";
import { instant } from "#model/units.ts";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

const WHO = "operator";
/** They look this often, ms, and wait so long before they believe that nothing helps but them. */
const LOOK_EVERY = 500;
const PATIENCE = 2_000;
/** Between switching a node off and saying that it is: others must have noticed its silence. */
const UNTIL_SILENT = 1_500;
/** And again, when that did not help. */
const AGAIN_AFTER = 6_000;
/** A node that is off for so long is switched on. */
const ON_AFTER = 5_000;

export class Operators {
  readonly #world: World;
  readonly #hosts: readonly Host[];
  readonly #chance: Prng;
  /** By node: since when somebody is told that it has to be proved dead by hand, and when that was tried last. */
  readonly #blocked = new Map<NodeId, { since: number; triedAt: number }>();
  readonly #offSince = new Map<Host, number>();
  /** How often they vouched for a node's death, and were believed. */
  confirmed = 0;

  constructor(world: World, hosts: readonly Host[], chance: Prng) {
    this.#world = world;
    this.#hosts = hosts;
    this.#chance = chance;
  }

  /** Somebody types something on some node; nothing, if nothing true could be said. */
  doSomething(): void {
    const by = this.#chance.pick(this.#hosts);
    const nodes = this.#hosts.filter(({ member }) => member.kind === "node");
    if (this.#chance.chance(0.1))
      return this.#do(by, { kind: "fence", node: this.#chance.pick(nodes).id, who: WHO });
    const dead = nodes.filter((node) => isDead(node, by));
    if (dead.length > 0) this.#confirm(by, this.#chance.pick(dead));
  }

  /** From now on they see to what stays blocked: switch the node off, say so, switch it on again. */
  seeToBlocked(): void {
    const look = () => {
      const asking = new Set<NodeId>();
      for (const host of this.#hosts) {
        for (const { node, state } of provingOn(host)) {
          if (state !== "blocked") continue;
          asking.add(node);
          this.#seeTo(host, node);
        }
      }
      for (const node of this.#blocked.keys()) if (!asking.has(node)) this.#blocked.delete(node);
      this.#switchOn();
      this.#world.after(LOOK_EVERY, look);
    };
    look();
  }

  #seeTo(by: Host, node: NodeId): void {
    const { now } = this.#world;
    const known = this.#blocked.get(node) ?? { since: now, triedAt: Number.NEGATIVE_INFINITY };
    this.#blocked.set(node, known);
    if (now - known.since < PATIENCE || now - known.triedAt < AGAIN_AFTER) return;
    known.triedAt = now;
    const target = this.#hosts.find(({ id }) => id === node);
    if (target === undefined) return;
    target.say("operator switches it off");
    target.crash();
    this.#world.after(UNTIL_SILENT, () => {
      this.#confirm(by, target);
      this.#world.after(UNTIL_SILENT, () => target.powerOn());
    });
  }

  /** Whoever switched a node off may have died before switching it on again. */
  #switchOn(): void {
    const { now } = this.#world;
    for (const host of this.#hosts) {
      if (host.hasPower) this.#offSince.delete(host);
      else if (!this.#offSince.has(host)) this.#offSince.set(host, now);
      else if (now - (this.#offSince.get(host) ?? now) >= ON_AFTER) host.powerOn();
    }
  }

  #confirm(by: Host, target: Host): void {
    this.#do(by, { kind: "confirm-dead", node: target.id, who: WHO }, () => isDead(target, by));
  }

  /** `isTrue`: asked when the command reaches the daemon, which may be later than it was typed. */
  #do(by: Host, deed: Deed & { readonly node: NodeId }, isTrue = () => true): void {
    by.life?.do(deed, isTrue, (answer) => {
      by.say(`operator: ${deed.kind} ${deed.node}: ${JSON.stringify(answer)}`);
      if (answer.kind === "done" && deed.kind === "confirm-dead") this.confirmed += 1;
    });
  }
}

/** Is it true of all lives of the node that this host could mean? */
function isDead(target: Host, by: Host): boolean {
  if (target === by) return false;
  const known = by.life?.worker.state.news?.members.find(({ node }) => node === target.id)?.session?.boot;
  return !target.hasPower || (known !== undefined && known <= target.deadUpTo);
}

/** What `status` on this node says about nodes that have to be proved dead: the leader, or one of two that is alone. */
function provingOn(host: Host): readonly Proving[] {
  const state = host.life?.worker.state;
  const news = state?.news ?? null;
  if (state === undefined || news === null) return [];
  const { pair } = news;
  if (news.leads && pair?.leadsEagerly !== true) return state.leader?.picture?.proving ?? [];
  if (
    pair === null ||
    pair.silentSince === null ||
    (news.leader !== null && !news.leads) ||
    isProvedDead(state, pair.peer)
  )
    return [];
  const remedy = outlookOf(state, null, instant(host.now())).remedies.get(pair.peer);
  return remedy === undefined ? [] : [remedy];
}
