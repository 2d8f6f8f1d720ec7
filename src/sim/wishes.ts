// Operators, who ask for things at bad moments, and what was answered to them.

import type { Prng } from "#lib/prng.ts";
import type { Intent, Intents, IntentsVersion } from "#model/intents.ts";
import { isNewerVersion } from "#model/intents.ts";
import type { IntentAnswer } from "#model/order.ts";
import type { Host } from "./host.ts";
import { Violation } from "./world.ts";

interface Wish {
  readonly key: string;
  /** What the document says of `key` once it is granted. */
  readonly value: boolean;
  answer: IntentAnswer | null;
}

export class Wishes {
  readonly #hosts: readonly Host[];
  readonly #chance: Prng;
  readonly #wishes: Wish[] = [];
  /** The documents with which leaders began. */
  readonly #begun: { readonly term: number; readonly version: IntentsVersion; readonly leader: string }[] =
    [];
  #newest: IntentsVersion | null = null;
  #asked = 0;

  constructor(hosts: readonly Host[], chance: Prng) {
    this.#hosts = hosts;
    this.#chance = chance;
  }

  get asked(): number {
    return this.#asked;
  }

  get accepted(): number {
    return this.#wishes.filter((w) => w.answer?.kind === "accepted").length;
  }

  /** One operator on one node asks for something. */
  askSomething(): void {
    const host = this.#chance.pick(this.#hosts);
    this.ask(host, this.#something(), () => {});
  }

  ask(host: Host, intent: Intent, then: (answer: IntentAnswer) => void): void {
    if (host.life === null) return;
    this.#asked += 1;
    const wish: Wish = { ...meaningOf(intent), answer: null };
    this.#wishes.push(wish);
    host.say(`operator: ${JSON.stringify(intent)}`);
    host.life.ask(intent, (answer) => {
      wish.answer = answer;
      host.say(`answer: ${JSON.stringify(answer)}`);
      if (answer.kind === "accepted") this.#accepted(answer.version);
      then(answer);
    });
  }

  /** When operators ask again for what was not granted, true time. */
  askAgainAt = 0;

  askToClear(host: Host, intent: Intent, now: number): void {
    this.askAgainAt = now + 3_000;
    this.ask(host, intent, () => {
      this.askAgainAt = now;
    });
  }

  /** A leader begins to plan by this document: nothing accepted in an earlier term may be missing from it. */
  leaderBegan(leader: string, term: number, version: IntentsVersion): void {
    this.#begun.push({ term, version, leader });
    if (this.#newest !== null && this.#newest.term < term && isNewerVersion(this.#newest, version)) {
      lost(leader, term, version, this.#newest);
    }
  }

  /** The last document holds what was accepted last about each thing, unless something later may have undone it. */
  checkLast(doc: Intents): void {
    const last = new Map<string, Wish & { readonly version: IntentsVersion }>();
    for (const wish of this.#wishes) {
      if (wish.answer?.kind !== "accepted") continue;
      const before = last.get(wish.key);
      const { version } = wish.answer;
      if (before === undefined || !isNewerVersion(before.version, version))
        last.set(wish.key, { ...wish, version });
    }
    for (const [key, wish] of last) {
      if (key.startsWith("switchover")) continue;
      const isOpen = this.#wishes.some(
        (w) => w.key === key && (w.answer === null || w.answer.kind === "unknown"),
      );
      if (isOpen || isIn(doc, key) === wish.value) continue;
      throw new Violation("intent-lost", `${key} was accepted as ${wish.value}, the document says otherwise`);
    }
  }

  #accepted(version: IntentsVersion): void {
    if (this.#newest === null || isNewerVersion(version, this.#newest)) this.#newest = version;
    for (const begun of this.#begun) {
      if (begun.term > version.term && isNewerVersion(version, begun.version)) {
        lost(begun.leader, begun.term, begun.version, version);
      }
    }
  }

  #something(): Intent {
    const chance = this.#chance;
    const nodes = this.#hosts.filter((h) => h.member.kind === "node").map((h) => h.id);
    const services = (this.#hosts[0] as Host).around.config.services.map((s) => s.name);
    switch (chance.int(8)) {
      case 0:
      case 1:
      case 2:
        return {
          kind: "switchover",
          service: chance.pick(services),
          to: chance.chance(0.5) ? null : chance.pick(nodes),
        };
      case 3:
        return { kind: "drain", node: chance.pick(nodes) };
      case 4:
        return { kind: "undrain", node: chance.pick(nodes) };
      case 5:
        return { kind: "maintenance", on: true, target: { kind: "service", service: chance.pick(services) } };
      case 6:
        return {
          kind: "maintenance",
          on: false,
          target: { kind: "service", service: chance.pick(services) },
        };
      default:
        return {
          kind: "maintenance",
          on: chance.chance(0.5),
          target: { kind: "node", node: chance.pick(nodes) },
        };
    }
  }
}

/** Everything back to normal: what operators do when the faults are over. */
export function clearing(doc: Intents): Intent | null {
  const [node] = doc.drained;
  if (node !== undefined) return { kind: "undrain", node };
  if (doc.maintenanceAll) return { kind: "maintenance", on: false, target: null };
  const [service] = doc.maintenanceServices;
  if (service !== undefined) return { kind: "maintenance", on: false, target: { kind: "service", service } };
  const [held] = doc.maintenanceNodes;
  if (held !== undefined) return { kind: "maintenance", on: false, target: { kind: "node", node: held } };
  return null;
}

function meaningOf(intent: Intent): { readonly key: string; readonly value: boolean } {
  switch (intent.kind) {
    case "switchover":
      return { key: `switchover ${intent.service}`, value: true };
    case "drain":
    case "undrain":
      return { key: `drain ${intent.node}`, value: intent.kind === "drain" };
    case "maintenance": {
      const { target, on } = intent;
      if (target === null) return { key: "maintenance", value: on };
      return { key: `maintenance ${target.kind === "node" ? target.node : target.service}`, value: on };
    }
  }
}

function isIn(doc: Intents, key: string): boolean {
  const [what = "", name = ""] = key.split(" ");
  if (what === "drain") return doc.drained.some((each) => each === name);
  if (name === "") return doc.maintenanceAll;
  return [...doc.maintenanceNodes, ...doc.maintenanceServices].some((each) => each === name);
}

function lost(leader: string, term: number, began: IntentsVersion, accepted: IntentsVersion): never {
  const text = `${leader} leads in term ${term} by intents ${began.term}.${began.number}, but ${accepted.term}.${accepted.number} was accepted`;
  throw new Violation("intent-lost", text);
}
