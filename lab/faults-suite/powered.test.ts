// What judges the order of power and starts must see a process that was started too early, or twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeOrder } from "./powered.ts";

test("stopped, switched off or said to be dead before the start elsewhere: nothing to complain of", () => {
  const lines = ["start chip", "stop chip", "start dale", "off dale", "start chip", "on dale", "dead chip"];
  assert.deepEqual(judgeOrder([...lines, "start dale", "start dale"]), []);
});

test("started elsewhere before its node was off, or while another node was switched off", () => {
  const early = /^db was started on dale, and nothing had ended it on chip$/;
  assert.match(judgeOrder(["start chip", "start dale", "off chip"]).join(), early);
  assert.match(judgeOrder(["start chip", "off dale", "start dale"]).join(), early);
  assert.match(judgeOrder(["start chip", "on chip", "start dale"]).join(), early);
});

test("a second one that found the lock taken", () => {
  const [problem] = judgeOrder(["start chip", "off chip", "double dale"]);
  assert.equal(problem, "db was started on dale while it ran elsewhere");
});
