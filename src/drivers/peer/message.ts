// The shape of messages between workers. Who sent one is certain already; this catches bugs, and senders of another
// version that say what cannot be understood here, before the worker follows a field that is not there.
//
// A field is added with a default (defaults.ts). A kind or a word more in a list of words is no message to the
// version before: that one has to know it first, and a later one may say it (docs/decisions/0007-versions.md).

import type { DeathProof } from "#model/fencing.ts";
import type { NodeId, ServiceName } from "#model/ids.ts";
import type { Intent, Intents, IntentsVersion, MaintenanceTarget, Switchover } from "#model/intents.ts";
import type {
  ClusterPicture,
  IntentAnswer,
  MemberPicture,
  Message,
  NodeReport,
  Order,
  OrderId,
  Placement,
  Proving,
  ServiceReport,
  WantedRole,
} from "#model/order.ts";
import type { Reason } from "#model/reason.ts";
import type { Session } from "#model/session.ts";
import type { Term } from "#model/units.ts";
import {
  branded,
  list,
  name,
  nullable,
  object,
  oneOf,
  type Shape,
  text,
  truth,
  union,
  whole,
} from "./shape.ts";

type Of<K extends Message["kind"]> = Extract<Message, { readonly kind: K }>;

const node = branded<NodeId>(name);
const service = branded<ServiceName>(name);
const term = branded<Term>(whole);
const session = object<Session>({ boot: whole, lapses: whole });
const reason = object<Reason>({ code: text, text });
const role = oneOf("stopped", "standby", "active");
const standing = oneOf("stopped", "standby", "active", "changing", "unknown");
const health = oneOf("healthy", "failing", "unknown");
const reach = oneOf("ok", "none", "unknown");

const version = object<IntentsVersion>({ term, number: whole });
const intents = object<Intents>({
  version,
  maintenanceAll: truth,
  maintenanceNodes: list(node),
  maintenanceServices: list(service),
  drained: list(node),
  switchovers: list(object<Switchover>({ service, to: node })),
});
const target = union<MaintenanceTarget>({
  node: object({ kind: oneOf("node"), node }),
  service: object({ kind: oneOf("service"), service }),
});
const intent = union<Intent>({
  switchover: object({ kind: oneOf("switchover"), service, to: nullable(node) }),
  drain: object({ kind: oneOf("drain"), node }),
  undrain: object({ kind: oneOf("undrain"), node }),
  maintenance: object({ kind: oneOf("maintenance"), on: truth, target: nullable(target) }),
});
const answer = union<IntentAnswer>({
  accepted: object({ kind: oneOf("accepted"), version, text }),
  refused: object({ kind: oneOf("refused"), reason: text }),
  unknown: object({ kind: oneOf("unknown"), reason: text }),
});

const orderId = object<OrderId>({ term, number: whole });
const order = object<Order>({
  id: orderId,
  to: node,
  session,
  wanted: nullable(list(object<WantedRole>({ service, role }))),
});
const placement = object<Placement>({
  service,
  node: nullable(node),
  reasons: list(reason),
  active: nullable(node),
  waiting: nullable(reason),
  health,
  ready: list(node),
});
const member = object<MemberPicture>({
  node,
  standing: oneOf("alive", "silent", "excluded", "left"),
  reach,
  leaving: truth,
  differs: truth,
});
const proof = object<DeathProof>({
  node,
  boot: whole,
  lapses: nullable(whole),
  kind: oneOf("fenced", "watchdog", "confirmed-dead"),
  sentence: text,
});
const proving = object<Proving>({ node, state: oneOf("under-way", "waiting", "blocked"), text });
const picture = object<ClusterPicture>({
  leader: node,
  term,
  phase: oneOf("collecting", "leading"),
  members: list(member),
  placements: list(placement),
  intents,
  proofs: list(proof),
  proving: list(proving),
});
const report = object<NodeReport>({
  node,
  session,
  number: whole,
  term,
  order: nullable(orderId),
  services: list(
    object<ServiceReport>({
      service,
      standing,
      health,
      failures: whole,
      stuck: truth,
      heldDown: truth,
      flaps: whole,
      detail: nullable(text),
    }),
  ),
  reach,
  leaving: truth,
  config: text,
  intents: nullable(intents),
  proofs: list(proof),
});

const KINDS = {
  order: object<Of<"order">>({ kind: oneOf("order"), order, picture, reportSeen: whole }),
  report: object<Of<"report">>({ kind: oneOf("report"), report }),
  "store-intents": object<Of<"store-intents">>({ kind: oneOf("store-intents"), term, intents }),
  "intents-stored": object<Of<"intents-stored">>({ kind: oneOf("intents-stored"), term, version }),
  ask: object<Of<"ask">>({ kind: oneOf("ask"), id: text, term, intent }),
  answer: object<Of<"answer">>({ kind: oneOf("answer"), id: text, term, answer }),
};

/** Whether a value is a message. It may still contradict itself or speak for others: see `isHonest`. */
export const isMessage: Shape<Message> = union<Message>(KINDS);

/** Whether it may be a message to a later version. */
export function isOfUnknownKind(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return typeof value.kind === "string" && !Object.hasOwn(KINDS, value.kind);
}

/** A node reports on itself alone, and an order is for whom it was sent to. */
export function isHonest(message: Message, from: NodeId, to: NodeId): boolean {
  if (message.kind === "report") return message.report.node === from;
  return message.kind !== "order" || (message.order.to === to && message.picture.leader === from);
}

/** Of two messages to one node with the same slot only the newer matters. */
export function slotOf(message: Message): string {
  return message.kind === "ask" || message.kind === "answer" ? `${message.kind} ${message.id}` : message.kind;
}
