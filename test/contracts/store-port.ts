// The contract of StorePort: what every store must do, the one on disk and the simulated one.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StorePort, StoreWritten } from "#ports/store.ts";

/** `reopen` gives the store of the next life on the same directory. */
export interface StoreBench {
  readonly store: StorePort;
  reopen(): StorePort;
}

export function storeContract(name: string, open: () => StoreBench): void {
  const write = (store: StorePort, document: string, text: string): Promise<StoreWritten> =>
    new Promise((resolve) => store.write(document, text, resolve));

  test(`${name}: what was never written is absent`, () => {
    assert.deepEqual(open().store.read("term"), { kind: "absent" });
  });

  test(`${name}: what was written is found, by the next life too, and names do not mix`, async () => {
    const { store, reopen } = open();
    assert.deepEqual(store.writeSync("term", '{"term":7}'), { kind: "done" });
    assert.deepEqual(await write(store, "intents", "größer\n"), { kind: "done" });
    for (const one of [store, reopen()]) {
      assert.deepEqual(one.read("term"), { kind: "found", text: '{"term":7}' });
      assert.deepEqual(one.read("intents"), { kind: "found", text: "größer\n" });
      assert.deepEqual(one.read("other"), { kind: "absent" });
    }
  });

  test(`${name}: an empty text is a text`, () => {
    const { store, reopen } = open();
    store.writeSync("term", "something");
    assert.deepEqual(store.writeSync("term", ""), { kind: "done" });
    assert.deepEqual(reopen().read("term"), { kind: "found", text: "" });
  });

  test(`${name}: no answer comes before write returns, and the answers keep the order`, async () => {
    const { store } = open();
    const answered: string[] = [];
    let hasReturned = false;
    await new Promise<void>((resolve) => {
      for (const text of ["a", "b", "c"]) {
        store.write("intents", text, (written) => {
          assert.ok(hasReturned);
          answered.push(`${text} ${written.kind}`);
          if (text === "c") resolve();
        });
      }
      hasReturned = true;
    });
    assert.deepEqual(answered, ["a done", "b done", "c done"]);
    assert.deepEqual(store.read("intents"), { kind: "found", text: "c" });
  });
}
