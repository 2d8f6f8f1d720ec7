import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MemberStatus, ServiceStatus, StatusDocument } from "#api/protocol.ts";
import { isWhole } from "./cluster.ts";

/** Only what the question looks at. */
function status({
  mayAct = true,
  phase = "leading",
  follows = "chip",
  witness = { heard: "alive", standing: null },
  web = { active: "chip", wanted: "chip", waiting: null },
}: {
  mayAct?: boolean;
  phase?: "leading" | "collecting";
  follows?: string;
  witness?: Partial<MemberStatus>;
  web?: Partial<ServiceStatus>;
} = {}): StatusDocument {
  return {
    lease: { may_act: mayAct, leader: follows },
    picture: { leader: "chip", phase },
    members: [{ heard: "alive", standing: "alive" }, witness],
    services: [web],
  } as unknown as StatusDocument;
}

describe("whether the cluster is whole", () => {
  test("everybody is heard and the service is where it should be", () => {
    assert.equal(isWhole(status()), true);
  });

  test("a lapse, a new leader, or one that still collects leave it unknown", () => {
    assert.equal(isWhole(status({ mayAct: false })), false);
    assert.equal(isWhole(status({ follows: "dale" })), false);
    assert.equal(isWhole(status({ phase: "collecting" })), false);
    assert.equal(isWhole({ ...status(), lease: null, picture: null }), false);
  });

  test("a member that this node or the leader does not hear is missing", () => {
    assert.equal(isWhole(status({ witness: { heard: "silent", standing: null } })), false);
    assert.equal(isWhole(status({ witness: { heard: "alive", standing: "excluded" } })), false);
  });

  test("a service on its way, or nowhere, is not where it should be", () => {
    assert.equal(isWhole(status({ web: { active: "chip", wanted: "dale", waiting: null } })), false);
    assert.equal(isWhole(status({ web: { active: null, wanted: null, waiting: null } })), false);
  });
});
