// The store on disk against the contract of StorePort.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { openStore } from "#drivers/store/store.ts";
import type { StorePort } from "#ports/store.ts";
import { storeContract } from "./store-port.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-store-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

storeContract("disk", () => {
  count += 1;
  const directory = join(folder, String(count));
  const open = (): StorePort => {
    const opened = openStore(directory);
    assert.ok(opened.kind === "open");
    return opened.store;
  };
  return { store: open(), reopen: open };
});
